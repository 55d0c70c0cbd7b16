import type { Epoch } from './epoch.js'
import type { History } from './history.js'
import { NonFiniteError } from './non-finite-error.js'

const LOSSES = { nonFinite: 'loss', valNonFinite: 'validation loss' } as const

/** Notes where a loss stopped being finite, and tells of the first in a fit: by the error that is to end it, or a warning. */
export function reportNonFinite(
  which: keyof typeof LOSSES,
  pass: Epoch,
  done: number,
  epoch: number,
  history: History,
  stop: boolean,
): NonFiniteError | undefined {
  if (history[which] !== undefined) return undefined
  const index = pass.firstNonFinite(done)
  if (index < 0) return undefined
  const told = history.nonFinite ?? history.valNonFinite
  const step = index + 1
  history[which] = { epoch, step }
  const value = `${pass.logs[0].data[index]} at epoch ${epoch}, step ${step}`
  const name = LOSSES[which]
  if (stop) return new NonFiniteError('fit', `a finite ${name}`, value, history)
  if (told === undefined) {
    const advice = 'look for NaN or infinity in the data, or lower the learning rate'
    process.emitWarning(`fit: the ${name} is ${value} (${advice})`, { code: 'LANEWISE_NON_FINITE' })
  }
  return undefined
}
