import { History } from './history.js'

/** Whether an error is what a signal ends a task with. */
export function isAbort(error: unknown, signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true && error === signal.reason
}

/**
 * Gives the reason of an abort the history so far, as a NonFiniteError has it. The reason is the caller's: what it has of that
 * name stays (but for the history of another fit that the same signal ended), and one that is frozen or no error gets none.
 */
export function addHistory(reason: unknown, history: History): void {
  if (!(reason instanceof Error) || ('history' in reason && !(reason.history instanceof History))) return
  Reflect.defineProperty(reason, 'history', { value: history, writable: true, configurable: true })
}
