import { crossEntropy, meanSquaredError as meanSquaredErrorOp } from '../ops/losses.js'
import type { Tensor } from '../tensor.js'
import { asFloat, asTargets, dtypeAmong, type Values } from './inputs.js'

/**
 * The mean over the rows of −log y[i, t_i], in nats: y [m, n] are probabilities, t class numbers [m] (−Σ t·log y for
 * one-hot rows [m, n]). A single example is y [n] with one label, or a one-hot vector [n]. Probabilities below 1e-7
 * count as 1e-7, as in Keras, so that the logarithm stays finite; others are taken as they are.
 * @throws IndexError for a label outside 0 … n − 1
 */
export function crossEntropyError(y: Values, t: Values): Tensor {
  const p = asFloat('crossEntropyError', 'y', y, dtypeAmong(y))
  const { rows, targets } = asTargets('crossEntropyError', p, t)
  return crossEntropy(rows, targets)
}

/** The mean of (y − t)² over all elements; y and t of one shape. (Some texts take half the sum instead.) */
export function meanSquaredError(y: Values, t: Values): Tensor {
  const dtype = dtypeAmong(y, t)
  return meanSquaredErrorOp(asFloat('meanSquaredError', 'y', y, dtype), asFloat('meanSquaredError', 't', t, dtype))
}
