import { checkOut } from '../autograd.js'
import { type FloatDType, isFloat } from '../dtype.js'
import { ShapeError, TypeMismatchError } from '../errors.js'
import { checkSize, type Shape, sameShape, show } from '../shape.js'
import { checkStill, checkTensor, empty, type Tensor } from '../tensor.js'

/** The dtype of a float tensor, or an error that names the op. */
export function floatOf(op: string, t: Tensor): FloatDType {
  checkTensor(op, t)
  if (isFloat(t.dtype)) return t.dtype
  const cast = t.divisor === 1 ? 'cast it first' : `cast it first: that divides by ${t.divisor}`
  throw new TypeMismatchError(op, `a float32 or float64 tensor (${cast})`, t.describe())
}

/** The common float dtype of several tensors. */
export function commonFloat(op: string, first: Tensor, ...rest: Tensor[]): FloatDType {
  const dtype = floatOf(op, first)
  for (const t of rest) {
    checkTensor(op, t)
    if (t.dtype !== dtype)
      throw new TypeMismatchError(op, `${dtype} as the first operand has (cast it first)`, t.describe())
  }
  return dtype
}

/** Labels of so many rows: int32 or uint8. */
export function checkLabels(op: string, t: Tensor, rows: number): void {
  checkTensor(op, t)
  if (t.dtype !== 'int32' && t.dtype !== 'uint8') throw new TypeMismatchError(op, 'int32 or uint8 labels', t.describe())
  if (t.rank !== 1 || t.size !== rows) throw new ShapeError(op, `labels of shape [${rows}]`, show(t.shape))
}

/** Where an op writes: `out` if it fits, else a new tensor. `inputs` are those that derive() is told of. */
export function output(
  op: string,
  out: Tensor | undefined,
  shape: Shape,
  dtype: Tensor['dtype'],
  inputs: readonly Tensor[] = [],
): Tensor {
  checkSize(op, shape)
  if (out === undefined) return empty(op, shape, dtype)
  checkTensor(op, out, 'a tensor as out')
  if (out.dtype !== dtype || !sameShape(out.shape, shape)) {
    const Kind = out.dtype === dtype ? ShapeError : TypeMismatchError
    throw new Kind(op, `out to be ${dtype} ${show(shape)}`, out.describe())
  }
  checkOut(op, out, inputs)
  checkStill(op, out)
  return out
}

/** The rows and columns of a tensor seen as a matrix: all leading dimensions are rows. */
export function rowsOf(t: Tensor): { m: number; n: number } {
  if (t.rank === 0) return { m: 1, n: 1 }
  const n = t.shape[t.rank - 1]
  let m = 1
  for (let i = 0; i < t.rank - 1; i++) m *= t.shape[i]
  return { m, n }
}

export function checkSame(op: string, a: Tensor, b: Tensor): void {
  if (!sameShape(a.shape, b.shape)) throw new ShapeError(op, 'equal shapes', `${show(a.shape)} and ${show(b.shape)}`)
}
