import type { FloatDType, Tensor } from '../../src/index.js'
import * as lw from '../../src/index.js'
import type { Random } from './random.js'

/** A call of a public function: float inputs by shape and values, what else it is told, and how it is called. */
export interface FunctionCase {
  shapes: number[][]
  values: number[][]
  /** Which inputs have a derivative. */
  gradients: number[]
  options: Record<string, unknown>
  call(...x: Tensor[]): Tensor
}

const size = (shape: readonly number[]) => shape.reduce((n, d) => n * d, 1)
type Draw = (r: Random) => number
const any: Draw = (r) => r.between(-2, 2)
const positive: Draw = (r) => r.between(0.3, 2)
const chance: Draw = (r) => r.between(0.05, 0.95)

/** A shape of at most `most` elements; without sizes of 0 if `full`. */
function shapeOf(r: Random, rank = r.below(7), full = false, most = 48): number[] {
  let room = most
  return Array.from({ length: rank }, () => {
    const d = Math.min(room, r.chance(0.04) ? 0 : r.pick([1, 1, 2, 2, 3, 4, 5, 7, 8, 9, 17]))
    room = Math.floor(room / Math.max(1, d))
    return full ? Math.max(1, d) : d
  })
}

function make(
  r: Random,
  shapes: number[][],
  call: FunctionCase['call'],
  options: Record<string, unknown> = {},
  draws: Draw[] = [],
  gradients: number[] = shapes.map((_, i) => i),
): FunctionCase {
  const values = shapes.map((s, i) => Array.from({ length: size(s) }, () => (draws[i] ?? draws[0] ?? any)(r)))
  return { shapes, values, gradients, options, call }
}

const unary =
  (f: (x: Tensor) => Tensor, draw = any) =>
  (r: Random) =>
    make(r, [shapeOf(r)], f, {}, [draw])

/** Two shapes that broadcast to one: dimensions of either become 1 or, in front, are left out. */
function binary(f: (a: Tensor | number, b: Tensor | number) => Tensor, draw = any, gradients?: number[]) {
  return (r: Random): FunctionCase => {
    const shape = shapeOf(r)
    if (r.chance(0.15)) {
      const [side, value] = [r.below(2), draw(r)]
      return make(r, [shape], (x) => (side ? f(x, value) : f(value, x)), { numbers: { [side]: value } }, [draw], [])
    }
    const part = () => {
      const dims = shape.map((d) => (r.chance(0.3) ? 1 : d))
      return r.chance(0.3) ? dims.slice(r.below(dims.length + 1)) : dims
    }
    return make(r, [part(), part()], (a, b) => f(a, b), {}, [draw], gradients)
  }
}

function reducing(f: typeof lw.sum, full = false) {
  return (r: Random): FunctionCase => {
    const shape = shapeOf(r, r.below(7), full)
    const rank = shape.length
    const some = shape.map((_, i) => (r.chance(0.3) ? i - rank : i)).filter(() => r.chance(0.5))
    const axes = r.pick([undefined, some, some, rank > 0 ? r.below(2 * rank) - rank : undefined])
    const keepDims = r.chance(0.5)
    return make(r, [shape], (x) => f(x, axes, { keepDims }), { ...(axes !== undefined && { axes }), keepDims })
  }
}

const labelsOf = (r: Random, m: number, n: number) => Array.from({ length: m }, () => r.below(n))
const asLabels = (r: Random, list: number[]) => lw.tensor(r.chance(0.5) ? Int32Array.from(list) : Uint8Array.from(list))

/** A loss or accuracy of [rows, classes] against labels or against rows. */
function classified(f: (p: Tensor, t: Tensor) => Tensor, draw: Draw, differentiable = true) {
  return (r: Random): FunctionCase => {
    const shape = shapeOf(r, 2, true)
    if (f === lw.accuracy) shape[1]++ // of one output a row it is no question which is the greatest
    const gradients = differentiable ? [0] : []
    if (r.chance(0.5)) return make(r, [shape, shape], (p, t) => f(p, t), {}, [draw, chance], gradients)
    const labels = labelsOf(r, shape[0], shape[1])
    const t = asLabels(r, labels)
    return make(r, [shape], (p) => f(p, t), { labels }, [draw], gradients)
  }
}

const pair = (f: (p: Tensor, t: Tensor) => Tensor, draw: Draw) => (r: Random) => {
  const shape = shapeOf(r, r.below(7), true)
  return make(r, [shape, shape], (p, t) => f(p, t), {}, [draw, chance], [0])
}

/** By exported function, as functions.py has them. */
export const FUNCTIONS: Record<string, (r: Random, dtype: FloatDType) => FunctionCase> = {
  add: binary(lw.add),
  subtract: binary(lw.subtract),
  multiply: binary(lw.multiply),
  divide: binary(lw.divide, positive),
  maximum: binary(lw.maximum),
  minimum: binary(lw.minimum),
  greater: binary(lw.greater, any, []),
  where: (r) => {
    const shape = shapeOf(r)
    const part = () => shape.map((d) => (r.chance(0.3) ? 1 : d)).slice(r.below(2 * shape.length + 1) - shape.length)
    const mask = (c: Tensor) => (r.chance(0.5) ? lw.cast(lw.greater(c, 0), 'uint8') : lw.greater(c, 0))
    return make(r, [part(), part(), part()], (c, a, b) => lw.where(mask(c), a, b), {}, [], [1, 2])
  },
  matmul: (r) => {
    const [m, k, n] = [shapeOf(r, 1)[0], shapeOf(r, 1)[0], shapeOf(r, 1)[0]]
    const o = { transposeA: r.chance(0.5), transposeB: r.chance(0.5) }
    const shapes = [o.transposeA ? [k, m] : [m, k], o.transposeB ? [n, k] : [k, n]]
    return make(r, shapes, (a, b) => lw.matmul(a, b, o), o)
  },
  affine: (r) => {
    const lead = shapeOf(r, 1 + r.below(4), true, 12)
    const [k, n] = [1 + r.below(9), r.below(10)]
    return make(r, [[...lead, k], [k, n], [n]], (x, w, b) => lw.affine(x, w, b))
  },
  transpose: (r) => make(r, [shapeOf(r, 2)], (x) => lw.transpose(x)),
  negate: unary(lw.negate),
  exp: unary(lw.exp),
  log: unary(lw.log, positive),
  sqrt: unary(lw.sqrt, positive),
  square: unary(lw.square),
  abs: unary(lw.abs),
  sigmoid: unary(lw.sigmoid),
  sigmoidGrad: (r) => {
    const shape = shapeOf(r)
    return make(r, [shape, shape], (dy, y) => lw.sigmoidGrad(dy, y), {}, [any, chance], [])
  },
  tanh: unary(lw.tanh),
  relu: unary(lw.relu),
  leakyRelu: (r) => {
    const slope = r.between(-1, 1)
    return make(r, [shapeOf(r)], (x) => lw.leakyRelu(x, slope), { slope })
  },
  clip: (r) => {
    const [low, high] = [r.between(-1.5, 0), r.between(0, 1.5)]
    return make(r, [shapeOf(r)], (x) => lw.clip(x, low, high), { low, high })
  },
  scale: (r) => {
    const [alpha, beta] = [any(r), any(r)]
    return make(r, [shapeOf(r)], (x) => lw.scale(x, alpha, beta), { alpha, beta })
  },
  softmax: (r) => make(r, [shapeOf(r, 1 + r.below(6), true)], (x) => lw.softmax(x)),
  logSoftmax: (r) => make(r, [shapeOf(r, 1 + r.below(6), true)], (x) => lw.logSoftmax(x)),
  sum: reducing(lw.sum),
  mean: reducing(lw.mean, true),
  max: reducing(lw.max, true),
  argmax: (r) => {
    const shape = shapeOf(r, 1 + r.below(6), true)
    const axis = r.below(2 * shape.length) - shape.length
    return make(r, [shape], (x) => lw.argmax(x, axis), { axis }, [any], [])
  },
  reshape: (r) => {
    const shape = shapeOf(r, r.below(7), true)
    const to = [...shape].sort(() => r.next() - 0.5)
    if (to.length > 0 && r.chance(0.5)) to[r.below(to.length)] = -1
    return make(r, [shape], (x) => lw.reshape(x, to), { shape: to })
  },
  flatten: (r) => make(r, [shapeOf(r, 1 + r.below(6))], (x) => lw.flatten(x)),
  slice: (r) => {
    const shape = shapeOf(r, 1 + r.below(6))
    const axis = r.below(shape.length)
    const start = r.below(shape[axis] + 1)
    const end = start + r.below(shape[axis] - start + 1)
    const given = r.chance(0.5) ? axis : axis - shape.length
    return make(r, [shape], (x) => lw.slice(x, start, end, given), { start, end, axis })
  },
  concat: (r) => {
    const shape = shapeOf(r, 1 + r.below(6))
    const axis = r.below(shape.length)
    const shapes = Array.from({ length: 1 + r.below(4) }, () => shape.map((d, i) => (i === axis ? r.below(4) : d)))
    const given = r.chance(0.5) ? axis : axis - shape.length
    return make(r, shapes, (...x) => lw.concat(x, given), { axis })
  },
  gatherRows: (r) => {
    const shape = shapeOf(r, 1 + r.below(5), true)
    const indices = labelsOf(r, r.below(12), shape[0])
    const count = r.below(indices.length + 1)
    const cursor = r.below(indices.length - count + 1)
    const [at, from] = [lw.tensor(Int32Array.from(indices)), lw.tensor(Int32Array.of(cursor))]
    return make(r, [shape], (x) => lw.gatherRows(x, at, { count, cursor: from }), { indices, cursor, count })
  },
  copy: unary((x) => lw.copy(x)),
  cast: unary((x) => lw.cast(lw.cast(x, 'float64'), x.dtype as FloatDType)),
  oneHot: (r, dtype) => {
    const classes = 1 + r.below(9)
    const labels = labelsOf(r, r.below(9), classes)
    const t = asLabels(r, labels)
    return make(r, [], () => lw.oneHot(t, classes, dtype), { labels, classes })
  },
  full: (r, dtype) => {
    const [shape, value] = [shapeOf(r), Math.fround(any(r))]
    return make(r, [], () => lw.full(shape, value, dtype), { shape, value })
  },
  meanSquaredError: pair(lw.meanSquaredError, any),
  meanAbsoluteError: pair(lw.meanAbsoluteError, any),
  binaryCrossEntropy: pair(lw.binaryCrossEntropy, chance),
  binaryCrossEntropyFromLogits: pair(lw.binaryCrossEntropyFromLogits, any),
  crossEntropy: classified(lw.crossEntropy, chance),
  softmaxCrossEntropy: classified((x, t) => lw.softmaxCrossEntropy(x, t).loss, any),
  accuracy: classified(lw.accuracy, any, false),
  binaryAccuracy: (r) => {
    const [shape, threshold] = [shapeOf(r, r.below(7), true), 0.5]
    return make(r, [shape, shape], (p, t) => lw.binaryAccuracy(p, t, threshold), { threshold }, [chance], [])
  },
}

/** Exported functions that differential.test.ts judges by their commands alone: they draw, or write where they are told. */
export const BY_COMMAND = ['advance', 'fill', 'normal', 'permutation', 'put', 'randomState', 'uniform']
