import type { Tensor } from '../src/index.js'
import * as lw from '../src/index.js'

/** Values of one input: by shape, drawn from a domain where the op is smooth. */
export interface Input {
  shape: readonly number[]
  values: number[]
}
export interface Case {
  inputs: readonly Input[]
  f: (...t: Tensor[]) => Tensor
}

let seed = 1
/** The same numbers for an op whatever other ops there are. */
function seeded<T>(cases: Record<string, () => T>): Record<string, () => T> {
  const entries = Object.entries(cases).map(([name, make]) => {
    const begin = () => {
      seed = [...name].reduce((hash, c) => (Math.imul(hash, 31) + c.charCodeAt(0)) >>> 0, 1)
      return make()
    }
    return [name, begin] as const
  })
  return Object.fromEntries(entries)
}
/** Numbers that look random, the same each run, in [low, high). */
function draw(n: number, low: number, high: number): number[] {
  return Array.from({ length: n }, () => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    return low + ((high - low) * (seed >>> 8)) / 2 ** 24
  })
}
const size = (shape: readonly number[]) => shape.reduce((n, d) => n * d, 1)
const any = (...shape: number[]): Input => ({ shape, values: draw(size(shape), -2, 2) })
const positive = (...shape: number[]): Input => ({ shape, values: draw(size(shape), 0.2, 2) })
const chance = (...shape: number[]): Input => ({ shape, values: draw(size(shape), 0.1, 0.9) })
/** Away from 0 by 0.1, where relu and abs have their corners. */
const signed = (...shape: number[]): Input => ({
  shape,
  values: any(...shape).values.map((v) => v + (v < 0 ? -0.1 : 0.1)),
})
const one = (f: (x: Tensor) => Tensor, ...inputs: Input[]): Case[] =>
  inputs.map((i) => ({ inputs: [i], f: f as Case['f'] }))
const two = (f: (a: Tensor, b: Tensor) => Tensor, ...pairs: [Input, Input][]): Case[] =>
  pairs.map((inputs) => ({ inputs, f: f as Case['f'] }))

const BROADCASTS: [number[], number[]][] = [
  [[5], [5]],
  [[3, 5], [5]],
  [
    [3, 1],
    [1, 7],
  ],
  [
    [2, 3, 5],
    [3, 1],
  ],
  [[], [3, 3]],
  [
    [4, 1, 3],
    [2, 1],
  ],
  [
    [2, 1, 2, 1, 3, 1],
    [1, 2, 1, 2, 1, 2],
  ],
]
const broadcasting = (f: (a: Tensor, b: Tensor) => Tensor, of: (...s: number[]) => Input = any): Case[] =>
  BROADCASTS.flatMap(([p, q]) => [
    ...two(f, [of(...p), of(...q)]),
    ...two((a, b) => f(b, a), [of(...p), of(...q)]),
    ...one((a) => f(a, a), of(...p)),
  ])
const dense = (values: number[], shape: number[]) => lw.tensor(values, { shape, dtype: 'float64' })
const rowsOfChances = (m: number, n: number): Tensor =>
  dense(
    Array.from({ length: m }, () => draw(n, 0.1, 1)).flatMap((r) => r.map((v) => v / r.reduce((s, w) => s + w, 0))),
    [m, n],
  )
/** A loss against targets that stay. */
function against(loss: (p: Tensor, t: Tensor) => Tensor, input: Input): Case[] {
  const t = dense(draw(size(input.shape), 0, 1), [...input.shape])
  return one((p) => loss(p, t), input)
}
const labels = (...v: number[]) => lw.tensor(Int32Array.from(v))
const reducing = (f: (x: Tensor, axes?: number | number[], o?: { keepDims: boolean }) => Tensor): Case[] => [
  ...one((x) => f(x), any(7), any(3, 5), any(2, 3, 4)),
  ...one((x) => f(x, 0), any(5), any(3, 5), any(2, 3, 4)),
  ...one((x) => f(x, -1), any(3, 5), any(2, 3, 4)),
  ...one((x) => f(x, 1, { keepDims: true }), any(2, 3, 4)),
  ...one((x) => f(x, [0, 2]), any(2, 3, 4), any(3, 2, 2, 2)),
  ...one((x) => f(x, [0, 2], { keepDims: true }), any(2, 3, 4)),
]

/** By exported op. Functions, so that tensors within are made on the backend under test. */
export const OPS = seeded<Case[]>({
  add: () => [...broadcasting(lw.add), ...one((x) => lw.add(x, 2.5), any(3)), ...one((x) => lw.add(2, x), any(3))],
  subtract: () => [...broadcasting(lw.subtract), ...one((x) => lw.subtract(1, x), any(3))],
  multiply: () => [...broadcasting(lw.multiply), ...one((x) => lw.multiply(x, -3), any(3))],
  divide: () => [...broadcasting(lw.divide, positive), ...one((x) => lw.divide(1, x), positive(3))],
  maximum: () => [...broadcasting(lw.maximum), ...one((x) => lw.maximum(x, 0), signed(9))],
  minimum: () => [...broadcasting(lw.minimum), ...one((x) => lw.minimum(x, 0), signed(9))],
  where: () =>
    [lw.tensor(Uint8Array.of(0, 7, 1)), lw.tensor([[0], [1]], { dtype: 'float64' })].flatMap((c) => [
      ...two((a, b) => lw.where(c, a, b), [any(2, 3), any(2, 3)], [any(3), any(2, 1)], [any(), any(4, 1, 3)]),
      ...one((x) => lw.where(c, x, 2), any(2, 3)),
    ]),
  matmul: () =>
    [false, true].flatMap((transposeA) =>
      [false, true].flatMap((transposeB) => {
        const f = (a: Tensor, b: Tensor) => lw.matmul(a, b, { transposeA, transposeB })
        const shapes = (m: number, k: number, n: number): [Input, Input] => [
          transposeA ? any(k, m) : any(m, k),
          transposeB ? any(n, k) : any(k, n),
        ]
        const square = one((a) => f(a, a), any(3, 3))
        return [...two(f, shapes(3, 5, 2), shapes(1, 7, 1), shapes(17, 2, 3), shapes(2, 1, 19)), ...square]
      }),
    ),
  affine: () => [
    ...[
      [3, 5, 2],
      [1, 1, 1],
      [9, 3, 17],
    ].map(([m, k, n]) => ({ inputs: [any(m, k), any(k, n), any(n)], f: lw.affine as Case['f'] })),
    { inputs: [any(2, 3, 4), any(4, 5), any(5)], f: lw.affine as Case['f'] },
  ],
  transpose: () => one(lw.transpose, any(3, 5), any(1, 7)),
  negate: () => one(lw.negate, any(17)),
  exp: () => one(lw.exp, any(17)),
  log: () => one(lw.log, positive(17)),
  sqrt: () => one(lw.sqrt, positive(17)),
  square: () => one(lw.square, any(17)),
  abs: () => one(lw.abs, signed(17)),
  sigmoid: () => one(lw.sigmoid, any(17), any(2, 3)),
  tanh: () => one(lw.tanh, any(17)),
  relu: () => one(lw.relu, signed(17)),
  leakyRelu: () => [...one((x) => lw.leakyRelu(x), signed(17)), ...one((x) => lw.leakyRelu(x, 0.3), signed(3, 5))],
  clip: () => one((x) => lw.clip(x, -1.5, 1), any(33)),
  scale: () => one((x) => lw.scale(x, 1.7, -0.3), any(17)),
  softmax: () => one(lw.softmax, any(3, 5), any(2, 2, 3), any(17), any(4, 1)),
  logSoftmax: () => one(lw.logSoftmax, any(3, 5), any(2, 2, 3), any(17), any(4, 1)),
  sum: () => [...reducing(lw.sum), ...one((x) => lw.sum(x, []), any(3))],
  mean: () => reducing(lw.mean),
  max: () => reducing(lw.max),
  gatherRows: () => [
    ...one((x) => lw.gatherRows(x, labels(3, 0, 3, 1)), any(4, 3), any(4), any(4, 2, 2)),
    ...one((x) => lw.gatherRows(x, labels(9, 2, 1, 2, 9), { cursor: labels(1), count: 3 }), any(3, 5)),
  ],
  copy: () => [
    ...one((x) => lw.copy(x), any(3, 5)),
    ...one((x) => lw.cast(lw.copy(x, lw.zeros([3], { dtype: 'float32' })), 'float64'), {
      shape: [3],
      values: [0.5, 1, -2],
    }),
  ],
  cast: () => one((x) => lw.cast(lw.cast(x, 'float64'), 'float64'), any(5)),
  reshape: () => [
    ...one((x) => lw.reshape(x, [5, -1]), any(3, 5)),
    ...one((x) => lw.multiply(lw.reshape(x, [5, 3]), lw.exp(lw.reshape(x, [5, 3]))), any(3, 5)),
  ],
  flatten: () => one((x) => lw.square(lw.flatten(x)), any(2, 3, 2)),
  slice: () => [
    ...one((x) => lw.slice(x, 1, 3), any(5, 3), any(4)),
    ...one((x) => lw.multiply(lw.slice(x, 0, 2), lw.square(lw.slice(x, 1, 3))), any(3, 5)),
    ...one((x) => lw.slice(x, 2), any(3, 2, 2)),
    ...one((x) => lw.slice(x, 1, 3, -1), any(2, 3), any(2, 2, 4)),
    ...one((x) => lw.multiply(lw.slice(x, 0, 2, 1), lw.square(lw.slice(x, 1, 3, 1))), any(2, 3, 2)),
  ],
  concat: () => [
    ...two((a, b) => lw.square(lw.concat([a, b])), [any(2, 3), any(1, 3)], [any(2), any(3)], [any(0, 2), any(1, 2)]),
    ...two((a, b) => lw.square(lw.concat([a, b, a], 1)), [any(2, 3), any(2, 1)], [any(2, 1, 3), any(2, 2, 3)]),
    ...one((x) => lw.square(lw.concat([lw.exp(x), x.slice(0, 1), x])), any(3, 2)),
  ],
  meanSquaredError: () => against(lw.meanSquaredError, any(3, 5)),
  meanAbsoluteError: () => against(lw.meanAbsoluteError, any(3, 5)),
  binaryCrossEntropy: () => against(lw.binaryCrossEntropy, chance(3, 5)),
  binaryCrossEntropyFromLogits: () => against(lw.binaryCrossEntropyFromLogits, any(3, 5)),
  crossEntropy: () => {
    const soft = rowsOfChances(3, 5)
    return [
      ...one((p) => lw.crossEntropy(p, labels(4, 0, 2)), chance(3, 5)),
      ...one((p) => lw.crossEntropy(p, lw.tensor(Uint8Array.of(4, 0, 2))), chance(3, 5)),
      ...one((p) => lw.crossEntropy(p, soft), chance(3, 5)),
    ]
  },
  softmaxCrossEntropy: () => {
    const [soft, free] = [rowsOfChances(3, 5), dense(draw(15, -1, 1), [3, 5])]
    return [
      ...one((x) => lw.softmaxCrossEntropy(x, labels(4, 0, 2)).loss, any(3, 5)),
      ...one((x) => lw.softmaxCrossEntropy(x, soft).loss, any(3, 5)),
      ...one((x) => lw.softmaxCrossEntropy(x, free).loss, any(3, 5)),
    ]
  },
})

/** Exported functions without a derivative. */
export const WITHOUT = [
  'accuracy',
  'advance',
  'argmax',
  'binaryAccuracy',
  'fill',
  'full',
  'greater',
  'normal',
  'oneHot',
  'permutation',
  'put',
  'randomState',
  'sigmoidGrad',
  'uniform',
]

/** A module of a user's own: y = gain·x² */
class Gain extends lw.Module {
  gain!: lw.Parameter
  override build(input: lw.Shape): lw.Shape {
    this.gain = this.parameter('gain', input, 'heUniform')
    return input
  }
  forward(x: Tensor): Tensor {
    return lw.multiply(lw.square(x), this.gain.value)
  }
}

/** By exported module class, and the user's own. */
export const MODULES = seeded<{ module: lw.Module; input: Input; per: number[] }[]>({
  Affine: () => [
    { module: new lw.Affine(3), input: any(5, 4), per: [4] },
    { module: new lw.Affine(2, { biasInitializer: 'normal' }), input: any(3, 2, 5), per: [2, 5] },
  ],
  Sigmoid: () => [{ module: new lw.Sigmoid(), input: any(3, 5), per: [5] }],
  Softmax: () => [{ module: new lw.Softmax(), input: any(3, 5), per: [5] }],
  Tanh: () => [{ module: new lw.Tanh(), input: any(3, 5), per: [5] }],
  Relu: () => [{ module: new lw.Relu(), input: signed(3, 5), per: [5] }],
  LeakyRelu: () => [{ module: new lw.LeakyRelu(0.2), input: signed(3, 5), per: [5] }],
  Flatten: () => [{ module: new lw.Flatten(), input: any(3, 2, 2), per: [2, 2] }],
  Gain: () => [{ module: new Gain(), input: any(3, 5), per: [5] }],
  Sequential: () => [
    {
      module: new lw.Sequential({
        input: [2, 2],
        layers: [new lw.Flatten(), new lw.Affine(5), new lw.Tanh(), new Gain(), new lw.Affine(3), new lw.Softmax()],
        dtype: 'float64',
        seed: 3,
      }),
      input: any(4, 2, 2),
      per: [2, 2],
    },
  ],
})

/** By exported loss: predictions [3, 4] and targets for it. */
export const LOSSES = seeded<{ p: Input; t: Tensor }>({
  sparseCategoricalCrossentropy: () => ({ p: chance(3, 4), t: labels(3, 0, 2) }),
  categoricalCrossentropy: () => ({ p: chance(3, 4), t: rowsOfChances(3, 4) }),
  binaryCrossentropy: () => ({ p: chance(3, 4), t: dense(draw(12, 0, 1), [3, 4]) }),
  meanSquaredError: () => ({ p: any(3, 4), t: dense(draw(12, -1, 1), [3, 4]) }),
  meanAbsoluteError: () => ({ p: any(3, 4), t: dense(draw(12, -1, 1), [3, 4]) }),
})
