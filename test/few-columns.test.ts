import { describe, expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { Random } from './differential/random.js'
import { addonOf, isasHere, within } from './isas.js'

// Softmax of rows of few columns takes many rows at once (native/kernels/few-columns.h), in blocks whose size depends on the columns, the
// type and the registers. Every number of columns, rows that fill blocks and rows that do not, and rows no classifier should have.

const ROWS = [1, 3, 7, 8, 15, 16, 31, 33, 64, 75, 129]

/** Logits: most rows ordinary, some with what is special, some whose exponentials vanish or are not normal any more. */
function logitsOf(rows: number, columns: number, seed: number): number[] {
  const r = new Random(seed, 'logits', columns)
  const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0, 1e30, -1e30]
  const all: number[] = []
  for (let i = 0; i < rows; i++) {
    const kind = r.below(8)
    const size = kind === 0 ? 250 : 6
    for (let j = 0; j < columns; j++) {
      const ordinary = (r.next() - 0.5) * size
      all.push(kind === 1 && r.chance(0.3) ? (special[r.below(special.length)] as number) : kind === 2 ? -0 : ordinary)
    }
  }
  return all
}

/** The first place of a NaN, else of the greatest. */
function placeOf(row: number[]): number {
  const nan = row.findIndex(Number.isNaN)
  return nan >= 0 ? nan : row.indexOf(Math.max(...row))
}

interface Result {
  softmax: number[]
  /** Many rows at once, but in place. */
  logSoftmax: number[]
  inPlace: number[]
  probabilities: number[]
  losses: number[]
  dense: number
  ofProbabilities: number
  sums: number[]
  maxima: number[]
  means: number[]
  gradients: number[][]
}

const twice = (x: lw.Tensor) => [x, x] as const

/** dx of f at x, for dy of no pattern. */
function gradientOf(f: (x: lw.Tensor) => lw.Tensor, x: lw.Tensor): number[] {
  const leaf = lw.copy(x)
  leaf.requiresGrad = true
  const y = f(leaf)
  const dy = lw.tensor(
    Array.from({ length: y.size }, (_, i) => Math.sin(i * 1.7)),
    { shape: y.shape, dtype: x.dtype as lw.FloatDType },
  )
  lw.backward(lw.sum(lw.multiply(y, dy)))
  return [...(leaf.grad as lw.Tensor).toTypedArray()]
}

/** The loss of each row alone would be taken row by row: so the mean of all rows, and of all with all labels moved. */
function compute(rows: number, columns: number, dtype: lw.DType): Result {
  const logits = lw.tensor(logitsOf(rows, columns, rows * 31 + columns), { shape: [rows, columns], dtype })
  const labels = Array.from({ length: rows }, (_, i) => (i * 7 + 3) % columns)
  const losses: number[] = []
  let probabilities: number[] = []
  for (const shift of [0, 1]) {
    const t = lw.tensor(
      labels.map((label) => (label + shift) % columns),
      { dtype: 'int32' },
    )
    const result = lw.softmaxCrossEntropy(logits, t)
    losses.push(...result.loss.toTypedArray())
    probabilities = [...result.probabilities.toTypedArray()]
  }
  const oneHot = lw.tensor(
    labels.flatMap((label) => Array.from({ length: columns }, (_, j) => (j === label ? 1 : 0))),
    { shape: [rows, columns], dtype },
  )
  return {
    softmax: [...lw.softmax(logits).toTypedArray()],
    logSoftmax: [...lw.logSoftmax(logits).toTypedArray()],
    inPlace: [...lw.logSoftmax(...twice(lw.copy(logits))).toTypedArray()],
    probabilities,
    losses,
    dense: lw.softmaxCrossEntropy(logits, oneHot).loss.toTypedArray()[0] as number,
    ofProbabilities: lw.crossEntropy(lw.softmax(logits), oneHot).item(),
    sums: [...lw.sum(logits, 1).toTypedArray()],
    maxima: [...lw.max(logits, 1).toTypedArray()],
    means: [...lw.mean(logits, 1).toTypedArray()],
    gradients: [
      gradientOf(lw.softmax, logits),
      gradientOf(lw.logSoftmax, logits),
      gradientOf((x) => lw.max(x, 1), logits),
    ],
  }
}

describe.skipIf(isasHere().length === 0).each(['float32', 'float64'] as const)(
  'softmax of few columns, %s',
  (dtype) => {
    it.each(Array.from({ length: 18 }, (_, i) => i + 1))(
      '%i columns: the same bits by every instruction set, without vectors too',
      (columns) => {
        for (const rows of ROWS) {
          const expected = within(addonOf(isasHere()[0], 1), () => compute(rows, columns, dtype))
          expect(expected.logSoftmax, `${rows} rows, in place`).toEqual(expected.inPlace)
          for (const isa of isasHere()) {
            expect(
              within(addonOf(isa, 1), () => compute(rows, columns, dtype)),
              `${rows} rows, ${isa}`,
            ).toEqual(expected)
          }
        }
      },
    )

    it('divides to the last bit beside rows of NaN, where quotients are not normal any more', () => {
      for (let columns = 2; columns <= 15; columns++) {
        // rows of NaN in front of, behind and between the others, whatever a block's size
        for (const half of [1, 2, 4, 8, 16]) {
          const r = new Random(half, 'tiny', columns)
          const x = Array.from({ length: 64 * columns }, (_, i) => {
            if ((Math.floor(i / columns) & half) === 0) return Number.NaN
            if (i % columns < 2) return (i % columns) * -0.3
            return (dtype === 'float32' ? -69 : -665) - r.next() * (dtype === 'float32' ? 18 : 43)
          })
          const [expected, ...others] = isasHere().map((isa) =>
            within(addonOf(isa, 1), () => [
              ...lw.softmax(lw.tensor(x, { shape: [64, columns], dtype })).toTypedArray(),
            ]),
          )
          for (const y of others) expect(y).toEqual(expected)
        }
      }
    })

    // Nothing is far from its row's greatest but for one number: just within reach of the shorter exp, beyond it, or a NaN, of which
    // any bits may be set.
    it('is right for the one number of a block that is far off, or no number', () => {
      const far = [-68.9, -69, -69.01, -87.33, -87.34, -90, -104, -1e30, Number.NEGATIVE_INFINITY]
      const payloads = dtype === 'float32' ? [0x7fc00000, 0x7fc00001, 0x7fc001ff, 0xffc00155, 0x7fffffff] : []
      for (let columns = 2; columns <= 15; columns++) {
        const r = new Random(3, 'far', columns)
        const rows = 64
        const logits = Array.from({ length: rows * columns }, () => r.next() * -3)
        for (let i = 0; i < rows; i++) logits[i * columns + (i % columns)] = 0
        for (const [n, value] of [...far, ...payloads].entries()) {
          const x = lw.tensor(logits, { shape: [rows, columns], dtype })
          const at = r.below(rows * columns)
          if (n < far.length) x.data[at] = value
          else new Uint32Array(x.data.buffer, x.data.byteOffset + 4 * at, 1)[0] = value
          const [expected, ...others] = isasHere().map((isa) =>
            within(addonOf(isa, 1), () => [...lw.softmax(x).toTypedArray()]),
          )
          for (const y of others) expect(y, `${columns} columns, ${value} at ${at}`).toEqual(expected)
        }
      }
    })

    it('derivatives are the formula, in float64', () => {
      const tolerance = dtype === 'float32' ? 2e-6 : 1e-14
      for (let columns = 1; columns <= 18; columns++) {
        const r = new Random(2, 'derivatives', columns)
        const rows = 50
        const x = lw.tensor(
          Array.from({ length: rows * columns }, () => Math.fround((r.next() - 0.5) * 6)),
          { shape: [rows, columns], dtype },
        )
        const [ofSoftmax, ofLog] = [gradientOf(lw.softmax, x), gradientOf(lw.logSoftmax, x)]
        for (let i = 0; i < rows; i++) {
          const row = Array.from(x.data.slice(i * columns, (i + 1) * columns))
          const dy = row.map((_, j) => Math.sin((i * columns + j) * 1.7))
          const total = row.reduce((sum, v) => sum + Math.exp(v), 0)
          const p = row.map((v) => Math.exp(v) / total)
          const dot = p.reduce((sum, v, j) => sum + v * dy[j], 0)
          const all = dy.reduce((sum, v) => sum + v, 0)
          for (let j = 0; j < columns; j++) {
            expect(Math.abs(ofSoftmax[i * columns + j] - p[j] * (dy[j] - dot))).toBeLessThan(tolerance)
            expect(Math.abs(ofLog[i * columns + j] - (dy[j] - p[j] * all))).toBeLessThan(10 * tolerance)
          }
        }
      }
    })

    it.each(Array.from({ length: 18 }, (_, i) => i + 1))(
      '%i columns: argmax is the first NaN, else the first of the greatest, and accuracy counts them',
      (columns) => {
        for (const rows of [...ROWS, 700]) {
          const logits = logitsOf(rows, columns, rows * 17 + columns).map(Math.fround)
          const places = Array.from({ length: rows }, (_, i) => placeOf(logits.slice(i * columns, (i + 1) * columns)))
          const labels = places.map((place, i) => (i % 3 === 0 ? (place + 1) % columns : place))
          const right = places.filter((place, i) => place === labels[i]).length / rows
          for (const isa of isasHere()) {
            within(addonOf(isa, 1), () => {
              const x = lw.tensor(logits, { shape: [rows, columns], dtype })
              expect([...lw.argmax(x).toTypedArray()], `${rows} rows, ${isa}`).toEqual(places)
              if (columns === 1) return
              for (const type of ['int32', 'uint8'] as const)
                expect(lw.accuracy(x, lw.tensor(labels, { dtype: type })).item()).toBeCloseTo(right, 6)
            })
          }
        }
      },
    )

    it('is the formula, in float64', () => {
      const tolerance = dtype === 'float32' ? 2e-6 : 1e-14
      for (let columns = 1; columns <= 18; columns++) {
        const r = new Random(1, 'formula', columns)
        const rows = 77
        const x = Array.from({ length: rows }, () =>
          Array.from({ length: columns }, () => Math.fround((r.next() - 0.5) * 12)),
        )
        const y = lw.softmax(lw.tensor(x, { dtype })).toTypedArray()
        x.forEach((row, i) => {
          const exps = row.map((v) => Math.exp(v - Math.max(...row)))
          const total = exps.reduce((a, b) => a + b, 0)
          const wrong = exps.filter((e, j) => !(Math.abs((y[i * columns + j] as number) / (e / total) - 1) < tolerance))
          expect(wrong).toEqual([])
        })
      }
    })

    it('reports the first bad label, wherever in a block it is', () => {
      for (const columns of [2, 3, 10, 13]) {
        for (const at of [0, 5, 31, 40, 76]) {
          const labels = Array.from({ length: 77 }, (_, i) => (i >= at && i % 3 === at % 3 ? columns : 0))
          const logits = lw.zeros([77, columns], { dtype })
          expect(() =>
            lw.softmaxCrossEntropy(logits, lw.tensor(labels, { dtype: 'int32' })).loss.toTypedArray(),
          ).toThrow(new RegExp(`${at}\\b.*${columns}|${columns}.*${at}\\b`))
        }
      }
    })
  },
)
