import { derive, deriveThin, placeFor } from '../autograd.js'
import { describe, ValueError } from '../errors.js'
import { written } from '../gradient-nodes.js'
import { emit } from '../tape.js'
import type { Tensor } from '../tensor.js'
import { divide, multiply } from './binary.js'
import { checkSame, commonFloat, floatOf, output } from './common.js'
import { defineOp, type Op } from './op.js'

const MAP = 'y:w:T:n x:i:T:n | n'
const GRAD = 'dx:w:T:n dy:i:T:n v:i:T:n | n'
const NEGATE = defineOp('negate', MAP)
const EXP = defineOp('exp', MAP)
const LOG = defineOp('log', MAP)
const SQRT = defineOp('sqrt', MAP)
const SQUARE = defineOp('square', MAP)
const ABS = defineOp('abs', MAP)
const SIGMOID = defineOp('sigmoid', MAP)
const TANH = defineOp('tanh', MAP)
const RELU = defineOp('relu', MAP)
const LEAKY_RELU = defineOp('leakyRelu', `${MAP} slope:d`)
const CLIP = defineOp('clip', `${MAP} lo:d hi:d`)
const SCALE = defineOp('scale', `${MAP} alpha:d beta:d`)
const SIGMOID_GRAD = defineOp('sigmoidGrad', GRAD)
const TANH_GRAD = defineOp('tanhGrad', GRAD)
const RELU_GRAD = defineOp('reluGrad', GRAD)
const ABS_GRAD = defineOp('absGrad', GRAD)
const SQRT_GRAD = defineOp('sqrtGrad', GRAD)
const LEAKY_RELU_GRAD = defineOp('leakyReluGrad', `${GRAD} slope:d`)
const CLIP_GRAD = defineOp('clipGrad', `${GRAD} lo:d hi:d`)

function map(op: Op, x: Tensor, out: Tensor | undefined, doubles?: readonly number[]): Tensor {
  const dtype = floatOf(op.name, x)
  return emit(op, dtype, [output(op.name, out, x.shape, dtype, [x]), x], [x.size], doubles)
}

/** A derivative's own kernel: from dL/dy and the value it depends on. */
function grad(op: Op, dy: Tensor, value: Tensor, out: Tensor | undefined, doubles?: readonly number[]): Tensor {
  const dtype = floatOf(op.name, dy)
  return emit(op, dtype, [output(op.name, out, dy.shape, dtype), dy, value], [dy.size], doubles)
}

function checkNumber(op: string, name: string, value: unknown): number {
  if (typeof value === 'number' && !Number.isNaN(value)) return value
  throw new ValueError(op, `${name} to be a number`, describe(value))
}

/** −x. dx = −dy */
export function negate(x: Tensor, out?: Tensor): Tensor {
  return deriveThin(map(NEGATE, x, out), [x], [(dy, to) => negate(dy, placeFor(to, dy))], false)
}

/** e^x. dx = dy·y */
export function exp(x: Tensor, out?: Tensor): Tensor {
  const y = map(EXP, x, out)
  return deriveThin(y, [x], [(dy, to) => multiply(dy, y, to)], false)
}

/** Natural logarithm. dx = dy/x */
export function log(x: Tensor, out?: Tensor): Tensor {
  return deriveThin(map(LOG, x, out), [x], [(dy, to) => divide(dy, x, to)], true)
}

/** Square root. dx = dy/(2y) */
export function sqrt(x: Tensor, out?: Tensor): Tensor {
  const y = map(SQRT, x, out)
  return derive(y, [x], [(dy, to) => grad(SQRT_GRAD, dy, y, to)], false)
}

/** x². dx = 2·dy·x */
export function square(x: Tensor, out?: Tensor): Tensor {
  return deriveThin(map(SQUARE, x, out), [x], [(dy, to) => multiply(scale(dy, 2), x, to)], true)
}

/** |x|. dx = dy·sign(x), 0 at 0 */
export function abs(x: Tensor, out?: Tensor): Tensor {
  return derive(map(ABS, x, out), [x], [(dy, to) => grad(ABS_GRAD, dy, x, to)])
}

/** 1/(1 + e^−x). dx = dy·y·(1 − y) */
export function sigmoid(x: Tensor, out?: Tensor): Tensor {
  const y = map(SIGMOID, x, out)
  return derive(y, [x], [(dy, to) => sigmoidGrad(dy, y, to)], false)
}

/** dy·y·(1 − y), from the sigmoid's result y. */
export function sigmoidGrad(dy: Tensor, y: Tensor, out?: Tensor): Tensor {
  commonFloat('sigmoidGrad', dy, y)
  checkSame('sigmoidGrad', dy, y)
  return written(grad(SIGMOID_GRAD, dy, y, out))
}

/** Hyperbolic tangent. dx = dy·(1 − y²) */
export function tanh(x: Tensor, out?: Tensor): Tensor {
  const y = map(TANH, x, out)
  return derive(y, [x], [(dy, to) => grad(TANH_GRAD, dy, y, to)], false)
}

/** max(x, 0). dx = dy where y > 0 */
export function relu(x: Tensor, out?: Tensor): Tensor {
  const y = map(RELU, x, out)
  return derive(y, [x], [(dy, to) => grad(RELU_GRAD, dy, y, to)], false)
}

/** x < 0 ? slope·x : x. dx = dy, times slope where x < 0 */
export function leakyRelu(x: Tensor, slope = 0.01, out?: Tensor): Tensor {
  const doubles = [checkNumber('leakyRelu', 'slope', slope)]
  return derive(map(LEAKY_RELU, x, out, doubles), [x], [(dy, to) => grad(LEAKY_RELU_GRAD, dy, x, to, doubles)])
}

/** x limited to [low, high]; NaN stays. dx = dy where x is within */
export function clip(x: Tensor, low: number, high: number, out?: Tensor): Tensor {
  const doubles = [checkNumber('clip', 'low', low), checkNumber('clip', 'high', high)]
  if (!(low <= high)) throw new ValueError('clip', 'low <= high', `${low} and ${high}`)
  return derive(map(CLIP, x, out, doubles), [x], [(dy, to) => grad(CLIP_GRAD, dy, x, to, doubles)])
}

/** alpha·x + beta for two numbers. dx = alpha·dy */
export function scale(x: Tensor, alpha: number, beta = 0, out?: Tensor): Tensor {
  const doubles = [checkNumber('scale', 'alpha', alpha), checkNumber('scale', 'beta', beta)]
  return deriveThin(map(SCALE, x, out, doubles), [x], [(dy, to) => scale(dy, alpha, 0, placeFor(to, dy))], false)
}
