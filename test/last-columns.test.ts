import { describe, expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { Random } from './differential/random.js'
import { addonOf, hash, isasHere, within } from './isas.js'

// The last columns of a product go down the rows where they would fill some half of a register or less (native/kernels/gemm-last.h), in kernels for 1 to
// W / 4 columns and a number of rows each, or across by half a register. Against the code without vectors, bit by bit, and against sums in float64.

const COLUMNS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 17, 18, 19, 20, 22, 23, 24, 26, 33, 34, 40, 49, 50, 51, 52, 54, 56]
/** Rows and k: rows that fill all of the kernels, some, and leave some; k with and without a rest. */
const SIZES = [
  [33, 5],
  [20, 9],
  [18, 15],
  [8, 16],
  [12, 64],
  [17, 67],
  [32, 130],
  [39, 401],
  [71, 66],
  // rows a power of two apart
  [37, 512],
  [33, 1024],
] as const

const valuesOf = (count: number, name: string, seed: number, k: number): number[] => {
  const r = new Random(seed, name, k)
  return Array.from({ length: count }, () => r.next() - 0.5)
}

/** x (m×k), w (k×n) and b (n): x·w, x·w + b, and x·w with x given as its transpose. */
function products(m: number, n: number, k: number, dtype: lw.DType): number[][] {
  const x = lw.tensor(valuesOf(m * k, 'x', m, k), { shape: [m, k], dtype })
  const w = lw.tensor(valuesOf(k * n, 'w', n, k), { shape: [k, n], dtype })
  const b = lw.tensor(valuesOf(n, 'b', n, k), { dtype })
  const down = lw.transpose(x)
  return [lw.matmul(x, w), lw.affine(x, w, b), lw.matmul(down, w, { transposeA: true })].map((y) => [
    ...y.toTypedArray(),
  ])
}

describe.skipIf(isasHere().length === 0).each(['float32', 'float64'] as const)(
  'the last columns of a product, %s',
  (dtype) => {
    for (const [m, k] of SIZES) {
      it(`of ${m} rows, k ${k}: the same bits by every instruction set`, () => {
        for (const n of COLUMNS) {
          const expected = within(addonOf(isasHere()[0], 1), () => products(m, n, k, dtype))
          for (const isa of isasHere()) {
            const got = within(addonOf(isa, 1), () => products(m, n, k, dtype))
            expect(got, `${isa}, ${n} columns`).toStrictEqual(expected)
          }
        }
      })
    }

    it('are the sums of products', () => {
      const [m, n, k] = [39, 50, 401]
      const x = valuesOf(m * k, 'x', m, k)
      const w = valuesOf(k * n, 'w', n, k)
      const [y] = products(m, n, k, dtype) as [number[]]
      for (let i = 0; i < m; i++) {
        for (let j = 48; j < n; j++) {
          let sum = 0
          for (let p = 0; p < k; p++) sum += (x[i * k + p] as number) * (w[p * n + j] as number)
          expect(Math.abs((y[i * n + j] as number) - sum)).toBeLessThan(dtype === 'float32' ? 1e-4 : 1e-12)
        }
      }
    })
  },
)

// One step of k, or two, and short rows of C, which are taken as one long array (native/kernels/gemm-short.h): all widths, groups of rows and
// what is left of them, numbers that are none, and zeros of both signs.
describe.skipIf(isasHere().length === 0).each(['float32', 'float64'] as const)(
  'products of short rows and few steps, %s',
  (dtype) => {
    const round = dtype === 'float32' ? Math.fround : Number
    const odd = [0, -0, Number.POSITIVE_INFINITY, Number.NaN]
    const of = (count: number, name: string, k: number) =>
      valuesOf(count, name, count, k).map((v, i) => round(i % 29 < 4 ? (odd[i % 29] as number) : v))

    it.each([1, 2])('k %i', (k) => {
      for (let n = 1; n <= 65; n++) {
        const m = n % 2 === 0 ? 131 : 261
        const [x, w] = [of(m * k, 'x', k), of(k * n, 'w', k)]
        const product = () => {
          const [a, b] = [lw.tensor(x, { shape: [k, m], dtype }), lw.tensor(w, { shape: [k, n], dtype })]
          return [...lw.matmul(a, b, { transposeA: true }).toTypedArray()]
        }
        const expected = within(addonOf(isasHere()[0], 1), product)
        if (k === 1) expect(expected).toStrictEqual(x.flatMap((a) => w.map((b) => round(a * b) + 0)))
        for (const isa of isasHere())
          for (const threads of [1, 3])
            expect(within(addonOf(isa, threads), product), `${isa}, ${threads} threads, ${n} columns`).toStrictEqual(
              expected,
            )
      }
    })
  },
)

// Few rows times a transpose: A is turned, not B, and then what comes out (native/kernels/gemm-transposed.h).
describe.skipIf(isasHere().length === 0).each(['float32', 'float64'] as const)(
  'products of few rows with a transpose, %s',
  (dtype) => {
    const ROWS = [2, 3, 4, 5, 7, 8, 9, 10, 13, 15, 16, 17]
    it.each([
      [1, 40],
      [63, 16],
      [64, 67],
      [130, 15],
      [200, 512],
      [257, 130],
    ])('%i columns, k %i', (n, k) => {
      for (const m of ROWS) {
        const product = () => {
          const a = lw.tensor(valuesOf(m * k, 'x', m, k), { shape: [m, k], dtype })
          const b = lw.tensor(valuesOf(n * k, 'w', n, k), { shape: [n, k], dtype })
          return [lw.matmul(a, b, { transposeB: true }), lw.matmul(a, lw.transpose(b))].map((y) => [
            ...y.toTypedArray(),
          ])
        }
        const [expected] = within(addonOf(isasHere()[0], 1), product)
        for (const isa of isasHere())
          for (const threads of [1, 3])
            for (const got of within(addonOf(isa, threads), product))
              expect(got, `${isa}, ${threads} threads, ${m} rows`).toStrictEqual(expected)
      }
    })
  },
)

describe.skipIf(isasHere().length === 0)('products cut where a thread’s part begins', () => {
  // One row of its own with k in blocks; a part that begins within a band of rows.
  it.each([
    [3, 1000, 64],
    [400, 64, 200],
    [401, 300, 200],
    [97, 1100, 130],
    // k in several blocks, and rows that one group of the last columns leaves over and the other not
    [36, 600, 134],
    [20, 600, 133],
    [20, 3200, 22],
  ])('%dx%d by %d columns', (m, k, n) => {
    const by = (isa: string, threads: number) =>
      within(addonOf(isa, threads), () => {
        const few = (shape: number[], seed: number) => lw.normal(lw.randomState(seed), shape, 0, 0.1)
        return hash(lw.matmul(few([m, k], 1), few([k, n], 2)))
      })
    for (const isa of isasHere())
      for (const threads of [1, 2, 3]) expect(by(isa, threads), `${isa}, ${threads}`).toBe(by(isasHere()[0], 1))
  })
})
