import { checkOut, derive } from '../autograd.js'
import { checkDType, type DType, isFloat } from '../dtype.js'
import { checkWhole, describe, ShapeError, TypeMismatchError } from '../errors.js'
import { written } from '../gradient-nodes.js'
import { checkShape, sameShape, show } from '../shape.js'
import { emit } from '../tape.js'
import { checkIntegers, checkStill, checkTensor, empty, type Tensor } from '../tensor.js'
import { defineOp } from './op.js'

const FILL = defineOp('fill', 'y:w:A:n | n value:d')
const COPY = defineOp('copy', 'y:w:A:n x:r:A:n | n')
const COPY_COLUMNS = defineOp('copyColumns', 'y:u:A:m*p x:r:A:m*q | m n p q at from')
const ADVANCE = defineOp('advance', 'x:u:i:1 | by')
const PUT = defineOp('put', 'dst:u:A:cap src:r:A:1 at:r:i:1 | cap')

/** Sets every element of `y` to `value`. Inside record() this is a command like any other. */
export function fill(y: Tensor, value: number): Tensor {
  checkTensor('fill', y)
  checkStill('fill', y)
  return filled('fill', y, value)
}

function filled(op: string, y: Tensor, value: number): Tensor {
  if (typeof value !== 'number') throw new TypeMismatchError(op, 'a number', describe(value))
  checkIntegers(op, [value], y.dtype)
  return written(emit(FILL, 'float32', [y], [y.size], [value]))
}

/** A new tensor filled with `value`, by a command. */
export function full(shape: readonly number[], value: number, dtype: DType = 'float32'): Tensor {
  return filled('full', empty('full', checkShape('full', shape), checkDType('full', dtype)), value)
}

/** A number as a tensor of no dimensions: a constant of the tape when recorded, in memory that nothing else writes to. */
export function constant(value: number, dtype: DType): Tensor {
  const t = empty('constant', [], dtype)
  t.storage.array[t.offset] = value
  return t
}

/** Copies x, to `out` if given (same shape; stored values are converted to its dtype). dx = dy */
export function copy(x: Tensor, out?: Tensor): Tensor {
  checkTensor('copy', x)
  const y = out ?? empty('copy', x.shape, x.dtype)
  checkTensor('copy', y, 'a tensor as out')
  if (!sameShape(x.shape, y.shape)) throw new ShapeError('copy', `out of shape ${show(x.shape)}`, y.describe())
  if (y === out) {
    checkOut('copy', y, [x])
    checkStill('copy', y)
  }
  emit(COPY, 'float32', [y, x], [x.size])
  if (out === undefined) y.divisor = x.divisor
  return isFloat(x.dtype) && isFloat(y.dtype)
    ? derive(y, [x], [(dy, dx) => copy(dy, dx ?? empty('copy', x.shape, x.dtype))], false)
    : written(y)
}

/**
 * Copies n columns of x, from column `from` on, to those of y from `at` on. Both are of one dtype and seen as m rows. What that means
 * for derivatives its callers say.
 */
export function copyColumns(m: number, n: number, y: Tensor, at: number, x: Tensor, from: number): Tensor {
  const width = (t: Tensor, least: number) => (m > 0 ? t.size / m : least)
  return written(emit(COPY_COLUMNS, 'float32', [y, x], [m, n, width(y, at + n), width(x, from + n), at, from]))
}

/** Adds `by` to the int32 in `counter`: cursors and step counts that move within a tape. From 2^31 − 1 on it goes to −2^31. */
export function advance(counter: Tensor, by: number): void {
  checkTensor('advance', counter)
  if (counter.dtype !== 'int32' || counter.size !== 1)
    throw new TypeMismatchError('advance', 'one int32', counter.describe())
  checkWhole('advance', 'a whole number >= 0', by, 0, 2 ** 31 - 1)
  checkStill('advance', counter)
  written(emit(ADVANCE, 'float32', [counter], [by]))
}

/**
 * log[at] = value: log of any shape, seen as flat, of float64 or value's dtype; value and at (int32) of one element.
 * @throws TypeMismatchError, ShapeError; IndexError, as it runs, for a place outside the log
 */
export function put(log: Tensor, value: Tensor, at: Tensor): void {
  for (const t of [log, value, at]) checkTensor('put', t)
  if (log.dtype !== 'float64' && log.dtype !== value.dtype) {
    throw new TypeMismatchError('put', `a log of float64 or ${value.dtype}`, log.describe())
  }
  if (value.size !== 1) throw new ShapeError('put', 'one value', show(value.shape))
  if (at.dtype !== 'int32' || at.size !== 1) throw new TypeMismatchError('put', 'one int32 position', at.describe())
  checkStill('put', log)
  written(emit(PUT, 'float32', [log, value, at], [log.size]))
}
