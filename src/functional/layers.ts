import type { DType, FloatDType } from '../dtype.js'
import { asArgument, describe, ShapeError, TypeMismatchError } from '../errors.js'
import { oneHot as oneHotOp } from '../ops/indexing.js'
import { affine, matmul } from '../ops/matmul.js'
import { full } from '../ops/memory.js'
import { sum } from '../ops/reduce.js'
import { softmax as softmaxOp } from '../ops/softmax.js'
import { sigmoidGrad as sigmoidGradOp, sigmoid as sigmoidOp } from '../ops/unary.js'
import { asMatrix, reshape } from '../ops/views.js'
import { sameShape, show } from '../shape.js'
import { isTensor, type Tensor, tensor } from '../tensor.js'
import { asFloat, dtypeAmong, type Values } from './inputs.js'

/** What affineBackward needs of the forward step. */
export interface AffineCache {
  /** The input [m, k], or one example [k]. */
  readonly X: Tensor
  /** The weights [k, n]. */
  readonly W: Tensor
}

/**
 * The affine transformation y = X·W + b: X [m, k] (or one example [k]), W [k, n], b [n] → y [m, n] (or [n]).
 * Bytes with a divisor, such as images, come in as their quotients.
 */
export function affineForward(X: Values, W: Values, b: Values): { y: Tensor; cache: AffineCache } {
  const dtype = dtypeAmong(W, b, X)
  const [x, w, bias] = [X, W, b].map((v, i) => asFloat('affineForward', ['X', 'W', 'b'][i], v, dtype))
  if (x.rank === 0 || w.rank !== 2 || x.shape[x.rank - 1] !== w.shape[0]) {
    throw new ShapeError('affineForward', 'X [..., k] and W [k, n]', `${show(x.shape)} and ${show(w.shape)}`)
  }
  const y = affine(asMatrix(x), w, bias)
  return { y: reshape(y, [...x.shape.slice(0, -1), w.shape[1]]), cache: { X: x, W: w } }
}

/**
 * The gradients of an affine transformation from that of its result, dy (y's shape):
 * dX = dy·Wᵀ (X's shape), dW = Xᵀ·dy (W's), db = the sum of dy's rows [n].
 * dy belongs to the pre-activation: where an activation follows, multiply by its derivative first.
 */
export function affineBackward(dy: Values, cache: AffineCache): { dX: Tensor; dW: Tensor; db: Tensor } {
  const rows = asMatrix(checkGradient(dy, cache))
  const dX = matmul(rows, cache.W, { transposeB: true })
  return { dX: reshape(dX, cache.X.shape), ...parameterGradients(rows, cache.X) }
}

/** dW and db alone, from rows of dy: the first layer of a network has no use for dX. */
export function parameterGradients(dy: Tensor, X: Tensor): { dW: Tensor; db: Tensor } {
  const rows = asMatrix(dy)
  return { dW: matmul(asMatrix(X), rows, { transposeA: true }), db: sum(rows, 0) }
}

function checkGradient(dy: Values, cache: AffineCache): Tensor {
  const { X, W } = cache ?? {}
  if (!(isTensor(X) && isTensor(W))) {
    throw new TypeMismatchError('affineBackward', 'the cache that affineForward returned', describe(cache))
  }
  const d = asFloat('affineBackward', 'dy', dy, W.dtype as FloatDType)
  const shape = [...X.shape.slice(0, -1), W.shape[1]]
  if (!sameShape(d.shape, shape)) throw new ShapeError('affineBackward', `dy of shape ${show(shape)}`, show(d.shape))
  return d
}

/** 1/(1 + e^−x), element by element; x of any shape. */
export function sigmoid(x: Values): Tensor {
  return sigmoidOp(asFloat('sigmoid', 'x', x, dtypeAmong(x)))
}

/**
 * The derivative of the sigmoid at x, s(x)·(1 − s(x)), element by element; x is the pre-activation, not the sigmoid's
 * result (the op of the same name in the main entry takes dy and the result, and multiplies them in one pass).
 */
export function sigmoidGrad(x: Values): Tensor {
  const y = sigmoid(x)
  return sigmoidGradOp(full(y.shape, 1, y.dtype), y)
}

/** e^x / Σ e^x of a vector, or of each row of a matrix. Stable: the maximum is subtracted first. */
export function softmax(x: Values): Tensor {
  return softmaxOp(asFloat('softmax', 'x', x, dtypeAmong(x)))
}

/** Labels [m], whole numbers from 0 to classes − 1 → rows [m, classes] of a float dtype with a 1 at the label and 0 elsewhere. */
export function oneHot(labels: Values, classes: number, dtype: DType = 'float32'): Tensor {
  const typed = ArrayBuffer.isView(labels) ? {} : { dtype: 'int32' as const }
  return oneHotOp(
    isTensor(labels) ? labels : asArgument('oneHot', 'labels', () => tensor(labels, typed)),
    classes,
    dtype,
  )
}
