// What a function sets while it runs, and takes back in `finally`, stays where V8 ends the function at once: it runs no `finally` after Ctrl-C in
// Node's REPL, nor when a time limit of node:vm has passed. No such function lasts beyond a turn of the event loop, which takes it all back.
import { setImmediate } from 'node:timers'

const takeBack: (() => void)[] = []
let waiting = false

/** `fn` takes back what functions of its file may have left. */
export function onInterrupted(fn: () => void): void {
  takeBack.push(fn)
}

/** Called by each such function when it begins; costs something once a turn. */
export function begins(): void {
  if (waiting) return
  waiting = true
  setImmediate(() => {
    waiting = false
    for (const fn of takeBack) fn()
  }).unref()
}
