// What a function sets while it runs, and takes back in `finally`, stays where V8 ends the function at once: it runs no `finally` after Ctrl-C in
// Node's REPL, nor when a time limit of node:vm has passed. No such function goes on once other JavaScript runs, so it is all taken back then: as a
// microtask and, as V8 may have dropped those too, when the event loop turns.
import { setImmediate } from 'node:timers'

// Node's own, also where a test replaces them later.
const [soon, later] = [queueMicrotask, setImmediate]

const takeBack: (() => void)[] = []
let asMicrotask = false
let asImmediate = false

/** `fn` takes back what functions of its file may have left. */
export function onInterrupted(fn: () => void): void {
  takeBack.push(fn)
}

function takeAllBack(): void {
  for (const fn of takeBack) fn()
}

/** Called by each such function when it begins; costs something once a turn. */
export function begins(): void {
  if (!asMicrotask) {
    soon(() => {
      asMicrotask = false
      takeAllBack()
    })
    asMicrotask = true
  }
  if (!asImmediate) {
    later(() => {
      asMicrotask = asImmediate = false
      takeAllBack()
    }).unref() // or a process would not end whose `beforeExit` predicts
    asImmediate = true
  }
}

/** What is set for the time of a call, and `usual` at all others. */
export class Setting<T> {
  now: T
  constructor(usual: T) {
    this.now = usual
    onInterrupted(() => {
      this.now = usual
    })
  }

  /** Runs fn with this value. */
  during<R>(value: T, fn: () => R): R {
    begins()
    const before = this.now
    this.now = value
    try {
      return fn()
    } finally {
      this.now = before
    }
  }
}
