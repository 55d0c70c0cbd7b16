import { isFloat } from '../dtype.js'
import { describe, ValueError } from '../errors.js'
import type { Loss } from '../losses/index.js'
import { accuracy, binaryAccuracy, meanAbsoluteError, meanSquaredError } from '../ops/losses.js'
import type { Tensor } from '../tensor.js'
import { validationName } from '../train/history.js'

/** A figure of a batch, a mean over its rows (one element), computed by ops on the tape. */
export interface Metric {
  /** What logs and the history call it. */
  readonly name: string
  /** From predictions [rows, …output] and the targets as the loss takes them: one element. */
  call(predictions: Tensor, targets: Tensor): Tensor
  /** Functions have a name and a call, too, but are no metrics: accuracy is 'accuracy'. */
  readonly apply?: never
}

/** Share of right answers: by class number, by one-hot row, or, for one output a row, by a threshold of 0.5. */
const accuracyMetric: Metric = {
  name: 'accuracy',
  call(p, t) {
    return isFloat(t.dtype) && p.shape[p.rank - 1] === 1 ? binaryAccuracy(p, t) : accuracy(p, t)
  },
}

const meanSquaredErrorMetric: Metric = { name: 'meanSquaredError', call: meanSquaredError }

const meanAbsoluteErrorMetric: Metric = { name: 'meanAbsoluteError', call: meanAbsoluteError }

const NAMED = {
  accuracy: accuracyMetric,
  meanSquaredError: meanSquaredErrorMetric,
  mse: meanSquaredErrorMetric,
  meanAbsoluteError: meanAbsoluteErrorMetric,
  mae: meanAbsoluteErrorMetric,
  binaryAccuracy: { name: 'binaryAccuracy', call: (p: Tensor, t: Tensor) => binaryAccuracy(p, t) },
}
/**
 * The metrics that have a name. accuracy is the share of right answers: the greatest output's place beside the class number or the one-hot
 * row's or, of one output a row, whether it is above 0.5 where the target is 1; binaryAccuracy is that of each of several outputs. mse and mae are
 * called meanSquaredError and meanAbsoluteError in logs and histories.
 */
export type MetricName = keyof typeof NAMED

/** Those that compare numbers: class numbers are no targets for them. */
const OF_NUMBERS: readonly Metric[] = [meanSquaredErrorMetric, meanAbsoluteErrorMetric, NAMED.binaryAccuracy]

/** The metrics of a model. In a history their names, and those of their figures of validation data, stand beside the loss's. */
export function resolveMetrics(wishes: readonly (Metric | MetricName)[], loss: Loss): Metric[] {
  const metrics = Array.from(wishes, resolveMetric)
  const unfit = loss.targets === 'index' ? metrics.find((m) => OF_NUMBERS.includes(m)) : undefined
  if (unfit !== undefined)
    throw new ValueError('compile', `metrics of class numbers, which loss ${loss.name} takes`, describe(unfit.name))
  const names = ['loss', ...metrics.map((m) => m.name)].flatMap((name) => [name, validationName(name)])
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice !== undefined)
    throw new ValueError('compile', 'metrics of different names, with val before them too', `${describe(twice)} twice`)
  return metrics
}

function resolveMetric(wish: Metric | MetricName): Metric {
  if (typeof wish === 'object' && wish !== null && typeof wish.call === 'function' && typeof wish.name === 'string') {
    if (wish.name === '' || wish.name === 'loss' || wish.name === '__proto__')
      throw new ValueError('compile', 'a metric with a name of its own', describe(wish.name))
    return wish
  }
  if (typeof wish === 'string' && Object.hasOwn(NAMED, wish)) return NAMED[wish]
  throw new ValueError('compile', `a metric { name, call } or one of ${Object.keys(NAMED).join(', ')}`, describe(wish))
}
