import { Sigmoid, Softmax } from '../nn/layers.js'
import type { Module } from '../nn/module.js'
import { divide } from '../ops/binary.js'
import {
  binaryCrossEntropy,
  binaryCrossEntropyFromLogits,
  crossEntropy,
  meanAbsoluteError as meanAbsoluteErrorOp,
  meanSquaredError as meanSquaredErrorOp,
  softmaxCrossEntropy,
} from '../ops/losses.js'
import { sum } from '../ops/reduce.js'
import { sigmoid } from '../ops/unary.js'
import type { Tensor } from '../tensor.js'

/** What a loss makes of a batch: its mean over the rows, and the model's predictions for metrics. */
export interface LossResult {
  /** One element. */
  loss: Tensor
  /** [rows, …output] */
  predictions: Tensor
}

/** A loss for compile: one of `losses`, or the caller's own. */
export interface Loss {
  /** What errors call it. */
  readonly name: string
  /** 'index': class numbers [rows]; 'dense': numbers in the shape of the output; 'any': numbers [rows, …] of the model's float dtype, with weights, say. */
  readonly targets: 'index' | 'dense' | 'any'
  /**
   * From the model's output; the mean over the batch, one element. fit calls it once, to record it: a number that a callback is to change
   * has to be a tensor (`beta = zeros([])`, then `beta.set(0.5)`). Class numbers come as int32.
   */
  call(predictions: Tensor, targets: Tensor): Tensor
  /** The outputs have to be probabilities: a last layer that never gives any is an error of compile. */
  readonly probabilities?: true | undefined
  /**
   * A more exact and quicker way from the input of the model's last layer, where that layer is of this class and the loss's `call`
   * is `of`, the one that this stands for: a copy of a loss with a call of its own is computed by that. No probability is limited then,
   * as in Keras on TensorFlow: a row that is wrong and sure of it still has a gradient.
   */
  readonly fused?: {
    readonly of: Loss['call']
    readonly layer: new () => Module
    call(logits: Tensor, targets: Tensor): LossResult
  }
}

const softmaxFused = {
  of: crossEntropyOfRows,
  layer: Softmax,
  call(logits: Tensor, targets: Tensor): LossResult {
    const { loss, probabilities } = softmaxCrossEntropy(logits, targets)
    return { loss, predictions: probabilities }
  },
}

const sigmoidFused = {
  of: binaryCrossEntropy,
  layer: Sigmoid,
  call(logits: Tensor, targets: Tensor): LossResult {
    return { loss: binaryCrossEntropyFromLogits(logits, targets), predictions: sigmoid(logits) }
  },
}

/** Rows are divided by their sums first, as in Keras: no output gains by all of a row growing. */
function crossEntropyOfRows(p: Tensor, t: Tensor): Tensor {
  return crossEntropy(divide(p, sum(p, -1, { keepDims: true })), t)
}

/** Cross-entropy with class numbers as labels: p [rows, classes], t [rows] → the mean of −log p[i, t_i], p within [1e-7, 1] (but see `fused`). */
export const sparseCategoricalCrossentropy: Loss = {
  name: 'sparseCategoricalCrossentropy',
  targets: 'index',
  probabilities: true,
  call: crossEntropyOfRows,
  fused: softmaxFused,
}
/** Cross-entropy with one-hot (or soft) rows as labels: p and t [rows, classes] → −Σ t·log p / rows, p within [1e-7, 1] (but see `fused`). */
export const categoricalCrossentropy: Loss = {
  name: 'categoricalCrossentropy',
  targets: 'dense',
  probabilities: true,
  call: crossEntropyOfRows,
  fused: softmaxFused,
}
/** Cross-entropy of independent yes-or-no outputs: the mean of −t·log p − (1−t)·log(1−p), p within [1e-7, 1 − 1e-7] (but see `fused`). */
export const binaryCrossentropy: Loss = {
  name: 'binaryCrossentropy',
  targets: 'dense',
  probabilities: true,
  call: binaryCrossEntropy,
  fused: sigmoidFused,
}
/** Mean of squared differences over all elements. */
export const meanSquaredError: Loss = { name: 'meanSquaredError', targets: 'dense', call: meanSquaredErrorOp }
/** Mean of absolute differences over all elements: outliers count less than by their squares. */
export const meanAbsoluteError: Loss = { name: 'meanAbsoluteError', targets: 'dense', call: meanAbsoluteErrorOp }
