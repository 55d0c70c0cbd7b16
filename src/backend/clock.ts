import { setImmediate } from 'node:timers'

// Node's own, also where a test replaces timers while a fit runs, or where there are none among the globals, as in jest's jsdom.
const later = setImmediate

/** Milliseconds, to measure how long something takes. */
export const now = performance.now.bind(performance)

/** When the event loop turned last, by `now`, and whether it does: not where timers were replaced before this file was loaded. */
export const loop = { turns: false, at: 0 }
later(() => {
  loop.turns = true
})

/** Lets the event loop turn. */
export const turn = () =>
  new Promise<void>((resolve) => {
    later(() => {
      loop.at = now()
      resolve()
    })
  })
