import { types } from 'node:util'
import { describe, ShapeError, StateError, TypeMismatchError } from './errors.js'
import { show } from './shape.js'
import { checkTensor, type Derivative, empty, type GradientNode, type Tensor } from './tensor.js'

let order = 0
let enabled = true

/** Whether a gradient flows to it. */
export function tracked(t: Tensor): boolean {
  return t.requiresGrad || t.node !== undefined
}

/**
 * Notes how `y` came from `inputs`, if a gradient may be wanted. Each op calls it last.
 * @throws StateError where y is a given `out` that backward() needs unchanged: one of the inputs, or a leaf (of earlier results
 * that are written over backward() tells)
 */
export function derive(y: Tensor, inputs: readonly Tensor[], derivatives: readonly (Derivative | undefined)[]): Tensor {
  if (y.node !== undefined) y.rewritten = order++
  if (!enabled || !inputs.some(tracked)) {
    y.node = undefined // an `out` may have one, of values that are no more
    return y
  }
  if (y.requiresGrad || inputs.includes(y)) {
    const expected = 'another tensor while derivatives are noted (update parameters within noGrad)'
    throw new StateError(
      'out',
      expected,
      `${y.describe()}, ${y.requiresGrad ? 'which requires a gradient' : 'an input'}`,
    )
  }
  y.node = { order: order++, inputs, derivatives }
  return y
}

/** Runs fn without noting derivatives: evaluation and updates need none. */
export function noGrad<T>(fn: () => T): T {
  if (typeof fn !== 'function') throw new TypeMismatchError('noGrad', 'a function', describe(fn))
  const before = enabled
  enabled = false
  let result: T
  try {
    result = fn()
  } finally {
    enabled = before
  }
  if (!types.isPromise(result)) return result
  result.catch(() => {})
  throw new StateError('noGrad', 'a synchronous function', 'one that returns a promise')
}

/** What backward() needs of the ops; set by ops/binary to keep this file free of them. */
export interface AutogradOps {
  ones(like: Tensor): Tensor
  add(a: Tensor, b: Tensor, out?: Tensor): Tensor
  copy(x: Tensor, out: Tensor): Tensor
}
let ops: AutogradOps
export function setAutogradOps(implementation: AutogradOps): void {
  ops = implementation
}

/**
 * Computes the gradient of `loss` (one element) with respect to every leaf with requiresGrad that it was computed from,
 * and writes each to its `grad`, replacing what was there. Works at once or inside record(), where it appends commands.
 * @throws StateError where a result on the way was written over since, as an `out`
 */
export function backward(loss: Tensor): void {
  checkTensor('backward', loss)
  if (loss.size !== 1) throw new ShapeError('backward', 'a loss of one element', show(loss.shape))
  if (loss.dtype !== 'float32' && loss.dtype !== 'float64')
    throw new TypeMismatchError('backward', 'a float loss', loss.dtype)
  if (loss.node === undefined) {
    throw new StateError('backward', 'a loss computed from tensors with requiresGrad', 'a tensor without history')
  }
  noGrad(() => walk(loss))
}

function walk(loss: Tensor): void {
  const gradients = new Map<Tensor, Tensor>([[loss, ops.ones(loss)]])
  for (const t of reverseTopologicalOrder(loss)) {
    const node = t.node as GradientNode
    const dy = gradients.get(t) as Tensor
    for (let i = 0; i < node.inputs.length; i++) {
      const x = node.inputs[i]
      const derivative = node.derivatives[i]
      if (derivative === undefined || !tracked(x)) continue
      gradients.set(x, accumulate(x, derivative, dy, gradients.get(x)))
    }
    gradients.delete(t)
  }
}

/** A leaf's gradient is written where it will be read; an inner tensor's may share memory, so sums go to a new place. */
function accumulate(x: Tensor, derivative: Derivative, dy: Tensor, sofar: Tensor | undefined): Tensor {
  if (x.node === undefined) x.grad ??= empty('backward', x.shape, x.dtype)
  const leaf = x.node === undefined ? x.grad : undefined
  if (sofar !== undefined) return ops.add(sofar, derivative(dy, undefined), leaf)
  const dx = derivative(dy, leaf)
  return leaf === undefined || dx === leaf ? dx : ops.copy(dx, leaf)
}

/** All tensors with a node behind `loss`, last computed first. */
function reverseTopologicalOrder(loss: Tensor): Tensor[] {
  const seen = new Set<Tensor>([loss])
  const stack = [loss]
  for (let t = stack.pop(); t !== undefined; t = stack.pop()) {
    const node = t.node as GradientNode
    for (const x of node.inputs) {
      if (x.rewritten > node.order)
        throw new StateError('backward', 'values as they were used', `${x.describe()}, which was an out again since`)
      if (x.node !== undefined && !seen.has(x)) {
        seen.add(x)
        stack.push(x)
      }
    }
  }
  return [...seen].sort((a, b) => (b.node as GradientNode).order - (a.node as GradientNode).order)
}
