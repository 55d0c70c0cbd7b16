import { describe, expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { Random } from './differential/random.js'
import { addonOf, hash, isasHere, within } from './isas.js'

// A product leaves out the steps in which a row has a zero (native/kernels/gemm-sparse.h). Against the code without vectors, which takes all steps, bit by bit; also where
// a step with 0 changes something.

const DTYPES = ['float32', 'float64'] as const
type Dtype = (typeof DTYPES)[number]

/** Rows of zeros and of numbers in turn, as an image has, others at random; of 16 places 10 are zero in all rows. */
function sparse(m: number, k: number, r: Random, zero = 0): Float64Array {
  const x = new Float64Array(m * k).fill(zero)
  for (let i = 0; i < m; i++)
    for (let j = 0; j < k; j++)
      if ([0, 1, 2, 5, 9, 10].includes(j % 16) && (j % 7 || i % 5 === 3)) x[i * k + j] = r.next() - 0.5
  return x
}
const dense = (n: number, r: Random): Float64Array => Float64Array.from({ length: n }, () => r.next() - 0.5)

interface Operands {
  m: number
  n: number
  k: number
  x: Float64Array
  w: Float64Array
  b: Float64Array
}
function operands(m: number, n: number, k: number): Operands {
  const r = new Random(m, `${n}`, k)
  return { m, n, k, x: sparse(m, k, r), w: dense(k * n, r), b: dense(n, r) }
}

/** x·w, also with w as its transpose, x·w + b, at once and replayed (threads then may share k), and the gradient's xᵀ·dy, where w's first rows serve as dy. */
function products({ m, n, k, x, w, b }: Operands, dtype: Dtype): lw.Tensor[] {
  const [a, c] = [lw.tensor(x, { shape: [m, k], dtype }), lw.tensor(w, { shape: [k, n], dtype })]
  const [bias, turned, replayed] = [lw.tensor(b, { dtype }), lw.transpose(c), lw.zeros([m, n], { dtype })]
  lw.record(() => lw.affine(a, c, bias, replayed)).replay(2)
  return [
    lw.matmul(a, c),
    lw.matmul(a, turned, { transposeB: true }),
    lw.affine(a, c, bias),
    replayed,
    lw.matmul(a, c.slice(0, m), { transposeA: true }),
  ]
}

const ISAS = isasHere().filter((isa) => isa !== 'scalar')

function expectSame(what: Operands, dtype: Dtype, threads = [1, 2, 3]): lw.Tensor[] {
  const expected = within(addonOf('scalar', 1), () => products(what, dtype).map((t) => t.toArray()))
  let got: lw.Tensor[] = []
  for (const isa of ISAS)
    for (const count of threads) {
      got = within(addonOf(isa, count), () => products(what, dtype))
      expect(
        got.map((t) => t.toArray()),
        `${isa}, ${count} threads`,
      ).toStrictEqual(expected)
    }
  return got
}

describe.skipIf(ISAS.length === 0).each(DTYPES)('products of rows with zeros, %s', (dtype) => {
  for (const [m, n, k] of [
    [32, 50, 784],
    [33, 7, 300],
    [9, 64, 777],
    [100, 10, 128],
    [63, 17, 64],
    [257, 33, 530],
    [70, 200, 1300],
    [40, 130, 2049],
    [16, 48, 2500],
    [1, 50, 784],
    [3, 5, 200],
    [64, 50, 130],
    [65, 520, 700],
    [200, 66, 1000],
    [5, 128, 70],
    [65, 24, 130],
    [700, 25, 784],
  ] as const) {
    it(`${m}×${k}×${n}`, () => {
      expectSame(operands(m, n, k), dtype)
    })
  }

  it('as behind a ReLU: half of the numbers are 0, anywhere', () => {
    for (const [m, n, k] of [
      [100, 512, 300],
      [70, 129, 1030],
      [16, 40, 64],
    ] as const) {
      const what = operands(m, n, k)
      const r = new Random(m, 'relu', n)
      for (let i = 0; i < what.x.length; i++) what.x[i] = Math.max(0, r.next() - 0.5)
      expectSame(what, dtype)
    }
  })

  it('all are zero, or all in some rows', () => {
    const what = operands(32, 50, 784)
    what.x.fill(0, 3 * 784, 27 * 784)
    expectSame(what, dtype)
    what.x.fill(0)
    expectSame(what, dtype)
  })

  it('zeros have signs', () => {
    const what = operands(24, 50, 784)
    const r = new Random(5, 'signs', 1)
    what.x = sparse(24, 784, r, -0)
    expectSame(what, dtype)
    what.b.fill(-0)
    expectSame(what, dtype)
    what.x.fill(0)
    what.w.fill(0.5, 0, 784 * 25) // 0·w is 0 and -0
    what.w.fill(-0.5, 784 * 25)
    expectSame(what, dtype)
    what.x.fill(-0)
    expectSame(what, dtype)
  })

  it('a chain that is -0 at its last step that counts', () => {
    const what = operands(8, 50, 784)
    const least = dtype === 'float32' ? 2 ** -149 : 2 ** -1074
    what.x.fill(0)
    for (let i = 0; i < 8; i++) what.x[i * 784 + 100] = 0.25
    what.w.fill(0)
    what.w.fill(-least, 100 * 50, 101 * 50) // 0 + 0.25·w is rounded to -0
    what.b.fill(0)
    const [y] = expectSame(what, dtype)
    expect(Object.is(y.toTypedArray()[0], 0)).toBe(true) // as the next step with 0 makes it
    what.w.fill(-1, 101 * 50)
    const [stays] = expectSame(what, dtype)
    expect(Object.is(stays.toTypedArray()[0], -0)).toBe(true)
  })

  for (const value of [Infinity, -Infinity, NaN]) {
    it(`a weight is ${value} where no row, one row, or every row has a number`, () => {
      for (const place of [13, 781, 0, 2]) {
        const what = operands(32, 50, 784)
        what.w[place * 50 + 11] = value
        const [y] = expectSame(what, dtype)
        expect(y.toTypedArray().some((v) => !Number.isFinite(v))).toBe(true)
      }
      const one = operands(32, 50, 784)
      one.x[17 * 784 + 13] = 1
      one.w[13 * 50 + 11] = value
      expectSame(one, dtype)
      const wide = operands(70, 200, 1300)
      wide.w[1284 * 200 + 130] = value
      expectSame(wide, dtype)
    })

    it(`a value or a gradient is ${value}`, () => {
      const what = operands(32, 50, 784)
      what.x[5 * 784 + 13] = value
      expectSame(what, dtype)
      const other = operands(32, 50, 784)
      other.w[3 * 50 + 49] = value
      expectSame(other, dtype)
    })
  }
})

describe.skipIf(ISAS.length === 0).each(DTYPES)('gradients from data with zeros anywhere, %s', (dtype) => {
  /** Rows with short runs of numbers: about a sixth of them are not 0. */
  function scattered(m: number, k: number, r: Random): Float64Array {
    const x = new Float64Array(m * k)
    for (let at = Math.floor(r.next() * 20); at < m * k; at += Math.floor(r.next() * 40))
      for (const end = Math.min(m * k, at + 1 + Math.floor(r.next() * 7)); at < end; at++) x[at] = r.next() - 0.5
    return x
  }
  function expectSameGradient(m: number, k: number, n: number, change: (x: Float64Array, dy: Float64Array) => void) {
    const r = new Random(m, `scattered ${n}`, k)
    const [x, dy] = [scattered(m, k, r), dense(m * n, r)]
    change(x, dy)
    const gradient = () =>
      lw
        .matmul(lw.tensor(x, { shape: [m, k], dtype }), lw.tensor(dy, { shape: [m, n], dtype }), { transposeA: true })
        .toArray()
    const expected = within(addonOf('scalar', 1), gradient)
    for (const isa of ISAS)
      for (const threads of [1, 2, 3])
        expect(within(addonOf(isa, threads), gradient), `${isa}, ${threads} threads`).toStrictEqual(expected)
  }

  for (const [m, k, n] of [
    [32, 784, 50],
    [8, 65, 24],
    [33, 131, 130],
    [100, 784, 64],
    [257, 30, 200],
    [1000, 77, 31],
    [1025, 64, 48],
    [2300, 40, 70],
    [4097, 17, 33],
    [19, 4999, 25],
  ] as const)
    it(`${m} rows of ${k}, ${n} columns`, () => {
      expectSameGradient(m, k, n, () => {})
      expectSameGradient(m, k, n, (x) => x.fill(0, 0, Math.floor(x.length / 2)))
    })

  it('numbers so small that products are rounded to -0, infinities and NaN', () => {
    const least = dtype === 'float32' ? 2 ** -149 : 2 ** -1074
    for (const value of [-least, least, -(2 ** -90), 2 ** -99, 2 ** -101, Infinity, -Infinity, NaN]) {
      expectSameGradient(32, 200, 50, (_, dy) => dy.fill(value, 50 * 7, 50 * 8))
      expectSameGradient(32, 200, 50, (x) => {
        x[200 * 9 + 100] = value
      })
      expectSameGradient(32, 200, 50, (x, dy) => {
        for (let i = 0; i < x.length; i++) x[i] *= 2 ** -30
        dy.fill(value)
      })
    }
    expectSameGradient(32, 200, 50, (x, dy) => {
      for (let i = 0; i < x.length; i++) x[i] = x[i] === 0 ? 0 : 2 ** -60
      for (let i = 0; i < dy.length; i++) dy[i] = -(2 ** -95)
    })
  })

  it('tiny numbers here and there, as in a network that is sure of what it was shown', () => {
    const r = new Random(5, 'tiny', 1)
    const [ofDy, ofX] = dtype === 'float32' ? [149, 40] : [1074, 300]
    for (const [m, k, n] of [
      [32, 200, 50],
      [130, 100, 130],
      [1100, 40, 30],
    ] as const) {
      expectSameGradient(m, k, n, (_, dy) => {
        for (let i = 0; i < dy.length; i += 3) dy[i] *= 2 ** -Math.floor(r.next() * ofDy)
      })
      expectSameGradient(m, k, n, (x, dy) => {
        for (let i = 0; i < x.length; i += 7) x[i] *= 2 ** -Math.floor(r.next() * ofX)
        // The last columns are so small that some sums, and what is left of them, are rounded to -0.
        for (let i = 0; i < dy.length; i++) if (i % n > n - 5) dy[i] *= 2 ** (10 - ofDy)
      })
    }
  })

  it('more steps than have a map at once', () => {
    // The first 768 leave -0, where some steps are left out, or have none to leave out and take all; the others do not change it in columns of zeros.
    for (const dense of [false, true])
      expectSameGradient(2300, 40, 30, (x, dy) => {
        for (let i = 0; i < 768 * 40; i++) x[i] = x[i] === 0 && !dense ? 0 : dtype === 'float32' ? 2 ** -60 : 2 ** -540
        dy.fill(dtype === 'float32' ? -(2 ** -95) : -(2 ** -560), 0, 768 * 30)
        dy.fill(0.5, 768 * 30)
        for (let i = 768 * 40; i < x.length; i++) if (i % 40 < 10) x[i] = 0
      })
    expectSameGradient(2300, 40, 30, (x) => {
      for (let i = 0; i < 1000 * 40; i++) x[i] = 0.3
    })
    // Where no row of x has a number, the last of them are found not to be left out, and all are taken again.
    for (const value of [Infinity, NaN, 2 ** -80, -(2 ** -149)])
      for (const row of [0, 800, 2299])
        expectSameGradient(2300, 40, 30, (x, dy) => {
          x.fill(0, row * 40, (row + 1) * 40)
          dy.fill(value, row * 30 + 5, row * 30 + 7)
        })
  })

  it('a product and its opposite, whose difference from what was rounded is rounded to -0', () => {
    const unit = dtype === 'float32' ? 1 + 2 ** -23 : 1 + 2 ** -52
    for (const [ofX, ofDy] of dtype === 'float32'
      ? [
          [-35, -96],
          [-29, -71],
          [-70, -61],
          [0, -128],
        ]
      : [
          [-500, -560],
          [-29, -899],
          [-29, -960],
          [-60, -930],
          [0, -1020],
        ])
      expectSameGradient(32, 200, 50, (x, dy) => {
        x.fill(0, 0, 32 * 200)
        for (let j = 0; j < 200; j += 3) for (const i of [3, 4]) x[i * 200 + j] = unit * 2 ** ofX
        for (let j = 0; j < 50; j++) {
          dy[3 * 50 + j] = unit * 2 ** ofDy
          dy[4 * 50 + j] = -unit * 2 ** ofDy
        }
        for (let i = 5 * 50; i < dy.length; i++) dy[i] = 1
      })
  })

  it('zeros have signs', () => {
    expectSameGradient(32, 200, 50, (x, dy) => {
      for (let i = 0; i < x.length; i++) if (x[i] === 0 && i % 3) x[i] = -0
      for (let i = 0; i < dy.length; i += 5) dy[i] = i % 2 ? 0 : -0
    })
  })
})

it.skipIf(ISAS.length === 0)('a fit with a weight that is NaN where all data are zero', async () => {
  const rows = 96
  const data = Uint8Array.from(sparse(rows, 784, new Random(1, 'fit', 2)), (v) => (v === 0 ? 0 : 100))
  const labels = Int32Array.from({ length: rows }, (_, i) => i % 10)
  async function trained(): Promise<string> {
    const model = new lw.Sequential({
      input: [784],
      layers: [new lw.Affine(50), new lw.Sigmoid(), new lw.Affine(10), new lw.Softmax()],
      seed: 3,
    })
    model.compile({ optimizer: new lw.SGD({ learningRate: 0.1 }), loss: 'sparseCategoricalCrossentropy' })
    const first = model.store.parameters[0].value
    const values = first.toTypedArray()
    values[13 * 50 + 20] = Number.NaN
    first.set(values)
    const x = lw.tensor(data, { shape: [rows, 784], dtype: 'uint8', divisor: 255 })
    await model.fit({ x, y: labels }, { epochs: 1, batchSize: 32 })
    return hash(...model.store.parameters.map((p) => p.value))
  }
  const expected = await within(addonOf('scalar', 1), trained)
  for (const isa of ISAS)
    for (const threads of [1, 2, 3])
      expect(await within(addonOf(isa, threads), trained), `${isa}, ${threads} threads`).toBe(expected)
})
