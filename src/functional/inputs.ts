import { dtypeOf, type FloatDType, isFloat } from '../dtype.js'
import { asArgument, describe, ShapeError, TypeMismatchError } from '../errors.js'
import { cast } from '../ops/cast.js'
import { reshape } from '../ops/views.js'
import { MAX_RANK, sameShape, show } from '../shape.js'
import { isTensor, type Tensor, type TensorValues, tensor } from '../tensor.js'
import { isRow } from '../values.js'

/** A tensor, or what tensor() makes one of: a number, nested arrays, a typed array. Inside record() tensors only. */
export type Values = Tensor | TensorValues

/** The dtype that plain numbers take beside these values: that of the first float tensor or float typed array. */
export function dtypeAmong(...values: unknown[]): FloatDType {
  const tensors = values.map((v) => (isTensor(v) ? v.dtype : undefined))
  const known = [...tensors, ...values.map(dtypeOf)].find((d) => d !== undefined && isFloat(d))
  return (known as FloatDType | undefined) ?? 'float32'
}

/** A float tensor of `dtype`: plain values and bytes are converted (by the divisor); a float tensor must have it. */
export function asFloat(op: string, name: string, value: Values, dtype: FloatDType): Tensor {
  const t = isTensor(value) ? value : asArgument(op, name, () => tensor(value, { dtype }))
  if (t.dtype === dtype) return t
  if (t.dtype === 'uint8') return cast(t, dtype)
  throw new TypeMismatchError(op, `${name} of dtype ${dtype} (cast it first)`, t.describe())
}

function depth(values: unknown): number {
  let n = 0
  for (let level = values; isRow(level) && n <= MAX_RANK; level = level[0]) n++ // cycles end too
  return n
}

/** Plain targets: one-hot rows where they are as deep, or as many, as the predictions; else class numbers. */
function plainTargets(values: TensorValues, { dtype, shape, size, rank }: Tensor): Tensor {
  const typed = dtypeOf(values)
  const length = (values as ArrayLike<number>).length
  const labels = length === (rank === 2 ? shape[0] : 1)
  if (typed === undefined)
    return tensor(values, { dtype: depth(values) < rank || (rank === 1 && labels) ? 'int32' : dtype })
  return tensor(values, length === size && (isFloat(typed) || !labels) ? { dtype, shape } : {})
}

/** Predictions as rows [m, n], and targets that fit them: class numbers [m], or one-hot rows [m, n] of y's dtype. */
export function asTargets(op: string, y: Tensor, t: Values): { rows: Tensor; targets: Tensor; oneHot: boolean } {
  if (y.rank !== 1 && y.rank !== 2) throw new ShapeError(op, 'y [classes] or [rows, classes]', show(y.shape))
  if (t === undefined || t === null) throw new TypeMismatchError(op, 'labels t', describe(t))
  const rows = y.rank === 2 ? y : reshape(y, [1, y.size])
  const m = rows.shape[0]
  const given = isTensor(t) ? t : asArgument(op, 't', () => plainTargets(t, y))
  const wanted = `t: labels [${m}], int32 or uint8, or one-hot rows ${show(y.shape)}`
  const whole = !isFloat(given.dtype)
  // Of a single probability a whole number is the label.
  if (sameShape(given.shape, y.shape) && !(whole && y.size === 1)) {
    // oneHot() gives float32 where it is not told otherwise; its numbers are the same in each dtype.
    return { rows, targets: reshape(cast(given, y.dtype), rows.shape), oneHot: true }
  }
  const labels = m === 1 && given.size === 1 ? reshape(given, [1]) : given
  if (!whole || labels.rank !== 1 || labels.size !== m) throw new ShapeError(op, wanted, given.describe())
  return { rows, targets: labels, oneHot: false }
}
