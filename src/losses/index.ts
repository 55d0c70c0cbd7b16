import { describe, ValueError } from '../errors.js'
import { Affine, LeakyRelu, Relu, Sigmoid, Softmax, Tanh } from '../nn/layers.js'
import type { Module } from '../nn/module.js'
import { divide } from '../ops/binary.js'
import {
  binaryCrossEntropy,
  binaryCrossEntropyFromLogits,
  crossEntropy,
  meanSquaredError,
  softmaxCrossEntropy,
} from '../ops/losses.js'
import { sum } from '../ops/reduce.js'
import { sigmoid } from '../ops/unary.js'
import type { Tensor } from '../tensor.js'

/** What a loss makes of a batch: its mean over the rows, and the model's predictions for metrics. */
export interface LossResult {
  loss: Tensor
  predictions: Tensor
}

export interface Loss {
  readonly name: string
  /** 'index': class numbers [rows]; 'dense': numbers in the shape of the output. */
  readonly targets: 'index' | 'dense'
  /** From the model's output; the mean over the batch, one element. */
  call(predictions: Tensor, targets: Tensor): Tensor
  /** The outputs have to be probabilities: a last layer that never gives any is an error of compile. */
  readonly probabilities?: true
  /** A more exact and quicker way from the input of the model's last layer, where that layer is of this class. */
  readonly fused?: { layer: new () => Module; call(logits: Tensor, targets: Tensor): LossResult }
}

const softmaxFused = {
  layer: Softmax,
  call(logits: Tensor, targets: Tensor): LossResult {
    const { loss, probabilities } = softmaxCrossEntropy(logits, targets)
    return { loss, predictions: probabilities }
  },
}

const sigmoidFused = {
  layer: Sigmoid,
  call(logits: Tensor, targets: Tensor): LossResult {
    return { loss: binaryCrossEntropyFromLogits(logits, targets), predictions: sigmoid(logits) }
  },
}

/** Rows are divided by their sums first, as in Keras: no output gains by all of a row growing. */
function crossEntropyOfRows(p: Tensor, t: Tensor): Tensor {
  return crossEntropy(divide(p, sum(p, -1, { keepDims: true })), t)
}

/** Cross-entropy with class numbers as labels. */
export const sparseCategoricalCrossentropy: Loss = {
  name: 'sparseCategoricalCrossentropy',
  targets: 'index',
  probabilities: true,
  call: crossEntropyOfRows,
  fused: softmaxFused,
}
/** Cross-entropy with one-hot (or soft) rows as labels. */
export const categoricalCrossentropy: Loss = {
  name: 'categoricalCrossentropy',
  targets: 'dense',
  probabilities: true,
  call: crossEntropyOfRows,
  fused: softmaxFused,
}
/** Cross-entropy of independent yes-or-no outputs. */
export const binaryCrossentropy: Loss = {
  name: 'binaryCrossentropy',
  targets: 'dense',
  probabilities: true,
  call: binaryCrossEntropy,
  fused: sigmoidFused,
}
/** Mean of squared differences over all elements. */
export const meanSquaredErrorLoss: Loss = { name: 'meanSquaredError', targets: 'dense', call: meanSquaredError }

const NAMED = {
  sparseCategoricalCrossentropy,
  categoricalCrossentropy,
  binaryCrossentropy,
  meanSquaredError: meanSquaredErrorLoss,
  mse: meanSquaredErrorLoss,
}
export type LossName = keyof typeof NAMED

const NO_PROBABILITIES: readonly (new (...args: never[]) => Module)[] = [Affine, Tanh, Relu, LeakyRelu]

/** The loss of a model whose last layer is `last`. */
export function resolveLoss(wish: Loss | LossName, last: Module | undefined): Loss {
  const loss = named(wish)
  if (loss.probabilities && NO_PROBABILITIES.some((Kind) => last?.constructor === Kind)) {
    const layer = loss.fused?.layer.name ?? 'a layer that gives probabilities'
    throw new ValueError('compile', `${layer} as the last layer, for ${loss.name}`, (last as Module).kind)
  }
  return loss
}

function named(wish: Loss | LossName): Loss {
  if (typeof wish === 'object' && wish !== null && typeof wish.call === 'function') return wish
  if (typeof wish === 'string' && Object.hasOwn(NAMED, wish)) return NAMED[wish]
  const what = `a loss { name, targets, call } or one of ${Object.keys(NAMED).join(', ')}`
  throw new ValueError('compile', what, describe(wish))
}
