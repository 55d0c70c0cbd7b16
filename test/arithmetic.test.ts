import { describe, expect, it } from 'vitest'
import type { FloatDType, Tensor } from '../src/index.js'
import * as lw from '../src/index.js'
import { native } from './backends.js'

// The order of operations that docs/commands.md states, bit for bit, against exact arithmetic in BigInt; and the main
// formulas against naive ones. (That all instruction sets and thread counts do the same is parity.test.ts.)

const parts = new DataView(new ArrayBuffer(8))
/** x = mantissa · 2^exponent */
function split(x: number): [bigint, number] {
  parts.setFloat64(0, x)
  const bits = parts.getBigInt64(0)
  const exponent = Number((bits >> 52n) & 2047n)
  const fraction = bits & 0xfffffffffffffn
  const mantissa = exponent === 0 ? fraction : fraction | (1n << 52n)
  return [bits < 0n ? -mantissa : mantissa, Math.max(exponent, 1) - 1075]
}

/** a·b + c with one rounding, to nearest even, to `bits` bits (24 or 53), of normal numbers. */
function fma(a: number, b: number, c: number, bits: number): number {
  const [[ma, ea], [mb, eb], [mc, ec]] = [split(a), split(b), split(c)]
  const low = Math.min(ea + eb, ec)
  const exact = ((ma * mb) << BigInt(ea + eb - low)) + (mc << BigInt(ec - low))
  if (exact === 0n) return a * b + c
  let size = exact < 0n ? -exact : exact
  const drop = size.toString(2).length - bits
  if (drop > 0) {
    const [unit, half] = [1n << BigInt(drop), 1n << BigInt(drop - 1)]
    const rest = size % unit
    size = size / unit + (rest > half || (rest === half && (size / unit) % 2n === 1n) ? 1n : 0n)
  }
  return (exact < 0n ? -1 : 1) * Number(size) * 2 ** (low + Math.max(drop, 0))
}

const DTYPES: [FloatDType, number, (x: number) => number, number][] = [
  ['float32', 24, Math.fround, 16],
  ['float64', 53, (x) => x, 8],
]
let seed = 7
const numbers = (n: number): number[] =>
  Array.from({ length: n }, () => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    return ((seed >>> 8) / 2 ** 24 - 0.5) * 2 ** ((seed & 7) - 3)
  })
const make = (dtype: FloatDType, shape: number[], values = numbers(shape.reduce((p, d) => p * d, 1))) =>
  lw.tensor(values, { shape, dtype })
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const flat = (t: Tensor): number[] => Array.from(t.data)

it('has an exact fma to compare with', () => {
  expect(fma(3, 5, 7, 53)).toBe(22)
  expect(fma(2 ** 27 + 1, 2 ** 27 + 1, -(2 ** 54), 53)).toBe(2 ** 28 + 1)
  expect(fma(1 + 2 ** -23, 1 + 2 ** -23, -1, 24)).toBe(2 ** -22)
  expect(fma(1, 1, 2 ** -24, 24)).toBe(1)
  expect(fma(1, 1 + 2 ** -23, 2 ** -24, 24)).toBe(1 + 2 ** -22)
})

describe.skipIf(!native).each(DTYPES)('order of operations, %s', (dtype, bits, round, lanes) => {
  it.each([
    [1, 1, 1],
    [3, 5, 17],
    [2, 33, 9],
    [9, 2, 300],
    [17, 1, 5],
  ])('a product is one chain of fused multiply-adds: %i x %i over %i', (m, n, k) => {
    const [x, w, b] = [make(dtype, [m, k]), make(dtype, [k, n]), make(dtype, [n])]
    const [xs, ws, bs] = [flat(x), flat(w), flat(b)]
    const chain = (at: number, start: number): number =>
      range(k).reduce((s, p) => fma(xs[Math.floor(at / n) * k + p], ws[p * n + (at % n)], s, bits), start)
    const product = range(m * n).map((at) => chain(at, 0))
    const [xt, wt] = [lw.transpose(x), lw.transpose(w)]
    expect(flat(lw.matmul(x, w))).toEqual(product)
    expect(flat(lw.matmul(xt, w, { transposeA: true }))).toEqual(product)
    expect(flat(lw.matmul(x, wt, { transposeB: true }))).toEqual(product)
    expect(flat(lw.matmul(xt, wt, { transposeA: true, transposeB: true }))).toEqual(product)
    expect(flat(lw.affine(x, w, b))).toEqual(range(m * n).map((at) => chain(at, bs[at % n])))
  })

  /** Lanes, halving, blocks of 4096 added in float64: as docs/commands.md has it. */
  function sumInOrder(x: readonly number[]): number {
    const blocks: number[] = []
    for (let from = 0; from < Math.max(1, x.length); from += 4096) {
      const block = x.slice(from, from + 4096)
      const sums = new Array<number>(lanes).fill(0)
      for (const [i, v] of block.entries()) sums[i % lanes] = round(sums[i % lanes] + v)
      for (let half = lanes / 2; half >= 1; half /= 2)
        for (let j = 0; j < half; j++) sums[j] = round(sums[j] + sums[j + half])
      blocks.push(sums[0])
    }
    return round(blocks.reduce((s, v) => s + v))
  }

  it.each([0, 1, 7, 15, 16, 17, 100, 4095, 4096, 4097, 12_345, 100_003])('a sum of %i numbers', (n) => {
    const x = make(dtype, [n])
    const expected = sumInOrder(flat(x))
    expect(lw.sum(x).item()).toBe(expected)
    if (n > 0) expect(lw.mean(x).item()).toBe(round(expected / n))
    const rows = make(dtype, [3, n])
    expect(flat(lw.sum(rows, 1))).toEqual(range(3).map((i) => sumInOrder(flat(lw.slice(rows, i, i + 1)))))
    const squares = flat(x).map((v) => round(v * v))
    if (n > 0) expect(lw.meanSquaredError(x, lw.zeros([n], { dtype })).item()).toBe(round(sumInOrder(squares) / n))
  })

  it('a sum of columns is one chain down', () => {
    const x = make(dtype, [50, 19])
    const xs = flat(x)
    const expected = range(19).map((j) => range(50).reduce((s, i) => round(s + xs[i * 19 + j]), 0))
    expect(flat(lw.sum(x, 0))).toEqual(expected)
    expect(flat(lw.mean(x, 0))).toEqual(expected.map((v) => round(v / 50)))
  })
})

describe('formulas, float64', () => {
  const close = (got: number[], expected: number[]) => {
    expect(got.length).toBe(expected.length)
    for (const [i, v] of got.entries()) expect(Math.abs(v - expected[i])).toBeLessThan(1e-12 * Math.max(1, Math.abs(v)))
  }
  const rows = (x: number[], n: number) => range(x.length / n).map((i) => x.slice(i * n, (i + 1) * n))
  const softmax = (r: number[]) => r.map((v) => Math.exp(v) / r.reduce((s, w) => s + Math.exp(w), 0))
  const mean = (x: number[]) => x.reduce((s, v) => s + v, 0) / x.length

  it('softmax and its losses', () => {
    const x = make('float64', [7, 5])
    const t = lw.tensor(Int32Array.from([0, 4, 2, 2, 1, 3, 0]))
    const p = rows(flat(x), 5).map(softmax)
    const expected = mean(p.map((r, i) => -Math.log(r[t.data[i]])))
    close(flat(lw.softmax(x)), p.flat())
    close(flat(lw.logSoftmax(x)), p.flat().map(Math.log))
    const { loss, probabilities } = lw.softmaxCrossEntropy(x, t)
    close(flat(probabilities), p.flat())
    close([loss.item(), lw.crossEntropy(lw.softmax(x), t).item()], [expected, expected])
    const hot = lw.oneHot(t, 5, 'float64')
    close(
      [lw.softmaxCrossEntropy(x, hot).loss.item(), lw.crossEntropy(lw.softmax(x), hot).item()],
      [expected, expected],
    )
    const top = p.map((r) => r.indexOf(Math.max(...r)))
    expect(lw.accuracy(x, t).item()).toBeCloseTo(mean(top.map((v, i) => Number(v === t.data[i]))), 12)
  })

  it('binary cross-entropy', () => {
    const x = make('float64', [31])
    const t = lw.tensor(
      range(31).map((i) => i % 2),
      { dtype: 'float64' },
    )
    const q = flat(x).map((v) => 1 / (1 + Math.exp(-v)))
    const expected = mean(q.map((v, i) => -Math.log(i % 2 ? v : 1 - v)))
    close(
      [lw.binaryCrossEntropy(lw.sigmoid(x), t).item(), lw.binaryCrossEntropyFromLogits(x, t).item()],
      [expected, expected],
    )
  })

  it('binary cross-entropy of logits keeps what is small', () => {
    for (const [dtype, most] of [
      ['float32', 80],
      ['float64', 700],
    ] as const) {
      for (const x of [0, 0.5, 0.88, 0.89, 3, 10, 15, 17, 30, most]) {
        const loss = lw.binaryCrossEntropyFromLogits(lw.tensor([x, -x], { dtype }), lw.tensor([1, 0], { dtype })).item()
        const expected = Math.log1p(Math.exp(-x))
        expect(Math.abs(loss / expected - 1), `${dtype} ${x}`).toBeLessThan(dtype === 'float32' ? 1e-6 : 1e-13)
      }
    }
  })

  it('an optimizer that keeps nothing of earlier squares divides by the last one', () => {
    // By hand: v = g² after a much larger square; Adam's m = g. (1e-9 beside 1 is lost in float32, its square in float64.)
    const [g, epsilon] = [1e-9, 1e-20]
    for (const dtype of ['float32', 'float64'] as const) {
      const steps = [
        [new lw.RMSProp({ rho: 0, epsilon, learningRate: 1 }), g / Math.sqrt(g * g + epsilon)],
        [new lw.Adam({ beta1: 0, beta2: 0, epsilon, learningRate: 1 }), g / (g + epsilon)],
      ] as const
      for (const [optimizer, expected] of steps) {
        const layer = new lw.Affine(1, { weightInitializer: 'zeros' })
        const store = lw.build(layer, [40], { dtype })
        store.gradients.data.fill(1)
        optimizer.step(store)
        const before = layer.weight.value.toTypedArray()
        store.gradients.data.fill(g)
        optimizer.step(store)
        for (const [i, w] of layer.weight.value.data.entries())
          expect(Math.abs((before[i] - w) / expected - 1), dtype).toBeLessThan(1e-3)
      }
    }
  })
})
