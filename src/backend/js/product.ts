import type { TypedArray } from '../../dtype.js'
import { FEW_ROWS, fewRows } from './few-rows.js'
import type { Call } from './kernel.js'

// Both factors are packed into float64 panels (k groups of four numbers of rows of A, of two of columns of B), for three reasons: the inner
// loop then reads memory in order, whichever factor is transposed; it needs no conversion from float32; and it only ever meets
// Float64Array, so V8 compiles it once and well, whatever types the program multiplies. Each element of the result is
// one chain over ascending k.

/** Rows and columns of a tile. */
export const ROWS = 4
const COLUMNS = 2
/** Numbers a packed block of either factor may have, so that it stays in the second level cache. */
const BLOCK = 1 << 16
/** Places in memory are int32 in the inner loop. */
const MOST_PLACES = 2 ** 31 - 1

// All that the inner loop touches is in one array, which spares it the bounds of others: a place nobody reads, the tile, what the columns begin
// with, the panels of A and those of B.
const SINK = 0
const TILE = 8
const INITIAL = TILE + ROWS * COLUMNS
let space = new Float64Array(INITIAL)

/** Two vectors of length k from p0 and p1 of src, next to each other, to every `apart` numbers of `space`. */
function packPair(to: number, apart: number, src: TypedArray, p0: number, p1: number, k: number, step: number): void {
  for (const end = to + k * apart; to < end; to += apart, p0 += step, p1 += step) {
    space[to] = src[p0]
    space[to + 1] = src[p1]
  }
}

/**
 * Packs `count` vectors of length k, `width` to a panel: element p of vector v is src[at + v * stride + p * step]. The last panel is filled
 * with the last vector, whose results there nobody stores.
 */
function pack(
  to: number,
  width: number,
  src: TypedArray,
  at: number,
  count: number,
  k: number,
  stride: number,
  step: number,
): void {
  const vector = (v: number) => at + Math.min(v, count - 1) * stride
  for (let v = 0; v < count; v += width, to += width * k) {
    for (let w = 0; w < width; w += 2) packPair(to + w, width, src, vector(v + w), vector(v + w + 1), k, step)
  }
}

/**
 * The tile = 4 rows of A (panel at ao) times 2 columns of B (panel at bo), from the initial values at j. V8 computes all products of an iteration
 * first and their sums last, with most of both in memory in between; but what is known before a store it computes before it. Such stores, and
 * sums few enough for the registers, make this 1.3 to 1.4 times as fast as 4 rows and 4 columns without (Node 18 to 24, Zen 5). Two steps of k,
 * because one is as slow as before where V8 inlines it (Node 18 and 20).
 */
function fourByTwo(p: Float64Array, ao: number, bo: number, k: number, j: number): void {
  let c00 = p[j],
    c01 = p[j + 1],
    c10 = c00,
    c11 = c01,
    c20 = c00,
    c21 = c01,
    c30 = c00,
    c31 = c01
  for (const end = (ao + ROWS * (k - (k % 2))) | 0; ao < end; ao = (ao + 2 * ROWS) | 0, bo = (bo + 2 * COLUMNS) | 0) {
    const b00 = p[bo],
      b01 = p[(bo + 1) | 0]
    const a00 = p[ao]
    c00 += a00 * b00
    c01 += a00 * b01
    const a01 = p[(ao + 1) | 0]
    p[SINK] = a01
    c10 += a01 * b00
    c11 += a01 * b01
    const a02 = p[(ao + 2) | 0]
    c20 += a02 * b00
    c21 += a02 * b01
    const a03 = p[(ao + 3) | 0]
    p[SINK] = a03
    c30 += a03 * b00
    c31 += a03 * b01
    const b10 = p[(bo + 2) | 0],
      b11 = p[(bo + 3) | 0]
    const a10 = p[(ao + 4) | 0]
    c00 += a10 * b10
    c01 += a10 * b11
    const a11 = p[(ao + 5) | 0]
    p[SINK] = a11
    c10 += a11 * b10
    c11 += a11 * b11
    const a12 = p[(ao + 6) | 0]
    c20 += a12 * b10
    c21 += a12 * b11
    const a13 = p[(ao + 7) | 0]
    p[SINK] = a13
    c30 += a13 * b10
    c31 += a13 * b11
  }
  if (k % 2 === 1) {
    const b0 = p[bo],
      b1 = p[bo + 1]
    c00 += p[ao] * b0
    c01 += p[ao] * b1
    c10 += p[ao + 1] * b0
    c11 += p[ao + 1] * b1
    c20 += p[ao + 2] * b0
    c21 += p[ao + 2] * b1
    c30 += p[ao + 3] * b0
    c31 += p[ao + 3] * b1
  }
  p[TILE] = c00
  p[TILE + 1] = c01
  p[TILE + 2] = c10
  p[TILE + 3] = c11
  p[TILE + 4] = c20
  p[TILE + 5] = c21
  p[TILE + 6] = c30
  p[TILE + 7] = c31
}

function store(c: TypedArray, to: number, n: number, rows: number, columns: number): void {
  for (let i = 0, from = TILE; i < rows; i++, from += COLUMNS, to += n) {
    c[to] = space[from]
    if (columns === COLUMNS) c[to + 1] = space[from + 1]
  }
}

/** Of `count` vectors of length k, how many are packed at once. */
export function blockOf(count: number, k: number): number {
  return Math.min(Math.ceil(count / ROWS), Math.max(1, Math.floor(BLOCK / ROWS / (k || 1)))) * ROWS
}

/** C (m, n) = A B, A (m, k) or stored transposed (ta), B (k, n) or stored transposed (tb); with `bias`, the fourth operand is added to each row. */
export function product(call: Call, m: number, n: number, k: number, ta: boolean, tb: boolean, bias: boolean): void {
  if (m === 0 || n === 0) return
  const [c, a, b] = call.a
  const [co, ao, bo] = call.o
  const rowStride = ta ? 1 : k,
    rowStep = ta ? m : 1
  const columnStride = tb ? k : 1,
    columnStep = tb ? 1 : n
  const rows = blockOf(m, k),
    columns = blockOf(n, k)
  const left = INITIAL + columns,
    right = left + rows * k,
    end = right + columns * k
  if (m < FEW_ROWS || end > MOST_PLACES) {
    fewRows(call, m, n, k, ta, tb, bias)
    return
  }
  if (space.length < end) space = new Float64Array(end)
  space.fill(0, INITIAL, left)

  const [top, bottom, first, last] = call.part ?? [0, m, 0, n]
  for (let j0 = first; j0 < last; j0 += columns) {
    const nj = Math.min(columns, last - j0)
    if (bias) for (let j = 0; j < nj; j++) space[INITIAL + j] = call.a[3][call.o[3] + j0 + j]
    pack(right, COLUMNS, b, bo + j0 * columnStride, nj, k, columnStride, columnStep)
    for (let i0 = top; i0 < bottom; i0 += rows) {
      const ni = Math.min(rows, bottom - i0)
      pack(left, ROWS, a, ao + i0 * rowStride, ni, k, rowStride, rowStep)
      for (let i = 0; i < ni; i += ROWS) {
        for (let j = 0; j < nj; j += COLUMNS) {
          fourByTwo(space, left + i * k, right + j * k, k, INITIAL + j)
          store(c, co + (i0 + i) * n + j0 + j, n, Math.min(ROWS, ni - i), Math.min(COLUMNS, nj - j))
        }
      }
    }
  }
}
