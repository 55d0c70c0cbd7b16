import { derive } from '../autograd.js'
import { isFloat } from '../dtype.js'
import { describe, ShapeError, TypeMismatchError } from '../errors.js'
import { checkAxis, checkSize, type Shape, show, sizeOf } from '../shape.js'
import { checkTensor, empty, type Tensor } from '../tensor.js'
import { copyColumns, fill } from './memory.js'
import { endOfSlice, sliceRows } from './views.js'

/** How often the axis `at` is gone through, and how many elements each of its places has. */
function rowsAt(shape: Shape, at: number): { m: number; each: number } {
  return { m: sizeOf(shape.slice(0, at)), each: sizeOf(shape.slice(at + 1)) }
}

/**
 * What lies from start to end (not included) of one axis: of the first, the default, without a copy; of others as a copy. dx is dy
 * within zeros.
 */
export function slice(x: Tensor, start: number, end?: number, axis = 0): Tensor {
  checkTensor('slice', x)
  if (axis === 0) return sliceRows(x, start, end)
  const at = checkAxis('slice', axis, x.rank)
  const last = endOfSlice(start, end, x.shape[at])
  if (at === 0) return sliceRows(x, start, last)
  const { m, each } = rowsAt(x.shape, at)
  const [from, n] = [start * each, (last - start) * each]
  const y = empty('slice', [...x.shape.slice(0, at), last - start, ...x.shape.slice(at + 1)], x.dtype)
  y.divisor = x.divisor
  copyColumns(m, n, y, 0, x, from)
  if (!isFloat(x.dtype)) return y
  const derivative = (dy: Tensor, dx = empty('slice', x.shape, x.dtype)) => copyColumns(m, n, fill(dx, 0), from, dy, 0)
  return derive(y, [x], [derivative], false)
}

/**
 * Tensors one after another along an axis (default the first), as a copy: one dtype, and one shape but along that axis. The derivative
 * of each is its part of dy.
 */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  if (!Array.isArray(tensors) || tensors.length === 0)
    throw new TypeMismatchError('concat', 'an array of tensors', describe(tensors))
  const parts: readonly Tensor[] = Array.from(tensors, (t) => checkTensor('concat', t))
  const [{ shape, dtype, divisor }] = parts
  const at = checkAxis('concat', axis, shape.length)
  for (const t of parts) {
    if (t.dtype !== dtype || t.divisor !== divisor)
      throw new TypeMismatchError('concat', `tensors of one dtype and divisor, ${parts[0].describe()}`, t.describe())
    if (t.rank !== shape.length || !t.shape.every((d, i) => i === at || d === shape[i]))
      throw new ShapeError('concat', `${show(shape)} but along axis ${at}`, show(t.shape))
  }
  const starts = [0]
  for (const t of parts) starts.push(starts[starts.length - 1] + t.shape[at])
  const whole = [...shape.slice(0, at), starts[parts.length], ...shape.slice(at + 1)]
  const y = empty('concat', checkSize('concat', whole), dtype)
  y.divisor = divisor
  const { m, each } = rowsAt(shape, at)
  for (const [i, t] of parts.entries()) copyColumns(m, t.shape[at] * each, y, starts[i] * each, t, 0)
  if (!isFloat(dtype)) return y
  const derivatives = parts.map((t, i) => (dy: Tensor, dt = empty('concat', t.shape, dtype)) => {
    return copyColumns(m, t.shape[at] * each, dt, 0, dy, starts[i] * each)
  })
  return derive(y, parts, derivatives, false)
}
