import { isFloat } from './dtype.js'
import { checkSynchronous, describe, ShapeError, StateError, TypeMismatchError } from './errors.js'
import {
  type Derivative,
  type GradientNode,
  isViewOfLeaf,
  nextInOrder,
  type Reads,
  recordingState,
  type Writes,
  wholeOf,
  written,
} from './gradient-nodes.js'
import { type Scratch, withoutScratch, withScratch } from './scratch.js'
import { type Shape, sameShape, show } from './shape.js'
import type { Storage } from './storage.js'
import { checkStill, checkTensor, empty, type Tensor } from './tensor.js'

let enabled = true

type Derivatives = readonly (Derivative | undefined)[]

/** Whether a gradient flows to it. */
export function tracked(t: Tensor): boolean {
  return hasHistory(t) || isLost(t)
}

function hasHistory(t: Tensor): boolean {
  return t.requiresGrad || t.node !== undefined
}

/** Whether its values have a history that another tensor holds: a slice or reshape that was an op's `out`. */
function isLost(t: Tensor): boolean {
  const { notes } = wholeOf(t)
  if (notes.length === 0 || hasHistory(t)) return false
  return notes.some((n) => n.order > t.detachedAt && n.from < t.offset + t.size && t.offset < n.to)
}

/**
 * Notes how `y` was computed from `inputs`, if one of them needs a gradient. Every differentiable op calls it last. `inputs` names every tensor
 * whose values a derivative reads, also those that get no gradient (undefined in `derivatives`). `reads` says which of them
 * those are, if not all: false for none (but dy and y), or a list of their numbers. The others may be overwritten before backward().
 */
export function derive(y: Tensor, inputs: readonly Tensor[], derivatives: Derivatives, reads: Reads = true): Tensor {
  written(y) // an `out` may have a node, of values that are no more
  return isWanted(inputs, derivatives) ? note(y, inputs, derivatives, reads, 'op') : y
}

/** The same where the derivatives take a thin dy (gradient-nodes.ts). */
export function deriveThin(y: Tensor, inputs: readonly Tensor[], derivatives: Derivatives, reads: Reads): Tensor {
  written(y)
  return isWanted(inputs, derivatives) ? note(y, inputs, derivatives, reads, 'thin') : y
}

/** The same for a view of x, which writes nothing. */
export function deriveView(y: Tensor, x: Tensor, derivative: Derivative): Tensor {
  y.detachedAt = enabled ? x.detachedAt : nextInOrder()
  return enabled && hasHistory(x) ? note(y, [x], [derivative], false, 'view') : y
}

/** @throws StateError where a gradient is wanted of `t`, which has none in `op` */
export function checkUntracked(op: string, t: Tensor): void {
  if (enabled && tracked(t)) throw new StateError(op, 'targets without history (computed within noGrad)', t.describe())
}

/**
 * Asked before anything is written to a given `out`.
 * @throws StateError where backward() needs it unchanged: one of the inputs, or a leaf (of earlier results that are written over
 * backward() tells)
 */
export function checkOut(op: string, out: Tensor, inputs: readonly Tensor[]): void {
  if (!enabled || !inputs.some(tracked)) return
  const leaf = out.requiresGrad || isViewOfLeaf(out)
  if (!leaf && !inputs.some((x) => writtenWith(x, out))) return
  const expected = 'out to be another tensor while derivatives are noted (update parameters within noGrad)'
  const received = leaf ? 'which requires a gradient, or is a view of one that does' : 'an input'
  throw new StateError(op, expected, `${out.describe()}, ${received}`)
}

function isWanted(inputs: readonly Tensor[], derivatives: Derivatives): boolean {
  return enabled && derivatives.some((d, i) => d !== undefined && tracked(inputs[i]))
}

function note(
  y: Tensor,
  inputs: readonly Tensor[],
  derivatives: Derivatives,
  reads: Reads,
  kind: 'op' | 'thin' | 'view',
): Tensor {
  const results = inputs.map((x) => x.node !== undefined)
  const order = nextInOrder()
  const view = kind === 'view'
  if (!view && y.size > 0 && (y.writes.viewed || y.writes.whole !== undefined)) {
    const all = wholeOf(y)
    all.notes = [...all.notes, { from: y.offset, to: y.offset + y.size, order }]
  }
  y.node = {
    order,
    recorded: recordingState.active,
    view,
    inputs,
    results,
    derivatives,
    reads,
    takeThin: kind === 'thin',
  }
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
  return checkSynchronous('noGrad', result)
}

/** What backward() needs of the ops; set by ops/binary to keep this file free of them. */
interface AutogradOps {
  ones(like: Tensor): Tensor
  add(a: Tensor, b: Tensor, out?: Tensor): Tensor
  copy(x: Tensor, out: Tensor): Tensor
  repeat(x: Tensor, shape: Shape, out?: Tensor): Tensor
}
let ops: AutogradOps
export function setAutogradOps(implementation: AutogradOps): void {
  ops = implementation
}

/**
 * Computes the gradient of `loss` (one element) with respect to every leaf with requiresGrad that it was computed from,
 * and writes each to its `grad`, replacing what was there. Works at once or inside record(), where it appends commands.
 * @throws StateError where an operand or result on the way was written over since, by an op or set()
 */
export function backward(loss: Tensor): void {
  checkTensor('backward', loss)
  if (loss.size !== 1) throw new ShapeError('backward', 'a loss of one element', show(loss.shape))
  if (!isFloat(loss.dtype)) throw new TypeMismatchError('backward', 'a float loss', loss.dtype)
  if (loss.node === undefined) {
    throw new StateError('backward', 'a loss computed from tensors with requiresGrad', 'a tensor without history')
  }
  noGrad(() => withScratch((memory) => walk(loss, memory)))
}

function walk(loss: Tensor, memory: Scratch): void {
  const history = reverseTopologicalOrder(loss)
  const read = new Map<Storage, Tensor[]>()
  for (const t of new Set(history.flatMap((t) => (t.node as GradientNode).inputs))) {
    const there = read.get(t.storage)
    if (there) there.push(t)
    else read.set(t.storage, [t])
  }
  const gradients = new Map<Tensor, Tensor>([[loss, ops.ones(loss)]])
  /** Of the leaves reached so far; their gradients lie in `grad`, or (yet) elsewhere. */
  const places = new Map<Tensor, Tensor | undefined>()
  const elsewhere = new Map<Tensor, Tensor>()
  for (const t of history) {
    const node = t.node as GradientNode
    const summed = gradients.get(t) as Tensor
    const dy = node.takeThin || sameShape(summed.shape, t.shape) ? summed : ops.repeat(summed, t.shape)
    for (let i = 0; i < node.inputs.length; i++) {
      const x = node.inputs[i]
      const derivative = node.derivatives[i]
      if (derivative === undefined || !tracked(x)) continue
      if (x.node !== undefined) {
        gradients.set(x, accumulate(derivative, dy, gradients.get(x), undefined))
        continue
      }
      const sum = places.has(x) ? (elsewhere.get(x) ?? x.grad) : undefined
      if (!places.has(x)) places.set(x, placeOf(x, read))
      const gradient = accumulate(derivative, dy, sum, places.get(x))
      if (gradient === x.grad) elsewhere.delete(x)
      else elsewhere.set(x, gradient)
    }
    gradients.delete(t)
    memory.release(gradients.values(), elsewhere.values())
  }
  for (const [leaf, gradient] of elsewhere) {
    const grad = leaf.grad as Tensor
    if (sameShape(gradient.shape, grad.shape)) ops.copy(gradient, grad)
    else ops.repeat(gradient, grad.shape, grad)
  }
}

/** Where the gradient of a leaf may be written at once: to its `grad`, unless that is read on the way. */
function placeOf(x: Tensor, read: ReadonlyMap<Storage, readonly Tensor[]>): Tensor | undefined {
  x.grad ??= withoutScratch(() => empty('backward', x.shape, x.dtype))
  const { grad } = x
  checkStill('backward', grad)
  for (const t of read.get(grad.storage) ?? []) if (overlap(t, grad)) return undefined
  return grad
}

function overlap(a: Tensor, b: Tensor): boolean {
  return a.offset < b.offset + b.size && b.offset < a.offset + a.size
}

/** An inner tensor's gradient may share memory with others, so sums go to a new place. */
function accumulate(derivative: Derivative, dy: Tensor, sum: Tensor | undefined, to: Tensor | undefined): Tensor {
  if (sum === undefined) return derivative(dy, to)
  const more = derivative(dy, undefined)
  return ops.add(sum, more, placeFor(to, sum, more))
}

/** `to`, the place for a result of these operands, or undefined where all of them are thin: then the result is, too. */
export function placeFor(to: Tensor | undefined, ...operands: readonly Tensor[]): Tensor | undefined {
  return to !== undefined && operands.some((t) => sameShape(t.shape, to.shape)) ? to : undefined
}

/** Whether what is written to y is written to x: y is x, of all its memory, or what it is a part of. */
function writtenWith(x: Tensor, y: Tensor): boolean {
  for (let w: Writes | undefined = x.writes; w !== undefined; w = w.whole) if (w === y.writes) return true
  return false
}

/** When x, a part of it, or what it is a part of, was last written, as far as that counts for a node that was recorded, or was not. */
function lastWrite(x: Tensor, recorded: boolean): number {
  let last = recorded ? x.writes.partRecordedAt : x.writes.partAt
  for (let w: Writes | undefined = x.writes; w !== undefined; w = w.whole)
    last = Math.max(last, recorded ? w.recordedAt : w.at)
  return last
}

/** All tensors with a node that a gradient flows to from `loss`, last computed first. */
function reverseTopologicalOrder(loss: Tensor): Tensor[] {
  const seen = new Set<Tensor>([loss])
  const stack = [loss]
  for (let t = stack.pop(); t !== undefined; t = stack.pop()) {
    const { inputs, results, derivatives, order, recorded, reads } = t.node as GradientNode
    const anyValues = isViewOfLeaf(t)
    if (!anyValues && lastWrite(t, recorded) > order)
      throw new StateError('backward', 'values as they were computed', `${t.describe()}, which was written over since`)
    for (const [i, x] of inputs.entries()) {
      // If no values are read, an overwritten x matters only where the gradient goes on through its history: that of the values
      // then used is lost (results[i]), or x has got one of other values since (x.node).
      const leadsOn = derivatives[i] !== undefined && (results[i] || x.node !== undefined)
      const isRead = typeof reads === 'boolean' ? reads : reads.includes(i)
      if (!anyValues && (isRead || leadsOn) && lastWrite(x, recorded) > order)
        throw new StateError('backward', 'values as they were used', `${x.describe()}, which was written over since`)
      if (derivatives[i] !== undefined && isLost(x))
        throw new StateError(
          'backward',
          'results read where they were written',
          `${x.describe()}, written as a slice or reshape (out)`,
        )
      if (derivatives[i] !== undefined && x.node !== undefined && !seen.has(x)) {
        seen.add(x)
        stack.push(x)
      }
    }
  }
  return [...seen].sort((a, b) => (b.node as GradientNode).order - (a.node as GradientNode).order)
}
