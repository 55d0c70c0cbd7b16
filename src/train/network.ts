import { isFloat } from '../dtype.js'
import { describe, ShapeError, StateError, TypeMismatchError } from '../errors.js'
import type { Loss } from '../losses/index.js'
import { fusedOf } from '../losses/named.js'
import type { Metric } from '../metrics/index.js'
import { Affine, Flatten } from '../nn/layers.js'
import type { Module, ParameterStore } from '../nn/module.js'
import { withTargets } from '../ops/binary.js'
import type { Optimizer } from '../optimizers/index.js'
import { type Shape, sameShape, show } from '../shape.js'
import { checkTensor, isTensor, type Tensor } from '../tensor.js'
import { lastWrite } from '../writes.js'
import type { Batch } from './dataset.js'

/** What training needs of a compiled model. */
export interface Network {
  /** Who trains or evaluates, for errors. */
  readonly op: 'fit' | 'evaluate'
  readonly input: Shape
  readonly output: Shape
  readonly store: ParameterStore
  readonly layers: readonly Module[]
  readonly shuffleState: Tensor
  readonly compiled: Compiled
}

export interface Compiled {
  optimizer: Optimizer
  loss: Loss
  metrics: readonly Metric[]
}

/** What steps compute with, which nobody else is to write meanwhile: of those that train gradients and what the optimizer keeps, too. */
export function stateOf(store: ParameterStore, trainedBy: Optimizer | undefined): Tensor[] {
  if (trainedBy === undefined) return [store.values]
  const { slots, step } = trainedBy.state(store)
  return [store.values, store.gradients, step, ...slots]
}

interface StepResult {
  loss: Tensor
  metrics: readonly Tensor[]
}

export function forward(layers: readonly Module[], x: Tensor): Tensor {
  let y = x
  for (const layer of layers) y = checkTensor(`${layer.kind}.forward`, layer.forward(y), 'to return a tensor')
  return y
}

/** What a model's layers have computed of so many rows. @throws ShapeError where that is not as their build says */
export function checkOutput(op: string, y: Tensor, rows: number, output: Shape): Tensor {
  const shape = [rows, ...output]
  if (sameShape(y.shape, shape)) return y
  throw new ShapeError(op, `forward to give ${show(shape)} for ${rows} rows, as build says`, show(y.shape))
}

/** Whether it computes as Class does: a subclass, or an instance, may have a forward of its own. */
function isPlain<T extends Module>(module: Module | undefined, Class: abstract new (...a: never[]) => T): module is T {
  return module instanceof Class && module.forward === Class.prototype.forward
}

/** The layers' result for a batch, or the logits that the last one would take. A first layer that is affine gathers its rows itself, where that pays. */
function forwardBatch(network: Network, layers: readonly Module[], batch: Batch): Tensor {
  const flattened = isPlain(layers[0], Flatten)
  const [first, ...rest] = flattened ? layers.slice(1) : layers
  const y =
    isPlain(first, Affine) && (flattened || network.input.length === 1)
      ? batch.affine(first.weight.value, first.bias.value)
      : undefined
  const result = y === undefined ? forward(layers, batch.rows()) : forward(rest, y)
  return checkOutput(network.op, result, batch.size, network.output)
}

/** What a loss or metric makes of a batch. One of the caller's own may do something else, which the others would go on from. */
function meanOf(op: string, kind: 'loss' | 'metric', of: Loss | Metric, p: Tensor, t: Tensor): Tensor {
  const before = [p, t].map((x) => lastWrite(x))
  const value: unknown = t.rank === 1 ? withTargets(t, () => of.call(p, t)) : of.call(p, t)
  if ([p, t].some((x, i) => lastWrite(x) !== before[i]))
    throw new StateError(
      op,
      `${kind} ${of.name} to leave predictions and targets as they are`,
      'one that writes to them',
    )
  if (isTensor(value) && value.size === 1 && isFloat(value.dtype)) return value
  throw new TypeMismatchError(op, `${kind} ${of.name} to return a float tensor of one element`, describe(value))
}

/** Loss and metrics of a batch. A softmax (or sigmoid) before its loss is computed with the loss, from the logits. */
export function evaluateBatch(network: Network, batch: Batch): StepResult {
  const { loss, metrics } = network.compiled
  const last = network.layers[network.layers.length - 1]
  if (last === undefined) throw new StateError(network.op, 'a model with at least one layer', 'none')
  const fused = fusedOf(loss)
  let predictions: Tensor
  let value: Tensor
  if (fused && isPlain(last, fused.layer)) {
    const result = fused.call(forwardBatch(network, network.layers.slice(0, -1), batch), batch.y)
    value = result.loss
    predictions = result.predictions
  } else {
    predictions = forwardBatch(network, network.layers, batch)
    value = meanOf(network.op, 'loss', loss, predictions, batch.y)
  }
  return { loss: value, metrics: metrics.map((m) => meanOf(network.op, 'metric', m, predictions, batch.y)) }
}
