import { checkUntracked, derive } from '../autograd.js'
import { type FloatDType, isFloat } from '../dtype.js'
import { describe, ShapeError, TypeMismatchError, ValueError } from '../errors.js'
import { sameShape, show } from '../shape.js'
import { emit } from '../tape.js'
import { checkTensor, empty, type Tensor } from '../tensor.js'
import { subtract } from './binary.js'
import { checkLabels, checkSame, commonFloat, floatOf, output, rowsOf } from './common.js'
import { mean } from './mean.js'
import { defineOp, type Op } from './op.js'
import { abs } from './unary.js'

const PAIR = 'y:w:T:1 p:r:T:n t:r:T:n | n'
const PAIR_GRAD = 'dp:w:T:n dy:r:T:1 p:i:T:n t:i:T:n | n'
const MEAN_SQUARED_ERROR = defineOp('meanSquaredError', PAIR)
const MEAN_SQUARED_ERROR_GRAD = defineOp('meanSquaredErrorGrad', PAIR_GRAD)
const BINARY_CROSS_ENTROPY = defineOp('binaryCrossEntropy', PAIR)
const BINARY_CROSS_ENTROPY_GRAD = defineOp('binaryCrossEntropyGrad', PAIR_GRAD)
const BINARY_CROSS_ENTROPY_LOGITS = defineOp('binaryCrossEntropyLogits', 'y:w:T:1 x:r:T:n t:r:T:n | n')
const BINARY_CROSS_ENTROPY_LOGITS_GRAD = defineOp(
  'binaryCrossEntropyLogitsGrad',
  'dx:w:T:n dy:r:T:1 x:i:T:n t:i:T:n | n',
)
const CROSS_ENTROPY = defineOp('crossEntropy', 'y:w:T:1 p:r:T:m*n t:r:L:m | m n')
const CROSS_ENTROPY_GRAD = defineOp('crossEntropyGrad', 'dp:w:T:m*n dy:r:T:1 p:i:T:m*n t:r:L:m | m n')
const CROSS_ENTROPY_DENSE = defineOp('crossEntropyDense', 'y:w:T:1 p:r:T:m*n t:r:T:m*n | m n')
const CROSS_ENTROPY_DENSE_GRAD = defineOp('crossEntropyDenseGrad', 'dp:w:T:m*n dy:r:T:1 p:i:T:m*n t:i:T:m*n | m n')
const SOFTMAX_CROSS_ENTROPY = defineOp('softmaxCrossEntropy', 'y:w:T:1 p:w:T:m*n x:r:T:m*n t:r:L:m | m n')
const SOFTMAX_CROSS_ENTROPY_GRAD = defineOp('softmaxCrossEntropyGrad', 'dx:w:T:m*n dy:r:T:1 p:i:T:m*n t:r:L:m | m n')
const SOFTMAX_CROSS_ENTROPY_DENSE = defineOp('softmaxCrossEntropyDense', 'y:w:T:1 p:w:T:m*n x:r:T:m*n t:r:T:m*n | m n')
const SOFTMAX_CROSS_ENTROPY_DENSE_GRAD = defineOp(
  'softmaxCrossEntropyDenseGrad',
  'dx:w:T:m*n dy:r:T:1 p:i:T:m*n t:r:T:m*n | m n',
)
const ACCURACY = defineOp('accuracy', 'y:w:T:1 p:r:T:m*n t:r:L:m | m n')
const ACCURACY_DENSE = defineOp('accuracyDense', 'y:w:T:1 p:r:T:m*n t:r:T:m*n | m n')
const BINARY_ACCURACY = defineOp('binaryAccuracy', 'y:w:T:1 p:r:T:n t:r:T:n | n threshold:d')

/** The derivative of a loss with respect to its first input: dL/dy (one number), `value` and the targets go in. */
function lossGrad(
  op: Op,
  value: Tensor,
  t: Tensor,
  ints: readonly number[],
): (dy: Tensor, to: Tensor | undefined) => Tensor {
  return (dy, to) => {
    const dx = output(op.name, to, value.shape, value.dtype)
    return emit(op, commonFloat(op.name, dx, dy), [dx, dy, value, t], ints)
  }
}

/** `name` is the function's, for errors; `symmetric`: whether p and t may change places. */
function elementLoss(name: string, op: Op, gradient: Op, p: Tensor, t: Tensor, symmetric = false): Tensor {
  const dtype = commonFloat(name, p, t)
  checkSame(name, p, t)
  if (!symmetric) checkUntracked(name, t)
  const y = empty(name, [], dtype)
  emit(op, dtype, [y, p, t], [p.size])
  return derive(
    y,
    [p, t],
    [lossGrad(gradient, p, t, [p.size]), symmetric ? lossGrad(gradient, t, p, [p.size]) : undefined],
  )
}

/** Mean of (p − t)² over all elements. dp = 2(p − t)/n = −dt */
export function meanSquaredError(p: Tensor, t: Tensor): Tensor {
  return elementLoss('meanSquaredError', MEAN_SQUARED_ERROR, MEAN_SQUARED_ERROR_GRAD, p, t, true)
}

/** Mean of |p − t| over all elements. dp = sign(p − t)/n = −dt, 0 where they are equal */
export function meanAbsoluteError(p: Tensor, t: Tensor): Tensor {
  commonFloat('meanAbsoluteError', p, t)
  checkSame('meanAbsoluteError', p, t)
  return mean(abs(subtract(p, t)))
}

/**
 * Mean of −t·log p − (1 − t)·log(1 − p), p limited to [1e-7, 1 − 1e-7] as Keras does.
 * @throws StateError for targets computed from what requires a gradient: no cross-entropy has one for them
 */
export function binaryCrossEntropy(p: Tensor, t: Tensor): Tensor {
  return elementLoss('binaryCrossEntropy', BINARY_CROSS_ENTROPY, BINARY_CROSS_ENTROPY_GRAD, p, t)
}

/** The same from logits, p = sigmoid(x), without loss of precision. dx = (sigmoid(x) − t)/n */
export function binaryCrossEntropyFromLogits(x: Tensor, t: Tensor): Tensor {
  return elementLoss(
    'binaryCrossEntropyFromLogits',
    BINARY_CROSS_ENTROPY_LOGITS,
    BINARY_CROSS_ENTROPY_LOGITS_GRAD,
    x,
    t,
  )
}

/** Whether targets are class indices (one a row) or one-hot rows; checks them, and p. */
function targetsOf(op: string, p: Tensor, t: Tensor): { dtype: FloatDType; m: number; n: number; dense: boolean } {
  const dtype = floatOf(op, p)
  checkTensor(op, t)
  if (p.rank !== 2) throw new ShapeError(op, 'predictions [rows, classes]', show(p.shape))
  const { m, n } = rowsOf(p)
  if (!isFloat(t.dtype)) {
    checkLabels(op, t, m)
    if (n === 0 && m > 0) throw new ShapeError(op, 'at least one class', show(p.shape))
    return { dtype, m, n, dense: false }
  }
  commonFloat(op, p, t)
  if (!sameShape(p.shape, t.shape))
    throw new (t.rank === 1 && t.size === m ? TypeMismatchError : ShapeError)(
      op,
      `labels [${m}], int32 or uint8, or one-hot rows ${show(p.shape)}`,
      t.describe(),
    )
  return { dtype, m, n, dense: true }
}

/**
 * Mean cross-entropy of probabilities p [m, n]: −log p[i, t_i] for labels [m], −Σ t·log p for one-hot rows [m, n].
 * p is limited to [1e-7, 1]; of logits (PyTorch's cross_entropy) it is softmaxCrossEntropy. @throws IndexError for a label outside 0 … n − 1
 */
export function crossEntropy(p: Tensor, t: Tensor): Tensor {
  const { dtype, m, n, dense } = targetsOf('crossEntropy', p, t)
  checkUntracked('crossEntropy', t)
  const y = empty('crossEntropy', [], dtype)
  emit(dense ? CROSS_ENTROPY_DENSE : CROSS_ENTROPY, dtype, [y, p, t], [m, n])
  const gradient = dense ? CROSS_ENTROPY_DENSE_GRAD : CROSS_ENTROPY_GRAD
  return derive(y, [p, t], [lossGrad(gradient, p, t, [m, n]), undefined])
}

/**
 * Softmax and mean cross-entropy in one, from logits x [m, n]; also gives the probabilities, which carry no gradient.
 * dx = (p − t)/m
 */
export function softmaxCrossEntropy(x: Tensor, t: Tensor): { loss: Tensor; probabilities: Tensor } {
  const { dtype, m, n, dense } = targetsOf('softmaxCrossEntropy', x, t)
  checkUntracked('softmaxCrossEntropy', t)
  const loss = empty('softmaxCrossEntropy', [], dtype)
  const p = empty('softmaxCrossEntropy', x.shape, dtype)
  emit(dense ? SOFTMAX_CROSS_ENTROPY_DENSE : SOFTMAX_CROSS_ENTROPY, dtype, [loss, p, x, t], [m, n])
  const gradient = dense ? SOFTMAX_CROSS_ENTROPY_DENSE_GRAD : SOFTMAX_CROSS_ENTROPY_GRAD
  const derivatives = [lossGrad(gradient, p, t, [m, n]), undefined, undefined]
  return { loss: derive(loss, [x, t, p], derivatives), probabilities: p }
}

/**
 * Share of rows of p [m, n] whose largest prediction is at the label, t [m], or at the largest entry of the one-hot row, t [m, n]; a
 * tensor []. A label outside 0 … n − 1 counts as wrong. No gradient. @throws ShapeError, TypeMismatchError
 */
export function accuracy(p: Tensor, t: Tensor): Tensor {
  const { dtype, m, n, dense } = targetsOf('accuracy', p, t)
  if (n === 0) throw new ShapeError('accuracy', 'at least one class', show(p.shape))
  if (n === 1) throw new ShapeError('accuracy', 'at least two classes (binaryAccuracy for one output)', show(p.shape))
  return emit(dense ? ACCURACY_DENSE : ACCURACY, dtype, [empty('accuracy', [], dtype), p, t], [m, n])
}

/** Share of elements with (p > threshold) = (t > 0.5), for p and t of one shape. */
export function binaryAccuracy(p: Tensor, t: Tensor, threshold = 0.5): Tensor {
  const dtype = commonFloat('binaryAccuracy', p, t)
  checkSame('binaryAccuracy', p, t)
  if (typeof threshold !== 'number' || Number.isNaN(threshold))
    throw new ValueError('binaryAccuracy', 'a threshold', describe(threshold))
  return emit(BINARY_ACCURACY, dtype, [empty('binaryAccuracy', [], dtype), p, t], [p.size], [threshold])
}
