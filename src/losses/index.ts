import { describe, ValueError } from '../errors.js'
import { Sigmoid, Softmax } from '../nn/layers.js'
import type { Module } from '../nn/module.js'
import {
  binaryCrossEntropy,
  binaryCrossEntropyFromLogits,
  crossEntropy,
  meanSquaredError,
  softmaxCrossEntropy,
} from '../ops/losses.js'
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
  /** From the model's output. */
  call(predictions: Tensor, targets: Tensor): Tensor
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

/** Cross-entropy with class numbers as labels. */
export const sparseCategoricalCrossentropy: Loss = {
  name: 'sparseCategoricalCrossentropy',
  targets: 'index',
  call: crossEntropy,
  fused: softmaxFused,
}
/** Cross-entropy with one-hot (or soft) rows as labels. */
export const categoricalCrossentropy: Loss = {
  name: 'categoricalCrossentropy',
  targets: 'dense',
  call: crossEntropy,
  fused: softmaxFused,
}
/** Cross-entropy of independent yes-or-no outputs. */
export const binaryCrossentropy: Loss = {
  name: 'binaryCrossentropy',
  targets: 'dense',
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

export function resolveLoss(wish: Loss | LossName): Loss {
  if (typeof wish === 'object' && wish !== null && typeof wish.call === 'function') return wish
  if (typeof wish === 'string' && Object.hasOwn(NAMED, wish)) return NAMED[wish]
  throw new ValueError('compile', `a loss or one of ${Object.keys(NAMED).join(', ')}`, describe(wish))
}
