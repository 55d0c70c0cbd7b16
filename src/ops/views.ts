import { deriveView } from '../autograd.js'
import { describe, ShapeError, ValueError } from '../errors.js'
import { checkShape, copyOfShape, show, sizeOf } from '../shape.js'
import { checkTensor, empty, type Tensor, viewOf } from '../tensor.js'
import { rowsOf } from './common.js'
import { copy, fill } from './memory.js'

function view(x: Tensor, offset: number, shape: readonly number[]): Tensor {
  const y = viewOf(x, offset, shape)
  y.divisor = x.divisor
  return y
}

/** The same values in another shape, without a copy; one size may be -1 and is worked out. dx = dy reshaped. */
export function reshape(x: Tensor, shape: readonly number[]): Tensor {
  checkTensor('reshape', x)
  const given = copyOfShape(shape)
  const wanted =
    given?.filter((d) => d === -1).length === 1 ? infer(x, given as number[]) : checkShape('reshape', given ?? shape)
  if (sizeOf(wanted) !== x.size) throw new ShapeError('reshape', `a shape of ${x.size} elements`, show(wanted))
  return deriveView(view(x, x.offset, wanted), x, (dy) => reshape(dy, x.shape))
}

function infer(x: Tensor, shape: readonly number[]): number[] {
  const known = sizeOf(
    checkShape(
      'reshape',
      shape.map((d) => (d === -1 ? 1 : d)),
    ),
  )
  if (x.size % known !== 0) throw new ShapeError('reshape', `sizes that divide ${x.size}`, show(shape))
  return shape.map((d) => (d === -1 ? x.size / known : d))
}

/** All dimensions but the first in one: [n, …] → [n, rest]. */
export function flatten(x: Tensor): Tensor {
  checkTensor('flatten', x)
  if (x.rank === 0) throw new ShapeError('flatten', 'at least one dimension', show(x.shape))
  return reshape(x, [x.shape[0], sizeOf(x.shape.slice(1))])
}

/** Where a slice of an axis of that size ends. */
export function endOfSlice(start: number, end: number | undefined, size: number): number {
  const last = end ?? size
  if (Number.isInteger(start) && Number.isInteger(last) && start >= 0 && last >= start && last <= size) return last
  throw new ValueError('slice', `0 <= start <= end <= ${size}`, `${describe(start)} to ${describe(last)}`)
}

/** Rows start to end (not included) of the first dimension, without a copy. dx is dy within zeros. */
export function sliceRows(x: Tensor, start: number, end?: number): Tensor {
  checkTensor('slice', x)
  if (x.rank === 0) throw new ShapeError('slice', 'at least one dimension', show(x.shape))
  const last = endOfSlice(start, end, x.shape[0])
  const shape = [...x.shape]
  shape[0] = last - start
  const row = x.shape[0] > 0 ? x.size / x.shape[0] : 0
  const y = view(x, x.offset + start * row, shape)
  return deriveView(y, x, (dy, out) => {
    const dx = fill(out ?? empty('slice', x.shape, x.dtype), 0)
    copy(dy, view(dx, dx.offset + start * row, y.shape))
    return dx
  })
}

/** x of at least one dimension as a matrix, without a copy: all dimensions but the last are rows. */
export function asMatrix(x: Tensor): Tensor {
  const { m, n } = rowsOf(x)
  return x.rank === 2 ? x : reshape(x, [m, n])
}
