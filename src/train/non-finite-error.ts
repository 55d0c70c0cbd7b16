import { keepNames, LanewiseError } from '../errors.js'
import type { History } from './history.js'

/** Training stopped because a loss was not finite and `stopOnNonFinite` asked for it. */
export class NonFiniteError extends LanewiseError {
  constructor(
    op: string,
    expected: string,
    received: string,
    /** What fit would have returned: the whole epochs, and the steps up to the one that was not finite. */
    readonly history: History,
  ) {
    super(op, expected, received)
  }
}

keepNames({ NonFiniteError })
