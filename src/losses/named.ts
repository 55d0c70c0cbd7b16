import { describe, TypeMismatchError, ValueError } from '../errors.js'
import { Affine, LeakyRelu, Relu, Softmax, Tanh } from '../nn/layers.js'
import type { Module } from '../nn/module.js'
import {
  binaryCrossentropy,
  categoricalCrossentropy,
  type Loss,
  meanAbsoluteError,
  meanSquaredError,
  sparseCategoricalCrossentropy,
} from './index.js'

const NAMED = {
  sparseCategoricalCrossentropy,
  categoricalCrossentropy,
  binaryCrossentropy,
  meanSquaredError,
  mse: meanSquaredError,
  meanAbsoluteError,
  mae: meanAbsoluteError,
}
/** The losses that have a name; Keras's names in camel case. */
export type LossName = keyof typeof NAMED

const NO_PROBABILITIES: readonly (new (...args: never[]) => Module)[] = [Affine, Tanh, Relu, LeakyRelu]

/** The quicker way of a loss, unless it is a copy with a call of its own. */
export const fusedOf = (loss: Loss): Loss['fused'] => (loss.call === loss.fused?.of ? loss.fused : undefined)

/** The loss of a model whose last layer is `last`, with so many outputs. */
export function resolveLoss(wish: Loss | LossName, last: Module | undefined, outputs?: number): Loss {
  const loss = named(wish)
  // The softmax of one number is 1, whatever the number.
  if (outputs === 1 && [last?.constructor, fusedOf(loss)?.layer].includes(Softmax))
    throw new ValueError('compile', 'Sigmoid and binaryCrossentropy for one output', `${last?.kind} and ${loss.name}`)
  if (loss.probabilities && NO_PROBABILITIES.some((Kind) => last?.constructor === Kind)) {
    const layer = loss.fused?.layer.name ?? 'a layer that gives probabilities'
    throw new ValueError('compile', `${layer} as the last layer, for ${loss.name}`, (last as Module).kind)
  }
  return loss
}

function named(wish: Loss | LossName): Loss {
  if (typeof wish === 'object' && wish !== null && typeof wish.call === 'function') {
    if (!['index', 'dense', 'any'].includes(wish.targets))
      throw new ValueError('compile', "a loss with targets 'index', 'dense' or 'any'", describe(wish.targets))
    if (typeof wish.name !== 'string') throw new TypeMismatchError('compile', 'a loss with a name', describe(wish.name))
    return wish
  }
  if (typeof wish === 'string' && Object.hasOwn(NAMED, wish)) return NAMED[wish]
  const what = `a loss { name, targets, call } or one of ${Object.keys(NAMED).join(', ')}`
  throw new ValueError('compile', what, describe(wish))
}
