import { setImmediate } from 'node:timers'

// Node's own, also where a test replaces timers while a fit runs, or where there are none among the globals, as in jest's jsdom.
const later = setImmediate

/** Milliseconds, to measure how long something takes. */
export const now = performance.now.bind(performance)

/** Lets the event loop turn. */
export const turn = () => new Promise<void>((resolve) => later(resolve))

/** Whether it has turned: never where timers were replaced before this file was loaded. */
export const loop = { turns: false }
later(() => {
  loop.turns = true
})
