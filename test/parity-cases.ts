import type { DType, TypedArray } from '../src/dtype.js'
import type { Op } from '../src/ops/op.js'
import { any, below, bytes, chance, constant, type Fill, positive, wild } from './parity-values.js'

/** One command: what each operand holds before, and the parameters. */
export interface Case {
  label: string
  dtype: 0 | 1
  data: () => TypedArray[]
  ints: number[]
  doubles: number[]
  /** The operand that is to lie exactly where operand 0 does. */
  inPlace?: number
  /** Infinities, NaN, denormals: sums overflow at other places in other precisions, so only native is compared. */
  special?: boolean
}

interface Spec {
  ints: number[][]
  doubles?: number[][]
  /** Values of operands that are not any number from -2 to 2. */
  fill?: Record<string, Fill>
  /** dtypes of operands of type A or L, one list a variant. */
  types?: Record<string, DType>[]
  /** The JavaScript backend has the very same bits, or the same values: 0 and -0 are not told apart. */
  exact?: 'bits' | 'values'
  /** Relative to max(1, |y|): float32 and float64. Default 4e-6 and 1e-13. */
  tolerance?: [number, number]
}

/** What every kind of loop meets: nothing, less than a register, registers, tails. */
const SIZES = [0, 1, 2, 3, 15, 16, 17, 31, 33, 63, 65, 100, 257]
const BIG = 250_007 // more than 6 µs of the cheapest elementwise op, so that threads take part
const N = [...SIZES, 4096, 4097, BIG].map((n) => [n])
const LONG = [...SIZES, 4097, 100_003].map((n) => [n])
const MN = [
  ...SIZES.map((n) => [3, n]),
  ...SIZES.map((m) => [m, 10]),
  [1, 1],
  [17, 33],
  [2, 5000],
  [700, 500],
  [20_001, 10],
  [9001, 3],
]
const LABELLED = MN.filter(([m, n]) => m === 0 || n > 0)
const ABC = [
  ...SIZES.map((b) => [3, b, 1]),
  ...SIZES.map((b) => [2, b, 5]),
  ...SIZES.map((c) => [2, 3, c]),
  [1, 4096, 1],
  [1, 4097, 1],
  [2, 12_301, 1],
  [3, 50_000, 1],
  [300, 257, 1],
  [1, 3000, 31],
  [1, 40_000, 3],
  [2, 20_500, 17],
  [1, 8193, 40],
  [1, 4100, 200],
  [2, 100, 401],
  [0, 4, 3],
]
const ABC1 = ABC.filter(([, b]) => b > 0)
const MNK = [
  [1, 1, 1],
  [2, 1, 3],
  [3, 2, 0],
  [0, 2, 3],
  [2, 0, 3],
  [15, 17, 16],
  [17, 33, 15],
  [31, 63, 33],
  [65, 2, 100],
  [100, 257, 65],
  [1, 100, 257],
  [257, 63, 1],
  [16, 16, 16],
  [32, 50, 784],
  [784, 50, 32],
  [33, 10, 2500],
  [3, 300, 1000],
  [300, 3, 1000],
  [1, 5000, 100],
]
const BROADCASTS = [
  ...SIZES.map((n) => [1, 1, 1, 1, 1, n, 0, 0]),
  ...SIZES.map((n) => [1, 1, 1, 1, 3, n, 0, 16]),
  ...SIZES.map((n) => [1, 1, 1, 1, 3, n, 32, 16]),
  ...SIZES.map((n) => [1, 1, 1, 1, n, 3, 32, 0]),
  // short rows taken together, which begin and end anywhere between two units
  ...SIZES.map((n) => [1, 1, 1, 5, 37, n, 0, 16]),
  ...SIZES.map((n) => [1, 1, 1, 5, 37, n, 32, 8]),
  ...SIZES.map((n) => [1, 1, 1, 3, 19, n, 48, 40]),
  [1, 2, 1, 3, 2100, 7, 16, 40],
  [1, 1, 1, 1, 1, 257, 63, 0],
  [2, 3, 1, 2, 3, 2, 9, 34],
  [2, 1, 3, 2, 2, 3, 0b101010, 0b010101],
  [2, 0, 3, 2, 2, 3, 2, 0],
  [1, 1, 1, 1, 1, BIG, 0, 0],
  [1, 1, 1, 1, 1, BIG, 0, 63],
  [1, 1, 1, 1, 600, 500, 0, 16],
  [1, 1, 1, 1, 600, 500, 32, 0],
  [20, 3, 10, 5, 10, 10, 0b010010, 0b100101],
  [1, 1, 1, 30, 2, 5000, 8, 48],
]
const transposed = MNK.flatMap((p) => [0, 1].flatMap((ta) => [0, 1].map((tb) => [...p, ta, tb])))

const unary = (more: Partial<Spec> = {}): Spec => ({ ints: N, ...more })
const LABELS: Record<string, DType>[] = [{ t: 'int32' }, { t: 'uint8' }]
const rowLoss = (more: Partial<Spec> = {}): Spec => ({
  ints: LABELLED,
  types: LABELS,
  fill: { p: chance, t: below(([, n]) => Math.min(n, 256)) },
  ...more,
})
const denseLoss = (more: Partial<Spec> = {}): Spec => ({ ints: MN, fill: { p: chance, t: chance }, ...more })
const pairLoss = (more: Partial<Spec> = {}): Spec => ({ ints: N, fill: { p: chance, t: chance }, ...more })
const optimizer = (ints: number[][], doubles: number[][]): Spec => ({
  ints,
  doubles,
  fill: { v: positive, lr: constant(0.05), t: constant(7) },
  tolerance: [4e-6, 1e-13],
})
const stream: Record<string, Fill> = { rng: () => [12345, -7, -2, 3] } // its low counter word overflows within the test
const ROWS = [
  [0, 5, 4, 7, 0],
  [3, 1, 4, 5, 0],
  [5, 17, 9, 5, 0],
  [4, 33, 3, 11, 0],
  [3, 0, 3, 3, 0],
  [32, 785, 50, 100, 0],
  [600, 100, 70, 700, 0],
].map(([m, n, rows, count]) => [m, n, rows, count])
/** Pieces of rows of every length that is copied in its own way, at either end and in the middle. */
const COLUMNS = [
  ...SIZES.map((n) => [3, n, n + 5, n + 2, 4, 1]),
  ...SIZES.map((m) => [m, 3, 3, 7, 0, 4]),
  [5, 17, 17, 17, 0, 0],
  [2, 4097, 5000, 4100, 903, 3],
  [20_001, 5, 10, 5, 5, 0],
  [0, 2, 3, 2, 1, 0],
]
/** With notes at its end of where panels are cut and which place they are in: anywhere, and out of order if extreme. */
const panelled: Fill = (size, ints, extremes) => {
  const [, n, , panels] = ints
  const x = Float64Array.from(any(size, ints, extremes))
  for (let h = 1; h < panels && size > 0 && !extremes; h++)
    x.set([Math.floor((n * h) / panels), (n + h) % 2], size - 2 * (panels - h))
  return x
}
const PANELLED = MNK.flatMap(([m, k, n]) => [1, 2, 3, 16].map((panels) => [m, n, k, panels]))
const indices: Record<string, Fill> = { idx: below(([, , rows]) => rows), cursor: constant(0) }
const ALL: DType[] = ['float32', 'float64', 'int32', 'uint8']
/** By op of the table. A new op without an entry fails the completeness test. */
export const SPECS: Record<string, Spec> = {
  matmul: { ints: transposed, tolerance: [5e-4, 1e-12] },
  affine: { ints: MNK, tolerance: [5e-4, 1e-12] },
  // Not in legs, where panels are cut for the threads; test/gather-affine.test.ts has those.
  gatherAffine: {
    ints: ROWS.filter(([m, n]) => m * n < 200 || m > 100).flatMap(([m, n, rows, count]) => [
      [m, n, rows, count, 3, 1],
      [m, n, rows, count, 50, 2],
      [m, n, rows, count, 0, 16],
      [m, n, rows, count, 150, 3],
    ]),
    doubles: [[1], [255]],
    fill: { ...indices, src: bytes },
    types: ALL.map((src) => ({ src })),
    tolerance: [5e-3, 1e-11], // sums of up to 700 products of a byte
  },
  gatherAffineGrad: { ints: PANELLED, fill: { x: panelled }, tolerance: [5e-4, 1e-12] },
  transpose: { ints: MN, exact: 'bits' },
  add: { ints: BROADCASTS, exact: 'bits' },
  subtract: { ints: BROADCASTS, exact: 'bits' },
  multiply: { ints: BROADCASTS, exact: 'bits' },
  divide: { ints: BROADCASTS, exact: 'bits', fill: { b: positive } },
  maximum: { ints: BROADCASTS, exact: 'values' },
  minimum: { ints: BROADCASTS, exact: 'values' },
  greater: { ints: BROADCASTS, exact: 'bits' },
  where: { ints: N, fill: { c: below(() => 2) }, exact: 'bits' },
  maximumGrad: { ints: N, exact: 'bits' },
  negate: unary({ exact: 'bits' }),
  exp: unary(),
  log: unary({ fill: { x: positive } }),
  sqrt: unary({ fill: { x: positive }, exact: 'bits' }),
  square: unary({ exact: 'bits' }),
  abs: unary({ exact: 'bits' }),
  sigmoid: unary(),
  tanh: unary(),
  relu: unary({ exact: 'bits' }),
  leakyRelu: unary({ doubles: [[0.01], [-0.3]], exact: 'bits' }),
  clip: unary({ doubles: [[-1, 0.7]], exact: 'bits' }),
  scale: unary({ doubles: [[1.7, -0.3]], exact: 'bits' }),
  sigmoidGrad: unary(),
  tanhGrad: unary(),
  reluGrad: unary({ exact: 'bits' }),
  absGrad: unary({ exact: 'bits' }),
  sqrtGrad: unary({ fill: { v: positive }, tolerance: [1e-5, 1e-12] }),
  leakyReluGrad: unary({ doubles: [[0.01]], exact: 'bits' }),
  clipGrad: unary({ doubles: [[-1, 0.7]], exact: 'bits' }),
  softmax: { ints: MN },
  logSoftmax: { ints: MN },
  softmaxGrad: { ints: MN, fill: { y: chance }, tolerance: [1e-4, 1e-12] },
  logSoftmaxGrad: { ints: MN, tolerance: [1e-4, 1e-12] },
  sum: { ints: ABC, tolerance: [2e-4, 1e-12] },
  mean: { ints: ABC },
  max: { ints: ABC1, exact: 'bits' },
  argmax: { ints: ABC1, exact: 'bits' },
  expand: { ints: ABC, doubles: [[1], [0.37]], exact: 'bits' },
  maxGrad: { ints: ABC1, exact: 'bits' },
  oneHot: { ints: LABELLED, types: LABELS, fill: { t: below(([, n]) => Math.min(n, 256)) }, exact: 'bits' },
  gatherRows: {
    ints: ROWS,
    doubles: [[1], [255], [3]],
    fill: { ...indices, src: bytes },
    types: [
      ...ALL.flatMap((src): Record<string, DType>[] => [
        { y: 'float32', src },
        { y: 'float64', src },
      ]),
      { y: 'int32', src: 'int32' },
      { y: 'int32', src: 'uint8' },
      { y: 'uint8', src: 'uint8' },
    ],
    exact: 'bits',
  },
  scatterRows: { ints: ROWS, doubles: [[1], [3]], fill: indices },
  meanSquaredError: pairLoss(),
  meanSquaredErrorGrad: pairLoss(),
  binaryCrossEntropy: pairLoss(),
  binaryCrossEntropyGrad: pairLoss({ tolerance: [1e-5, 1e-12] }),
  binaryCrossEntropyLogits: pairLoss({ fill: { t: chance } }),
  binaryCrossEntropyLogitsGrad: pairLoss({ fill: { t: chance } }),
  crossEntropy: rowLoss(),
  crossEntropyGrad: rowLoss({ tolerance: [1e-5, 1e-12] }),
  crossEntropyDense: denseLoss({ tolerance: [1e-5, 1e-12] }),
  crossEntropyDenseGrad: denseLoss({ tolerance: [1e-5, 1e-12] }),
  softmaxCrossEntropy: rowLoss(),
  softmaxCrossEntropyGrad: rowLoss(),
  softmaxCrossEntropyDense: denseLoss({ fill: { t: chance }, tolerance: [1e-5, 1e-12] }),
  softmaxCrossEntropyDenseGrad: denseLoss(),
  accuracy: rowLoss({ exact: 'bits' }),
  accuracyDense: denseLoss({ exact: 'bits' }),
  binaryAccuracy: pairLoss({ doubles: [[0.5]], exact: 'bits' }),
  fill: { ints: N, doubles: [[1.5], [-300], [NaN]], types: ALL.map((y) => ({ y })), exact: 'bits' },
  copyColumns: {
    ints: COLUMNS,
    types: ALL.map((x) => ({ y: x, x })),
    fill: { x: wild },
    exact: 'bits',
  },
  copy: { ints: N, types: ALL.flatMap((y) => ALL.map((x) => ({ y, x }))), fill: { x: wild }, exact: 'bits' },
  advance: { ints: [[0], [1], [2 ** 31 - 1]], fill: { x: constant(5) }, exact: 'bits' },
  put: {
    ints: [[3], [100]],
    types: ALL.flatMap((src): Record<string, DType>[] => [
      { dst: 'float64', src },
      { dst: src, src },
    ]),
    fill: { at: constant(2), dst: bytes, src: constant(5) },
    exact: 'bits',
  },
  uniform: {
    ints: [...LONG],
    doubles: [
      [0, 1],
      [-3, 7.1],
    ],
    fill: stream,
    exact: 'bits',
  },
  normal: { ints: LONG, doubles: [[0.3, 1.7]], fill: stream, exact: 'bits' },
  permutation: { ints: LONG, fill: stream, exact: 'bits' },
  sgd: optimizer(LONG, [[0], [0.1]]),
  momentum: optimizer(
    LONG.flatMap(([n]) => [
      [n, 0],
      [n, 1],
    ]),
    [
      [0.9, 0],
      [0.5, 0.1],
    ],
  ),
  rmsprop: optimizer(LONG, [[0.9, 1e-7, 0.01]]),
  adam: optimizer(LONG, [[0.9, 0.999, 1e-7, 0.01]]),
}

const ARRAYS = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint8: Uint8Array }

const FLOATS = ['float32', 'float64'] as const

/** Every case of an op: sizes × parameters × dtypes, in place where the signature allows it, with extreme values. */
export function* casesOf(op: Op): Generator<Case> {
  const spec = SPECS[op.name]
  const usesT = op.operands.some((o) => o.type === 'T')
  const alone = op.operands.filter((o) => o.role === 'i').length
  for (const dtype of usesT ? ([0, 1] as const) : ([0] as const))
    for (const types of spec.types ?? [{}])
      for (const ints of spec.ints)
        for (const doubles of spec.doubles ?? [[]]) {
          if (op.name === 'gatherRows' && types.y !== 'float32' && types.y !== 'float64' && doubles[0] !== 1) continue
          if (spec.types && doubles.length > 0 && ints[0] > 1000 && dtype === 1) continue
          const make = (extremes: boolean): TypedArray[] =>
            op.operands.map((o) => {
              const own = o.type === 'T' ? FLOATS[dtype] : o.type === 'd' ? 'float64' : 'int32'
              const values = (spec.fill?.[o.name] ?? any)(o.extent(ints), ints, extremes && o.type === 'T')
              return new ARRAYS[types[o.name] ?? own](values)
            })
          const label = `${FLOATS[dtype]} ${JSON.stringify([...ints, ...doubles])} ${JSON.stringify(types)}`
          yield { label, dtype, data: () => make(false), ints, doubles }
          const size = op.operands[0].extent(ints)
          for (let i = 1; alone > 0 && i < op.operands.length; i++) {
            if (op.operands[i].role !== 'i' || op.operands[i].extent(ints) !== size) continue
            if (size === 0 || size > 10_000) continue
            yield { label: `${label} in place of ${i}`, dtype, data: () => make(false), ints, doubles, inPlace: i }
          }
          if (usesT && size < 2000)
            yield { label: `${label} extremes`, dtype, data: () => make(true), ints, doubles, special: true }
        }
}
