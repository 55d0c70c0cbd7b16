import { checkOptions, describe, keepNames, ValueError } from './errors.js'
import { fill } from './ops/memory.js'
import { normal as drawNormal, uniform as drawUniform } from './ops/random.js'
import { checkShape, type Shape } from './shape.js'
import { checkTensor, isTensor, type Tensor } from './tensor.js'

/** Fills a new parameter; `state` is the model's random stream. */
export type Initializer = (parameter: Tensor, state: Tensor) => void

/** Inputs and outputs of a parameter: of a matrix [in, out] its sizes, each times the dimensions before these; of a vector its length twice. */
export function fans(shape: Shape): { fanIn: number; fanOut: number } {
  checkShape('fans', shape)
  if (shape.length < 2) return { fanIn: shape[0] ?? 1, fanOut: shape[0] ?? 1 }
  const [a, b] = shape.slice(-2)
  const field = shape.slice(0, -2).reduce((n, d) => n * d, 1)
  return { fanIn: a * field, fanOut: b * field }
}

/** An initializer that says so where it is called with something else than a parameter. */
const checked =
  (op: string, draw: Initializer): Initializer =>
  (p, state) =>
    draw(checkTensor(op, p, 'a parameter'), state)

const options = (p: Tensor) => ({ dtype: p.dtype })

/** A factory without options: { seed }, as elsewhere, would change nothing. (`heNormal` itself as an initializer is told apart in build.) */
function plain(name: string, make: () => Initializer): (...none: []) => Initializer {
  const factory = (...none: []): Initializer => {
    const [given] = none as unknown[]
    if (given != null && !isTensor(given)) throw new ValueError(name, 'no arguments', describe(given))
    return make()
  }
  keepNames({ [name]: factory })
  return factory
}

/** All 0: Affine's default for biases. */
export const zeros = plain('zeros', () => constant(0))
/** All 1. */
export const ones = plain('ones', () => constant(1))

/** All `value`. */
export function constant(value: number): Initializer {
  if (!Number.isFinite(value)) throw new ValueError('constant', 'a finite value', describe(value))
  return (p) => {
    fill(p, value)
  }
}

/** Normal, by default of mean 0 and standard deviation 0.05, as in Keras. */
export function normal(o: { mean?: number | undefined; stddev?: number | undefined } = {}): Initializer {
  const { mean = 0, stddev = 0.05 } = checkOptions('normal', o, ['mean', 'stddev'])
  if (!Number.isFinite(mean)) throw new ValueError('normal', 'a finite mean', describe(mean))
  if (!(Number.isFinite(stddev) && stddev >= 0)) throw new ValueError('normal', 'a stddev >= 0', describe(stddev))
  return checked('normal', (p, state) => {
    drawNormal(state, p.shape, mean, stddev, options(p), p)
  })
}

/** Uniform on [low, high), by default ±0.05, as in Keras. */
export function uniform(o: { low?: number | undefined; high?: number | undefined } = {}): Initializer {
  const { low = -0.05, high = 0.05 } = checkOptions('uniform', o, ['low', 'high'])
  if (!(Number.isFinite(low) && Number.isFinite(high) && low <= high))
    throw new ValueError('uniform', 'low <= high, both finite', `${describe(low)} and ${describe(high)}`)
  return checked('uniform', (p, state) => {
    drawUniform(state, p.shape, low, high, options(p), p)
  })
}

type Fans = { fanIn: number; fanOut: number }

/** Normal (not truncated) of variance gain / fan. */
function scaledNormal(variance: (f: Fans) => number): Initializer {
  return checked('initializer', (p, state) => {
    drawNormal(state, p.shape, 0, Math.sqrt(variance(fans(p.shape))), options(p), p)
  })
}

/** Uniform on ±sqrt(3·variance), which has that variance. */
function scaledUniform(variance: (f: Fans) => number): Initializer {
  return checked('initializer', (p, state) => {
    const limit = Math.sqrt(3 * variance(fans(p.shape)))
    drawUniform(state, p.shape, -limit, limit, options(p), p)
  })
}

const lecun = (f: Fans) => 1 / Math.max(1, f.fanIn)
const glorot = (f: Fans) => 2 / Math.max(1, f.fanIn + f.fanOut)
const he = (f: Fans) => 2 / Math.max(1, f.fanIn)

/** LeCun et al. (1998): variance 1/fanIn. No normal here is truncated; Keras's are. */
export const lecunNormal = plain('lecunNormal', () => scaledNormal(lecun))
/** Uniform on ±√(3/fanIn). */
export const lecunUniform = plain('lecunUniform', () => scaledUniform(lecun))
/** Glorot and Bengio (2010), also Xavier: variance 2/(fanIn + fanOut), not truncated. */
export const glorotNormal = plain('glorotNormal', () => scaledNormal(glorot))
/** Uniform on ±√(6/(fanIn + fanOut)): Affine's default for weights, as in Keras. */
export const glorotUniform = plain('glorotUniform', () => scaledUniform(glorot))
/** Glorot's, by its other name. */
export const xavierNormal = glorotNormal
/** Glorot's, by its other name. */
export const xavierUniform = glorotUniform
/** He et al. (2015), for ReLU: variance 2/fanIn, not truncated. */
export const heNormal = plain('heNormal', () => scaledNormal(he))
/** Uniform on ±√(6/fanIn). */
export const heUniform = plain('heUniform', () => scaledUniform(he))
