import { derive, noGrad } from '../autograd.js'
import { isFloat } from '../dtype.js'
import { describe, ShapeError, TypeMismatchError } from '../errors.js'
import { checkAxis, checkSize, type Shape, show, sizeOf } from '../shape.js'
import { checkTensor, empty, type Tensor, written } from '../tensor.js'
import { floatOf } from './common.js'
import { transpose } from './matmul.js'
import { copy } from './memory.js'
import { checkRange, reshape, sliceRows } from './views.js'

/** The axis `at` and those after it as rows, those before it as columns. */
function turned(x: Tensor, at: number): Tensor {
  return transpose(reshape(x, [sizeOf(x.shape.slice(0, at)), sizeOf(x.shape.slice(at))]))
}

/** Back, to `shape` but for `size` along the axis. */
function turnedBack(x: Tensor, shape: Shape, at: number, size: number): Tensor {
  return reshape(transpose(x), [...shape.slice(0, at), size, ...shape.slice(at + 1)])
}

/**
 * What lies from start to end (not included) of one axis: of the first, the default, without a copy; of others float32 or float64, as a
 * copy. dx is dy within zeros.
 */
export function slice(x: Tensor, start: number, end?: number, axis = 0): Tensor {
  checkTensor('slice', x)
  if (axis === 0) return sliceRows(x, start, end)
  const at = checkAxis('slice', axis, x.rank)
  const last = checkRange(start, end, x.shape[at])
  if (at === 0) return sliceRows(x, start, last)
  floatOf('slice', x)
  const each = sizeOf(x.shape.slice(at + 1))
  return turnedBack(sliceRows(turned(x, at), start * each, last * each), x.shape, at, last - start)
}

/**
 * Tensors one after another along an axis (default the first; others are for float32 and float64), as a copy: one dtype, and one shape
 * but along that axis. The derivative of each is its part of dy.
 */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  if (!Array.isArray(tensors) || tensors.length === 0)
    throw new TypeMismatchError('concat', 'an array of tensors', describe(tensors))
  const parts: readonly Tensor[] = Array.from(tensors, (t) => checkTensor('concat', t))
  const [{ shape, dtype, divisor }] = parts
  const at = checkAxis('concat', axis, shape.length)
  for (const t of parts) {
    if (t.dtype !== dtype || t.divisor !== divisor)
      throw new TypeMismatchError('concat', `tensors of one dtype (and divisor), ${dtype}`, t.describe())
    if (t.rank !== shape.length || !t.shape.every((d, i) => i === at || d === shape[i]))
      throw new ShapeError('concat', `${show(shape)} but along axis ${at}`, show(t.shape))
  }
  const starts = [0]
  for (const t of parts) starts.push(starts[starts.length - 1] + t.shape[at])
  const size = starts[parts.length]
  if (at > 0) {
    floatOf('concat', parts[0])
    return turnedBack(concat(parts.map((t) => turned(t, at))), shape, at, size)
  }
  const y = empty('concat', checkSize('concat', [size, ...shape.slice(1)]), dtype)
  y.divisor = divisor
  const placeOf = (whole: Tensor, i: number) => sliceRows(whole, starts[i], starts[i + 1])
  noGrad(() => {
    for (const [i, t] of parts.entries()) copy(t, placeOf(y, i))
  })
  if (!isFloat(dtype)) return written(y)
  const derivatives = parts.map((t, i) => (dy: Tensor, out: Tensor | undefined) => {
    return copy(placeOf(dy, i), out ?? empty('concat', t.shape, dtype))
  })
  return derive(y, parts, derivatives, false)
}
