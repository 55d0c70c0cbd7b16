import { isFloat } from './dtype.js'
import { checkSynchronous, describe, ShapeError, StateError, TypeMismatchError } from './errors.js'
import {
  type Derivative,
  type Flow,
  type GradientNode,
  nextInOrder,
  type Reads,
  recordingState,
  written,
} from './gradient-nodes.js'
import { Setting } from './interrupted.js'
import { type Scratch, withoutScratch, withScratch } from './scratch.js'
import { type Shape, sameShape, show } from './shape.js'
import type { Storage } from './storage.js'
import { checkStill, checkTensor, empty, type Tensor } from './tensor.js'
import { isDerived, lastWrite, overlap } from './writes.js'

/** Whether derivatives are noted. */
const enabled = new Setting(true)
/** What no gradient flows through, though whoever computes with it at the moment means one to. */
const barred = new Setting<Tensor | undefined>(undefined)

/** Runs fn, in which `values`, all of a model's in one, are not what to compute a loss from. */
export function withoutValues<T>(values: Tensor, fn: () => T): T {
  return barred.during(values, fn)
}

function checkBarred(t: Tensor): void {
  if (t === barred.now)
    throw new StateError(
      'fit',
      'a loss computed from the values of single parameters (of store.parameters), through which gradients flow',
      'one from store.values',
    )
}

type Derivatives = readonly (Derivative | undefined)[]

/** Whether a gradient flows to it. */
export function tracked(t: Tensor): boolean {
  return flowOf(t) !== undefined
}

function flowOf(t: Tensor): Flow {
  if (t.node !== undefined) return 'result'
  if (t.requiresGrad) return 'leaf'
  checkBarred(t)
  // Its values may have a history that another tensor holds: a slice or reshape that was an op's `out`.
  return isDerived(t, t.detachedAt) ? 'result' : undefined
}

/**
 * Notes how `y` was computed from `inputs`, if one of them needs a gradient. Every differentiable op calls it last. `inputs` names every tensor
 * whose values a derivative reads, also those that get no gradient (undefined in `derivatives`). `reads` says which of them
 * those are, if not all: false for none (but dy and y), or a list of their numbers. The others may be overwritten before backward().
 */
export function derive(y: Tensor, inputs: readonly Tensor[], derivatives: Derivatives, reads: Reads = true): Tensor {
  return note(y, inputs, derivatives, reads, false)
}

/** The same where the derivatives take a thin dy (gradient-nodes.ts). */
export function deriveThin(y: Tensor, inputs: readonly Tensor[], derivatives: Derivatives, reads: Reads): Tensor {
  return note(y, inputs, derivatives, reads, true)
}

/** The same for a view of x, which writes nothing. */
export function deriveView(y: Tensor, x: Tensor, derivative: Derivative): Tensor {
  if (enabled.now) checkBarred(x)
  y.detachedAt = enabled.now ? x.detachedAt : nextInOrder()
  if (!enabled.now || (x.node === undefined && !x.requiresGrad)) return y
  y.node = {
    order: nextInOrder(),
    recording: recordingState.active,
    leaf: x.node === undefined || x.node.leaf,
    inputs: [x],
    flows: [flowOf(x)],
    derivatives: [derivative],
    reads: false,
    takeThin: false,
  }
  return y
}

/** @throws StateError where a gradient is wanted of `t`, which has none in `op` */
export function checkUntracked(op: string, t: Tensor): void {
  if (enabled.now && tracked(t))
    throw new StateError(op, 'targets without history (computed within noGrad)', t.describe())
}

/**
 * Asked before anything is written to a given `out`.
 * @throws StateError where backward() needs it unchanged: elements of one of the inputs, or a leaf (of earlier results that are written
 * over backward() tells)
 */
export function checkOut(op: string, out: Tensor, inputs: readonly Tensor[]): void {
  if (!enabled.now || !inputs.some(tracked)) return
  const leaf = out.requiresGrad || out.node?.leaf === true
  if (!leaf && !inputs.some((x) => overlap(x, out))) return
  const expected = 'out to be another tensor while derivatives are noted (update parameters within noGrad)'
  const received = leaf ? 'which requires a gradient, or is a view of one that does' : 'an input'
  throw new StateError(op, expected, `${out.describe()}, ${received}`)
}

function note(y: Tensor, inputs: readonly Tensor[], derivatives: Derivatives, reads: Reads, takeThin: boolean): Tensor {
  const flows = enabled.now ? flowsOf(inputs, derivatives) : undefined
  written(y, flows !== undefined) // an `out` may have a node, of values that are no more
  if (flows === undefined) return y
  const order = nextInOrder()
  y.node = { order, recording: recordingState.active, leaf: false, inputs, flows, derivatives, reads, takeThin }
  return y
}

/** Where gradients are to go; undefined for nowhere. */
function flowsOf(inputs: readonly Tensor[], derivatives: Derivatives): Flow[] | undefined {
  let flows: Flow[] | undefined
  for (let i = 0; i < inputs.length; i++) {
    if (derivatives[i] === undefined) continue
    const flow = flowOf(inputs[i])
    if (flow === undefined) continue
    flows ??= new Array(inputs.length)
    flows[i] = flow
  }
  return flows
}

/** Runs fn without noting derivatives: evaluation and updates need none. */
export function noGrad<T>(fn: () => T): T {
  if (typeof fn !== 'function') throw new TypeMismatchError('noGrad', 'a function', describe(fn))
  return checkSynchronous('noGrad', enabled.during(false, fn))
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
  backwardTo(loss, () => {})
}

/** backward() that asks `checkLeaf` about each leaf that it would reach, before anything is computed. */
export function backwardTo(loss: Tensor, checkLeaf: (leaf: Tensor) => void): void {
  checkTensor('backward', loss)
  if (loss.size !== 1) throw new ShapeError('backward', 'a loss of one element', show(loss.shape))
  if (!isFloat(loss.dtype)) throw new TypeMismatchError('backward', 'a float loss', loss.dtype)
  if (loss.node === undefined) {
    throw new StateError('backward', 'a loss computed from tensors with requiresGrad', 'a tensor without history')
  }
  noGrad(() => withScratch((memory) => walk(loss, memory, checkLeaf)))
}

function walk(loss: Tensor, memory: Scratch, checkLeaf: (leaf: Tensor) => void): void {
  const history = reverseTopologicalOrder(loss)
  const places = placesOf(history, checkLeaf)
  const gradients = new Map<Tensor, Tensor>([[loss, ops.ones(loss)]])
  /** Of the leaves reached so far. */
  const ofLeaves = new Map<Tensor, Tensor>()
  for (const t of history) {
    const node = t.node as GradientNode
    const summed = gradients.get(t) as Tensor
    const dy = node.takeThin || sameShape(summed.shape, t.shape) ? summed : ops.repeat(summed, t.shape)
    for (let i = 0; i < node.inputs.length; i++) {
      const derivative = node.derivatives[i] as Derivative
      const x = node.inputs[i]
      const way = wayTo(node, i)
      if (way === 'on') gradients.set(x, accumulate(derivative, dy, gradients.get(x), undefined))
      else if (way === 'leaf') ofLeaves.set(x, accumulate(derivative, dy, ofLeaves.get(x), places.get(x)))
    }
    gradients.delete(t)
    memory.release(gradients.values(), ofLeaves.values())
  }
  for (const [leaf, gradient] of ofLeaves) {
    const grad = leaf.grad as Tensor
    if (gradient === grad) written(grad)
    else if (sameShape(gradient.shape, grad.shape)) ops.copy(gradient, grad)
    else ops.repeat(gradient, grad.shape, grad)
  }
}

/** Where a node's gradient of input i goes: on through that one's history, to a leaf, or (undefined) nowhere. */
function wayTo({ inputs, flows }: GradientNode, i: number): 'on' | 'leaf' | undefined {
  if (flows[i] === undefined) return undefined
  if (inputs[i].node !== undefined) return 'on'
  return inputs[i].requiresGrad ? 'leaf' : undefined
}

/** Where the gradients of leaves may be written at once: to their `grad`, or (undefined) not before all else is done, as that is read on the way. */
function placesOf(history: readonly Tensor[], checkLeaf: (leaf: Tensor) => void): Map<Tensor, Tensor | undefined> {
  const places = new Map<Tensor, Tensor | undefined>()
  const read = new Map<Storage, Set<Tensor>>()
  for (const t of history) {
    const node = t.node as GradientNode
    for (const r of [t, ...node.inputs]) {
      const there = read.get(r.storage)
      if (there) there.add(r)
      else read.set(r.storage, new Set([r]))
    }
    for (const [i, x] of node.inputs.entries()) if (wayTo(node, i) === 'leaf') places.set(x, undefined)
  }
  for (const leaf of places.keys()) {
    checkLeaf(leaf)
    const grad = gradOf(leaf)
    if (![...(read.get(grad.storage) ?? [])].some((t) => overlap(t, grad))) places.set(leaf, grad)
  }
  return places
}

/** @throws ShapeError or TypeMismatchError for a `grad` of the caller's own that is not as its tensor is: the gradient would be written beside it */
function gradOf(leaf: Tensor): Tensor {
  leaf.grad ??= withoutScratch(() => empty('backward', leaf.shape, leaf.dtype))
  const grad = checkTensor('backward', leaf.grad, 'a tensor as grad')
  if (grad.dtype !== leaf.dtype || !sameShape(grad.shape, leaf.shape))
    throw new (grad.dtype === leaf.dtype ? ShapeError : TypeMismatchError)(
      'backward',
      `grad to be ${leaf.dtype} ${show(leaf.shape)}`,
      grad.describe(),
    )
  checkStill('backward', grad)
  return grad
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

/**
 * Whether x was written since a node used or computed it. A recorded one counts what its own commands write, and what was written since
 * its tape last ran: that computes it anew.
 */
function isStale(x: Tensor, { order, recording }: GradientNode): boolean {
  if (recording === undefined) return lastWrite(x) > order
  return lastWrite(x, true) > order || (recordingState.active === undefined && lastWrite(x) > recording.ranAt)
}

/** @throws StateError where values that derivatives read, or the history of an input, are not what they were */
function checkHistory(t: Tensor, node: GradientNode): void {
  if (node.recording?.ranAt === -1 && recordingState.active === undefined)
    throw new StateError('backward', 'a tape that was replayed', `${t.describe()}, which was only recorded`)
  if (node.leaf) return // a view of values that its users' nodes name
  if (isStale(t, node))
    throw new StateError('backward', 'values as they were computed', `${t.describe()}, which was written over since`)
  const { inputs, flows, reads } = node
  for (const [i, x] of inputs.entries()) {
    // If no values are read, an overwritten x matters only where the gradient goes on through its history: that of the values
    // then used is lost (flows), or x has got one of other values since (x.node). A view of a leaf keeps its own.
    const leadsOn = (flows[i] === 'result' || wayTo(node, i) === 'on') && x.node?.leaf !== true
    const isRead = typeof reads === 'boolean' ? reads : reads.includes(i)
    if ((isRead || leadsOn) && isStale(x, node))
      throw new StateError('backward', 'values as they were used', `${x.describe()}, which was written over since`)
    if (flows[i] === 'result' && x.node === undefined)
      throw new StateError(
        'backward',
        'results read where they were written',
        `${x.describe()}, written as a slice or reshape (out)`,
      )
  }
}

/** All tensors with a node that a gradient flows to from `loss`, last computed first. */
function reverseTopologicalOrder(loss: Tensor): Tensor[] {
  const seen = new Set<Tensor>([loss])
  const stack = [loss]
  for (let t = stack.pop(); t !== undefined; t = stack.pop()) {
    const node = t.node as GradientNode
    checkHistory(t, node)
    for (const [i, x] of node.inputs.entries()) {
      if (wayTo(node, i) !== 'on' || seen.has(x)) continue
      seen.add(x)
      stack.push(x)
    }
  }
  return [...seen].sort((a, b) => (b.node as GradientNode).order - (a.node as GradientNode).order)
}
