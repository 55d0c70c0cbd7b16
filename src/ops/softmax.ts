import { derive } from '../autograd.js'
import { emit } from '../tape.js'
import { checkTensor, type Tensor } from '../tensor.js'
import { floatOf, output, rowsOf } from './common.js'
import { defineOp, type Op } from './op.js'

const ROWS = 'y:w:T:m*n x:i:T:m*n | m n'
const GRAD = 'dx:w:T:m*n dy:i:T:m*n y:r:T:m*n | m n'
const SOFTMAX = defineOp('softmax', ROWS)
const LOG_SOFTMAX = defineOp('logSoftmax', ROWS)
const SOFTMAX_GRAD = defineOp('softmaxGrad', GRAD)
const LOG_SOFTMAX_GRAD = defineOp('logSoftmaxGrad', GRAD)

function rows(op: Op, gradient: Op, x: Tensor, out: Tensor | undefined): Tensor {
  const dtype = floatOf(op.name, x)
  const { m, n } = rowsOf(x)
  if (out !== undefined) checkTensor(op.name, out, 'a tensor as out (the axis is the last)')
  const y = emit(op, dtype, [output(op.name, out, x.shape, dtype, [x]), x], [m, n])
  return derive(
    y,
    [x],
    [(dy, to) => emit(gradient, dtype, [output(gradient.name, to, x.shape, dtype), dy, y], [m, n])],
    false,
  )
}

/** e^x / Σ e^x over the last dimension, with the maximum subtracted first. dx = y·(dy − Σ dy·y) */
export function softmax(x: Tensor, out?: Tensor): Tensor {
  return rows(SOFTMAX, SOFTMAX_GRAD, x, out)
}

/** x − log Σ e^x over the last dimension, stable. dx = dy − e^y·Σ dy */
export function logSoftmax(x: Tensor, out?: Tensor): Tensor {
  return rows(LOG_SOFTMAX, LOG_SOFTMAX_GRAD, x, out)
}
