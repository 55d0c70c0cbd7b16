import { noGrad } from '../autograd.js'
import { checkFloat, type FloatDType, isFloat } from '../dtype.js'
import { checkOptions, checkWhole, describe, ShapeError, TypeMismatchError, ValueError } from '../errors.js'
import { divide, subtract } from '../ops/binary.js'
import { cast } from '../ops/cast.js'
import { oneHot } from '../ops/indexing.js'
import { accuracy as accuracyOp } from '../ops/losses.js'
import { constant } from '../ops/memory.js'
import { SGD, update } from '../ops/optimizers.js'
import { normal, seededState } from '../ops/random.js'
import { sigmoidGrad } from '../ops/unary.js'
import { reshape } from '../ops/views.js'
import { withScratch } from '../scratch.js'
import { sameShape, show } from '../shape.js'
import { isTensor, type Tensor, zeros } from '../tensor.js'
import { asFloat, asTargets, type Values } from './inputs.js'
import { affineBackward, affineForward, parameterGradients, sigmoid, softmax } from './layers.js'
import { crossEntropyError } from './losses.js'

/** A perceptron of two layers, X·W1 + b1 → sigmoid → ·W2 + b2 → softmax: W1 [input, hidden], W2 [hidden, output]. */
export interface Params {
  /** [input, hidden] */
  W1: Tensor
  /** [hidden] */
  b1: Tensor
  /** [hidden, output] */
  W2: Tensor
  /** [output] */
  b2: Tensor
}

/** dL/dW1 … in the shapes of the parameters. */
export interface Gradients {
  /** [input, hidden] */
  dW1: Tensor
  /** [hidden] */
  db1: Tensor
  /** [hidden, output] */
  dW2: Tensor
  /** [output] */
  db2: Tensor
}

const NAMES = ['W1', 'b1', 'W2', 'b2'] as const

/** What initParams() makes: sizes of the layers and how the weights are drawn. */
export interface InitOptions {
  /** Numbers of an example. Default 784. */
  input?: number | undefined
  /** Default 50. */
  hidden?: number | undefined
  /** Number of classes. Default 10. */
  output?: number | undefined
  /** Default 0. */
  seed?: number | undefined
  /** Standard deviation of the weights. Default 0.1. */
  std?: number | undefined
  /** Default float32. The float32 weights of a seed are its float64 weights, rounded. */
  dtype?: FloatDType | undefined
}

const INIT = ['input', 'hidden', 'output', 'seed', 'std', 'dtype'] as const satisfies readonly (keyof InitOptions)[]

function checkUnits(name: string, value: unknown): number {
  return checkWhole('initParams', `${name}: a whole number >= 1`, value, 1)
}

/** New parameters: weights normal with mean 0 and standard deviation `std`, biases zero. */
export function initParams(options: InitOptions = {}): Params {
  const input = checkUnits('input', checkOptions('initParams', options, INIT).input ?? 784)
  const hidden = checkUnits('hidden', options.hidden ?? 50)
  const output = checkUnits('output', options.output ?? 10)
  const dtype = checkFloat('initParams', options.dtype ?? 'float32')
  const std = options.std ?? 0.1
  if (!(typeof std === 'number' && std >= 0))
    throw new ValueError('initParams', 'a standard deviation >= 0', describe(std))
  const state = seededState('initParams', options.seed ?? 0)
  return {
    W1: normal(state, [input, hidden], 0, std, { dtype }),
    b1: zeros([hidden], { dtype }),
    W2: normal(state, [hidden, output], 0, std, { dtype }),
    b2: zeros([output], { dtype }),
  }
}

function checkParams(op: string, params: Params): FloatDType {
  for (const name of NAMES) {
    const t = params?.[name]
    if (!isTensor(t) || !isFloat(t.dtype)) {
      throw new TypeMismatchError(op, `params.${name}: a float32 or float64 tensor`, describe(t))
    }
  }
  return params.W1.dtype as FloatDType
}

/** That the shapes of X and the parameters fit each other. */
function checkShapes(op: string, x: Tensor, { W1, b1, W2, b2 }: Params): void {
  const [input, hidden] = W1.shape
  const [, output] = W2.shape
  const fits = W1.rank === 2 && W2.rank === 2 && W2.shape[0] === hidden && x.rank > 0 && x.shape[x.rank - 1] === input
  if (fits && sameShape(b1.shape, [hidden]) && sameShape(b2.shape, [output])) return
  const received = Object.entries({ X: x, W1, b1, W2, b2 }).map(([name, t]) => `${name} ${show(t.shape)}`)
  const expected = 'X [..., input], W1 [input, hidden], b1 [hidden], W2 [hidden, output], b2 [output]'
  throw new ShapeError(op, expected, received.join(', '))
}

function forward(op: string, params: Params, X: Values) {
  const x = asFloat(op, 'X', X, checkParams(op, params))
  checkShapes(op, x, params)
  const first = affineForward(x, params.W1, params.b1)
  const hidden = sigmoid(first.y)
  const second = affineForward(hidden, params.W2, params.b2)
  return { first, hidden, second, y: softmax(second.y) }
}

/** Probabilities [m, output] of examples X [m, input]; [output] of a single one. */
export function predict(params: Params, X: Values): Tensor {
  return forward('predict', params, X).y
}

/** The cross-entropy error of the predictions for X, a tensor of one element; labels t as in crossEntropyError. */
export function loss(params: Params, X: Values, t: Values): Tensor {
  return crossEntropyError(forward('loss', params, X).y, t)
}

/**
 * One pass forward and back. For softmax with cross-entropy the gradient at the scores is dy = (y − t)/m, t one-hot, m
 * the number of examples; from there on it is the chain rule, layer by layer. Also gives the loss and the predictions.
 * To check them by differences of loss take float64: of two float32 losses the difference is mostly rounding.
 */
export function gradients(params: Params, X: Values, t: Values): Gradients & { loss: Tensor; y: Tensor } {
  return noGrad(() => {
    const { first, hidden, second, y } = forward('gradients', params, X)
    const { rows, targets, oneHot: dense } = asTargets('gradients', y, t)
    const [m, n] = rows.shape
    const wanted = dense ? targets : oneHot(targets, n, rows.dtype as FloatDType)
    const dy = divide(subtract(rows, wanted), Math.max(1, m))
    const { dX: dHidden, dW: dW2, db: db2 } = affineBackward(reshape(dy, second.y.shape), second.cache)
    // The bias was added before the sigmoid: its gradient, like that of W1, goes through the sigmoid's derivative.
    const { dW: dW1, db: db1 } = parameterGradients(sigmoidGrad(dHidden, hidden), first.cache.X)
    return { dW1, db1, dW2, db2, loss: crossEntropyError(rows, targets), y }
  })
}

/**
 * Gradient descent, in place: w −= learningRate·dw, each in one pass. A number as the learning rate is a constant of a
 * recorded tape; a tensor of one element is read at each replay.
 */
export function updateParams(params: Params, grads: Gradients, learningRate: number | Tensor): void {
  checkParams('updateParams', params)
  for (const name of NAMES) {
    const [w, g] = [params[name], grads?.[`d${name}`]]
    const wanted = `grads.d${name}: a tensor ${w.dtype} ${show(w.shape)}`
    if (!isTensor(g) || g.dtype !== w.dtype) throw new TypeMismatchError('updateParams', wanted, describe(g))
    if (!sameShape(g.shape, w.shape)) throw new ShapeError('updateParams', wanted, describe(g))
  }
  noGrad(() => {
    const rate = rateOf(learningRate)
    for (const name of NAMES) update(SGD, params[name], [grads[`d${name}`]], [rate], [], [0])
  })
}

function rateOf(learningRate: number | Tensor): Tensor {
  if (typeof learningRate === 'number' && Number.isFinite(learningRate)) return constant(learningRate, 'float64')
  if (isTensor(learningRate) && isFloat(learningRate.dtype) && learningRate.size === 1) {
    return cast(learningRate, 'float64')
  }
  throw new ValueError(
    'updateParams',
    'a learning rate: a finite number or a float tensor of one',
    describe(learningRate),
  )
}

/** One step of training: gradients, then updateParams. Returns the loss before the step, a tensor of one element. */
export function trainStep(params: Params, X: Values, t: Values, learningRate: number | Tensor): Tensor {
  return withScratch(() => {
    const { loss, ...grads } = gradients(params, X, t)
    updateParams(params, grads, learningRate)
    return loss
  })
}

/** Share of the examples X whose most probable class is the label, 0 to 1, a tensor of one element; t as in loss. */
export function accuracy(params: Params, X: Values, t: Values): Tensor {
  return noGrad(() => {
    const { rows, targets } = asTargets('accuracy', forward('accuracy', params, X).y, t)
    return accuracyOp(rows, targets)
  })
}
