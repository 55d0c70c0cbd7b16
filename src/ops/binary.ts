import { derive, deriveThin, placeFor, setAutogradOps } from '../autograd.js'
import { type FloatDType, isFloat } from '../dtype.js'
import { describe, ShapeError, TypeMismatchError } from '../errors.js'
import { written } from '../gradient-nodes.js'
import { Setting } from '../interrupted.js'
import { MAX_RANK, type Shape, sameShape, show } from '../shape.js'
import { emit } from '../tape.js'
import { checkTensor, empty, isTensor, type Tensor } from '../tensor.js'
import { overlap } from '../writes.js'
import { commonFloat, output } from './common.js'
import { constant, copy, fill } from './memory.js'
import { defineOp, type Op } from './op.js'
import { repeat, sumTo } from './reduce.js'

const BROADCAST = 'y:w:T:@ a:i:T:@ma b:i:T:@mb | d0 d1 d2 d3 d4 d5 ma<64 mb<64'
const ADD = defineOp('add', BROADCAST)
const SUBTRACT = defineOp('subtract', BROADCAST)
const MULTIPLY = defineOp('multiply', BROADCAST)
const DIVIDE = defineOp('divide', BROADCAST)
const MAXIMUM = defineOp('maximum', BROADCAST)
const MINIMUM = defineOp('minimum', BROADCAST)
const GREATER = defineOp('greater', BROADCAST)
const WHERE = defineOp('where', 'y:w:T:n c:i:T:n a:i:T:n b:i:T:n | n')
const MAXIMUM_GRAD = defineOp('maximumGrad', 'y:w:T:n dy:r:T:n a:r:T:n b:r:T:n | n')

/** NumPy's rule: shapes are aligned at the right; sizes agree or one of them is 1. */
function broadcastShape(op: string, a: Shape, b: Shape): Shape {
  if (sameShape(a, b)) return a
  const rank = Math.max(a.length, b.length)
  const shape: number[] = []
  for (let i = 0; i < rank; i++) {
    const p = a[i - rank + a.length] ?? 1
    const q = b[i - rank + b.length] ?? 1
    if (p !== q && p !== 1 && q !== 1) throw new ShapeError(op, 'shapes that broadcast', `${show(a)} and ${show(b)}`)
    shape.push(p === 1 ? q : p)
  }
  return shape
}

/** d0 … d5, ma, mb: dimensions alike in what they broadcast are merged, so that inner loops are long. */
function broadcastParams(y: Shape, a: Shape, b: Shape, size: number): number[] {
  if (sameShape(a, b)) return [1, 1, 1, 1, 1, size, 0, 0]
  const params = [1, 1, 1, 1, 1, 1, 0, 0]
  let at = MAX_RANK
  let previous = -1
  for (let i = y.length - 1; i >= 0; i--) {
    if (y[i] === 1) continue
    const broadcastA = (a[i - y.length + a.length] ?? 1) === 1
    const broadcastB = (b[i - y.length + b.length] ?? 1) === 1
    const kind = (broadcastA ? 1 : 0) + (broadcastB ? 2 : 0)
    if (kind === previous) {
      params[at] *= y[i]
      continue
    }
    previous = kind
    params[--at] = y[i]
    if (broadcastA) params[6] |= 1 << at
    if (broadcastB) params[7] |= 1 << at
  }
  return params
}

/** Numbers become constants; at least one side must be a tensor, whose dtype rules. */
function operands(op: string, a: Tensor | number, b: Tensor | number): [Tensor, Tensor, FloatDType] {
  const first = isTensor(a) ? a : b
  if (!isTensor(first)) throw new TypeMismatchError(op, 'at least one tensor', `${describe(a)} and ${describe(b)}`)
  const ta = typeof a === 'number' ? constant(a, first.dtype) : a
  const tb = typeof b === 'number' ? constant(b, first.dtype) : b
  return [ta, tb, commonFloat(op, ta, tb)]
}

/** One number a row [n], which a loss or metric of the caller's own is computing with. */
const targets = new Setting<Tensor | undefined>(undefined)

/** Runs fn, in which `numbers` [n] are not to be broadcast with a column [n, 1] of something else, which would be meant to be as they are. */
export function withTargets<T>(numbers: Tensor, fn: () => T): T {
  return targets.during(numbers, fn)
}

function checkTargets(op: string, numbers: Tensor, a: Tensor, b: Tensor): void {
  for (const [t, column] of [
    [a, b],
    [b, a],
  ]) {
    const n = t.shape[0]
    if (t.rank !== 1 || n < 2 || !sameShape(column.shape, [n, 1])) continue
    if (overlap(t, numbers) && !overlap(column, numbers))
      throw new ShapeError(
        op,
        `targets [${n}, 1] (reshape(t, [-1, 1])) beside a column [${n}, 1]: those of [${n}] are broadcast to [${n}, ${n}]`,
        `${show(a.shape)} and ${show(b.shape)}`,
      )
  }
}

function binary(op: Op, a: Tensor, b: Tensor, dtype: FloatDType, out: Tensor | undefined): Tensor {
  if (targets.now !== undefined) checkTargets(op.name, targets.now, a, b)
  const shape = broadcastShape(op.name, a.shape, b.shape)
  const y = output(op.name, out, shape, dtype, [a, b])
  return emit(op, dtype, [y, a, b], broadcastParams(shape, a.shape, b.shape, y.size))
}

/** Of dy, which is y's gradient or what broadcasts to it, the share of the operand x. */
function share(dy: Tensor, y: Tensor, x: Tensor, to?: Tensor): Tensor {
  if (sameShape(x.shape, y.shape)) return dy
  return sumTo(sameShape(dy.shape, y.shape) ? dy : repeat(dy, y.shape), x.shape, to)
}

/** a + b with NumPy's broadcasting. */
export function add(a: Tensor | number, b: Tensor | number, out?: Tensor): Tensor {
  const [p, q, dtype] = operands('add', a, b)
  const y = binary(ADD, p, q, dtype, out)
  return deriveThin(y, [p, q], [(dy, to) => share(dy, y, p, to), (dy, to) => share(dy, y, q, to)], false)
}

/** a − b with NumPy's broadcasting. */
export function subtract(a: Tensor | number, b: Tensor | number, out?: Tensor): Tensor {
  const [p, q, dtype] = operands('subtract', a, b)
  const y = binary(SUBTRACT, p, q, dtype, out)
  const minus = (dy: Tensor, to?: Tensor) => multiply(dy, -1, placeFor(to, dy))
  return deriveThin(y, [p, q], [(dy, to) => share(dy, y, p, to), (dy, to) => minus(share(dy, y, q), to)], false)
}

/** a · b, element by element, with NumPy's broadcasting. */
export function multiply(a: Tensor | number, b: Tensor | number, out?: Tensor): Tensor {
  const [p, q, dtype] = operands('multiply', a, b)
  const y = binary(MULTIPLY, p, q, dtype, out)
  const product = (dy: Tensor, x: Tensor, other: Tensor, to?: Tensor) => {
    const place = sameShape(x.shape, y.shape) ? placeFor(to, dy, other) : undefined
    return share(multiply(dy, other, place), y, x, to)
  }
  return deriveThin(y, [p, q], [(dy, to) => product(dy, p, q, to), (dy, to) => product(dy, q, p, to)], true)
}

/** a / b, element by element, with NumPy's broadcasting. IEEE division. */
export function divide(a: Tensor | number, b: Tensor | number, out?: Tensor): Tensor {
  const [p, q, dtype] = operands('divide', a, b)
  const y = binary(DIVIDE, p, q, dtype, out)
  return deriveThin(
    y,
    [p, q],
    [
      (dy, to) => share(divide(dy, q), y, p, to),
      // q² may be beyond the range of numbers where y/q is not.
      (dy, to) => multiply(sumTo(multiply(dy, divide(y, q)), q.shape), -1, to),
    ],
    true,
  )
}

/** 1 where a > b, else 0 (where either is NaN, too), with NumPy's broadcasting: a mask in the operands' dtype. No derivative: it is 0. */
export function greater(a: Tensor | number, b: Tensor | number, out?: Tensor): Tensor {
  const [p, q, dtype] = operands('greater', a, b)
  return written(binary(GREATER, p, q, dtype, out))
}

/** The larger of a and b with NumPy's broadcasting; NaN if either is. Where they are equal each gets half the derivative. */
export function maximum(a: Tensor | number, b: Tensor | number, out?: Tensor): Tensor {
  return extreme(MAXIMUM, a, b, out, whereGreater)
}

/** The smaller of a and b with NumPy's broadcasting; NaN if either is. Where they are equal each gets half the derivative. */
export function minimum(a: Tensor | number, b: Tensor | number, out?: Tensor): Tensor {
  return extreme(MINIMUM, a, b, out, (dy, mine, other) => whereGreater(dy, other, mine))
}

function extreme(
  op: Op,
  a: Tensor | number,
  b: Tensor | number,
  out: Tensor | undefined,
  gradient: (dy: Tensor, mine: Tensor, other: Tensor) => Tensor,
): Tensor {
  const [p, q, dtype] = operands(op.name, a, b)
  return derive(
    binary(op, p, q, dtype, out),
    [p, q],
    [(dy, to) => sumTo(gradient(dy, p, q), p.shape, to), (dy, to) => sumTo(gradient(dy, q, p), q.shape, to)],
  )
}

/** dy where a > b, half of it where they are equal, else 0: a's share of the maximum's derivative, b's of the minimum's. */
function whereGreater(dy: Tensor, a: Tensor, b: Tensor): Tensor {
  const full = [dy, broadcastTo(a, dy.shape), broadcastTo(b, dy.shape)]
  return emit(MAXIMUM_GRAD, dy.dtype as FloatDType, [empty('maximumGrad', dy.shape, dy.dtype), ...full], [dy.size])
}

/**
 * a where the condition is not 0, else b, with NumPy's broadcasting of all three. The condition is uint8, or in the dtype of a and b,
 * as a mask of `greater` is. Of two numbers the result is in the condition's dtype (of uint8 in float32).
 */
export function where(condition: Tensor, a: Tensor | number, b: Tensor | number, out?: Tensor): Tensor {
  checkTensor('where', condition, 'a tensor as condition')
  const numbers = typeof a === 'number' && typeof b === 'number'
  const first = numbers ? constant(a, isFloat(condition.dtype) ? condition.dtype : 'float32') : a
  const [p, q, dtype] = operands('where', first, b)
  if (condition.dtype !== 'uint8' && condition.dtype !== dtype)
    throw new TypeMismatchError('where', `a condition in uint8 or ${dtype}`, condition.describe())
  const shape = broadcastShape('where', condition.shape, broadcastShape('where', p.shape, q.shape))
  const y = output('where', out, shape, dtype, [condition, p, q])
  const mask = condition.dtype === dtype ? condition : copy(condition, empty('where', condition.shape, dtype))
  const full: [Tensor, Tensor, Tensor] = [broadcastTo(mask, shape), broadcastTo(p, shape), broadcastTo(q, shape)]
  emit(WHERE, dtype, [y, ...full], [y.size])
  const [c] = full
  return derive(y, full, [undefined, (dy, to) => where(c, dy, 0, to), (dy, to) => where(c, 0, dy, to)], [0])
}

/** x, repeated where it has another shape. */
function broadcastTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x
  const y = repeat(x, shape)
  return deriveThin(y, [x], [(dy, to) => share(dy, y, x, to)], false)
}

setAutogradOps({
  ones: (like) => fill(empty('backward', like.shape, like.dtype), 1),
  add,
  copy,
  repeat,
})
