import { setImmediate } from 'node:timers'

// Node's own, also where a test replaces timers while a fit runs, or where there is none among the globals, as in jest's jsdom.
const later = setImmediate

/** Lets the event loop turn. */
export const turn = () => new Promise<void>((resolve) => later(resolve))
