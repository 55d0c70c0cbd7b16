import { describe, expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { addonOf, isasHere, within } from './isas.js'

// Rows are reduced several at once, and searched several registers at once (native/kernels/reduce.h): every length around those of registers
// and of four, numbers of rows that are no multiple of four, ties, zeros of both signs, NaN, nothing but -infinity.

const LENGTHS = [1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 129, 300, 2100]
const ROWS = [1, 3, 4, 6, 11]

/** Whole numbers, so that there are ties; the first of each kind of row stands at another place in each row. */
function rowsOf(rows: number, length: number): number[][] {
  return Array.from({ length: rows }, (_, i) => {
    const row = Array.from({ length }, (_, j) => ((i * 131 + j * 7919) % 23) - 11)
    const at = (i * 37 + length - 1) % length
    if (i % 5 === 1) row[at] = Number.NaN
    if (i % 5 === 2) row.fill(Number.NEGATIVE_INFINITY)
    if (i % 5 === 3) row.fill(-0, 0, at).fill(0, at)
    if (i % 5 === 4) row[at] = 99
    return row
  })
}

/** NaN wins, then the first of the greatest. */
function argmaxOf(row: number[]): number {
  const nan = row.findIndex((v) => Number.isNaN(v))
  if (nan >= 0) return nan
  return row.reduce((best, v, j) => (v > (row[best] as number) ? j : best), 0)
}

describe.skipIf(isasHere().length === 0).each(['float32', 'float64'] as const)('rows, %s', (dtype) => {
  it.each(LENGTHS)('of %i: argmax, max and sum', (length) => {
    for (const rows of ROWS) {
      const values = rowsOf(rows, length)
      const x = lw.tensor(values.flat(), { shape: [rows, length], dtype })
      for (const isa of isasHere()) {
        within(addonOf(isa, 1), () => {
          const what = `${rows} rows, ${isa}`
          expect([...lw.argmax(x, 1).toTypedArray()], what).toEqual(values.map(argmaxOf))
          expect(
            [...lw.max(x, 1).toTypedArray()].map((v) => v + 0),
            what,
          ).toEqual(values.map((row) => (row[argmaxOf(row)] as number) + 0))
          expect(
            [...lw.sum(x, 1).toTypedArray()].map((v) => v + 0),
            what,
          ).toEqual(values.map((row) => row.reduce((a, b) => a + b, 0)))
        })
      }
    }
  })

  it.each([255, 256, 257, 300])(
    'of %i, more than the near caches hold: max has the bits of a few rows of them',
    (length) => {
      const rows = 600
      const x = lw.tensor(rowsOf(rows, length).flat(), { shape: [rows, length], dtype })
      for (const isa of isasHere()) {
        within(addonOf(isa, 1), () => {
          const few = Array.from({ length: rows / 6 }, (_, i) => [
            ...lw.max(lw.slice(x, 6 * i, 6 * i + 6), 1).toTypedArray(),
          ])
          expect([...lw.max(x, 1).toTypedArray()], isa).toEqual(few.flat())
        })
      }
    },
  )
})
