import { derive } from '../autograd.js'
import { checkFloat, type DType, isFloat } from '../dtype.js'
import { checkOptions, checkWhole, describe, IndexError, ShapeError, TypeMismatchError } from '../errors.js'
import { written } from '../gradient-nodes.js'
import { show, sizeOf } from '../shape.js'
import { emit } from '../tape.js'
import { checkTensor, empty, type Tensor } from '../tensor.js'
import { checkLabels, output } from './common.js'
import { constant, copy } from './memory.js'
import { defineOp } from './op.js'

const ONE_HOT = defineOp('oneHot', 'y:w:T:m*n t:r:L:m | m n')
const GATHER_ROWS = defineOp(
  'gatherRows',
  'y:w:A:m*n src:r:A:rows*n idx:r:i:count cursor:r:i:1 | m n rows count divisor:d',
)
const SCATTER_ROWS = defineOp(
  'scatterRows',
  'dsrc:w:T:rows*n dy:r:T:m*n idx:r:i:count cursor:r:i:1 | m n rows count divisor:d',
)

/**
 * Rows with a 1 at the label and 0 elsewhere: labels [m] → [m, classes].
 * @throws TypeMismatchError for a dtype that is no float's, or labels whose is
 */
export function oneHot(labels: Tensor, classes: number, dtype: DType = 'float32', out?: Tensor): Tensor {
  checkTensor('oneHot', labels)
  checkLabels('oneHot', labels, labels.size)
  checkWhole('oneHot', 'a whole number of classes >= 1', classes, 1)
  const float = checkFloat('oneHot', dtype)
  const y = output('oneHot', out, [labels.size, classes], float)
  return checked(y, () => written(emit(ONE_HOT, float, [y, labels], [labels.size, classes])))
}

/** Where a bad index is found as it runs, y was written in part. */
function checked(y: Tensor, run: () => Tensor): Tensor {
  try {
    return run()
  } catch (error) {
    if (error instanceof IndexError) written(y)
    throw error
  }
}

/** Which rows gatherRows takes, and what it makes of them. */
export interface GatherOptions {
  /** Where in `indices` to begin: an int32 tensor of one element; default the beginning. */
  cursor?: Tensor | undefined
  /** How many rows; default all of `indices`. */
  count?: number | undefined
  /** dtype of the result; default that of the source. */
  dtype?: DType | undefined
}

/** Checks what is to be gathered. `ints` are the parameters m, n, rows and count of the command. */
export function checkGather(op: string, source: Tensor, indices: Tensor, options: GatherOptions) {
  checkTensor(op, source)
  checkTensor(op, indices)
  if (indices.dtype !== 'int32') throw new TypeMismatchError(op, 'int32 indices', indices.describe())
  if (indices.rank !== 1)
    throw new ShapeError(op, 'indices of one dimension (reshape(indices, [-1]))', show(indices.shape))
  if (source.rank === 0) throw new ShapeError(op, 'a source with at least one dimension', show(source.shape))
  const wanted = checkOptions(op, options, ['cursor', 'count', 'dtype']).count ?? indices.size
  const m = checkWhole(op, `a count from 0 to ${indices.size}`, wanted, 0, indices.size)
  const dtype = options.dtype ?? source.dtype
  const divisor = isFloat(dtype) ? source.divisor : 1
  if (!isFloat(dtype) && dtype !== source.dtype && !(dtype === 'int32' && source.dtype === 'uint8')) {
    throw new TypeMismatchError(
      op,
      isFloat(source.dtype) ? 'float32 or float64' : `a float dtype or ${source.dtype}`,
      describe(dtype),
    )
  }
  const cursor = options.cursor ?? constant(0, 'int32')
  if (checkTensor(op, cursor).dtype !== 'int32' || cursor.size !== 1) {
    throw new TypeMismatchError(op, 'a cursor of one int32', cursor.describe())
  }
  const ints = [m, sizeOf(source.shape.slice(1)), source.shape[0], indices.size]
  return { m, dtype, divisor, cursor, ints }
}

/**
 * Rows of `source`, chosen by int32 `indices`: y[i] = source[indices[cursor + i]]. To a float dtype the values are
 * converted and divided by the source's divisor, so bytes of images come out normalised. Indices are checked as it runs.
 */
export function gatherRows(source: Tensor, indices: Tensor, options: GatherOptions = {}, out?: Tensor): Tensor {
  const { m, dtype, divisor, cursor, ints } = checkGather('gatherRows', source, indices, options)
  const y = output('gatherRows', out, [m, ...source.shape.slice(1)], dtype, [source])
  checked(y, () => emit(GATHER_ROWS, 'float32', [y, source, indices, cursor], ints, [divisor]))
  if (y.dtype === 'uint8') y.divisor = source.divisor
  if (!isFloat(source.dtype) || !isFloat(dtype)) return written(y)
  return derive(
    y,
    [source, indices, cursor],
    [
      (dy, to) => {
        // Rows that were chosen often are many numbers to add: in the wider dtype of the two.
        const wide = dtype === source.dtype ? dtype : 'float64'
        const from = dtype === wide ? dy : copy(dy, empty('scatterRows', dy.shape, wide))
        const d = output('scatterRows', source.dtype === wide ? to : undefined, source.shape, wide)
        emit(SCATTER_ROWS, wide, [d, from, indices, cursor], ints, [divisor])
        return source.dtype === wide ? d : copy(d, to ?? empty('scatterRows', source.shape, source.dtype))
      },
    ],
    [1, 2],
  )
}
