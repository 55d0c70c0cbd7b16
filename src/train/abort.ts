import { types } from 'node:util'
import type { AbortSignalLike } from '../backend/backend.js'
import { History } from './history.js'

/** Whether an error is what a signal ends a task with. */
export function isAbort(error: unknown, signal: AbortSignalLike | undefined): boolean {
  return signal?.aborted === true && error === signal.reason
}

/**
 * Gives the reason of an abort the history so far, as a NonFiniteError has it. The reason is the caller's: what it has of that
 * name stays (but for the history of another fit that the same signal ended), and one that is frozen or no error gets none.
 */
export function addHistory(reason: unknown, history: History): void {
  if (!isError(reason) || ('history' in reason && !(reason.history instanceof History))) return
  Reflect.defineProperty(reason, 'history', { value: history, writable: true, configurable: true })
}

/** Also one of another realm: in a vm's context, as tests run in, AbortSignal and its errors are those of the outside. */
function isError(value: unknown): value is Error {
  const name = Object.prototype.toString.call(value)
  return value instanceof Error || types.isNativeError(value) || name === '[object DOMException]'
}
