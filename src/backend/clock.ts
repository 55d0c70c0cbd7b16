import { executionAsyncResource } from 'node:async_hooks'
import { setImmediate } from 'node:timers'
import { MessageChannel } from 'node:worker_threads'

// Node's own, also where a test replaces timers while a fit runs, or where there are none among the globals, as in jest's jsdom.
const later = setImmediate

/** Milliseconds, to measure how long something takes. */
export const now = performance.now.bind(performance)

/** Whether `later` is Node's own: not where timers were replaced before this file was loaded. And when the loop turned last, by `now`. */
export const loop = { turns: false, at: 0 }
const first: object = later(() => {
  loop.turns = executionAsyncResource() === first // whoever stands in for it calls it from elsewhere
})

/** As `later`, by what nobody replaces; slower. */
function byMessage(then: () => void): void {
  const { port1, port2 } = new MessageChannel()
  port1.once('message', () => {
    port1.close()
    then()
  })
  port2.postMessage(undefined)
}

let turning: Promise<void> | undefined

/** Lets the event loop turn: once for all who wait, each of whom would else go on before it does. */
export function turn(): Promise<void> {
  if (turning !== undefined) return turning
  let resolve: () => void = () => {}
  const next = new Promise<void>((done) => {
    resolve = done
  })
  const turned = () => {
    turning = undefined
    loop.at = now()
    resolve()
  }
  if (loop.turns) later(turned)
  else byMessage(turned)
  turning = next // only now: where the stack had no room for the calls above, whoever comes later would wait for ever
  return next
}
