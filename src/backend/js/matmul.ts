import type { TypedArray } from '../../dtype.js'
import { gatherRows } from './indexing.js'
import type { Call, Kernels } from './kernel.js'

// Both factors are packed into float64 panels of four vectors (k groups of four numbers), for three reasons: the inner loop
// then reads memory in order, whichever factor is transposed; it needs no conversion from float32; and it only ever meets
// Float64Array, so V8 compiles it once and well, whatever types the program multiplies. Each element of the result is
// one chain over ascending k.
export const WIDTH = 4
/** Numbers a packed block of either factor may have, so that it stays in the second level cache. */
const BLOCK = 1 << 16
/** Below this many rows, packing the right factor costs more than it saves. */
export const FEW_ROWS = 4

let left = new Float64Array(0)
let right = new Float64Array(0)
let initial = new Float64Array(0)
const tile = new Float64Array(WIDTH * WIDTH)

/**
 * Packs `count` vectors of length k: element p of vector v is src[at + v * stride + p * step]. Whole groups of four
 * interleave; what remains is padded with zeros to a group, or, if `single`, follows one vector after the other.
 */
function pack(
  dst: Float64Array,
  src: TypedArray,
  at: number,
  count: number,
  k: number,
  stride: number,
  step: number,
  single: boolean,
): void {
  const whole = count - (count % WIDTH)
  for (let v = 0, to = 0; v < whole; v += WIDTH) {
    let p0 = at + v * stride
    let p1 = p0 + stride
    let p2 = p1 + stride
    let p3 = p2 + stride
    for (let p = 0; p < k; p++, to += WIDTH) {
      dst[to] = src[p0]
      dst[to + 1] = src[p1]
      dst[to + 2] = src[p2]
      dst[to + 3] = src[p3]
      p0 += step
      p1 += step
      p2 += step
      p3 += step
    }
  }
  if (whole === count) return
  if (!single) dst.fill(0, whole * k, (whole + WIDTH) * k)
  for (let v = whole; v < count; v++) {
    const from = at + v * stride
    const to = single ? v * k : whole * k + (v - whole)
    const apart = single ? 1 : WIDTH
    for (let p = 0; p < k; p++) dst[to + p * apart] = src[from + p * step]
  }
}

/** tile = 4 rows (panel at ao of `left`) times 4 columns (panel at bo of `right`), from the initial values at j. */
function fourByFour(
  a: Float64Array,
  ao: number,
  b: Float64Array,
  bo: number,
  k: number,
  init: Float64Array,
  j: number,
): void {
  let c00 = init[j],
    c01 = init[j + 1],
    c02 = init[j + 2],
    c03 = init[j + 3]
  let c10 = c00,
    c11 = c01,
    c12 = c02,
    c13 = c03
  let c20 = c00,
    c21 = c01,
    c22 = c02,
    c23 = c03
  let c30 = c00,
    c31 = c01,
    c32 = c02,
    c33 = c03
  for (const end = ao + k * WIDTH; ao < end; ao += WIDTH, bo += WIDTH) {
    const b0 = b[bo],
      b1 = b[bo + 1],
      b2 = b[bo + 2],
      b3 = b[bo + 3]
    const a0 = a[ao]
    c00 += a0 * b0
    c01 += a0 * b1
    c02 += a0 * b2
    c03 += a0 * b3
    const a1 = a[ao + 1]
    c10 += a1 * b0
    c11 += a1 * b1
    c12 += a1 * b2
    c13 += a1 * b3
    const a2 = a[ao + 2]
    c20 += a2 * b0
    c21 += a2 * b1
    c22 += a2 * b2
    c23 += a2 * b3
    const a3 = a[ao + 3]
    c30 += a3 * b0
    c31 += a3 * b1
    c32 += a3 * b2
    c33 += a3 * b3
  }
  tile[0] = c00
  tile[1] = c01
  tile[2] = c02
  tile[3] = c03
  tile[4] = c10
  tile[5] = c11
  tile[6] = c12
  tile[7] = c13
  tile[8] = c20
  tile[9] = c21
  tile[10] = c22
  tile[11] = c23
  tile[12] = c30
  tile[13] = c31
  tile[14] = c32
  tile[15] = c33
}

/** The same for one row, of the last one to three. */
function oneByFour(
  a: Float64Array,
  ao: number,
  b: Float64Array,
  bo: number,
  k: number,
  init: Float64Array,
  j: number,
): void {
  let c0 = init[j],
    c1 = init[j + 1],
    c2 = init[j + 2],
    c3 = init[j + 3]
  for (const end = ao + k; ao < end; ao++, bo += WIDTH) {
    const a0 = a[ao]
    c0 += a0 * b[bo]
    c1 += a0 * b[bo + 1]
    c2 += a0 * b[bo + 2]
    c3 += a0 * b[bo + 3]
  }
  tile[0] = c0
  tile[1] = c1
  tile[2] = c2
  tile[3] = c3
}

/** C (m rows of n from `co`) = init + A B, a few rows of A (in `left`) at most: straight from B, whose columns are stored as rows. */
function fewRows(c: TypedArray, co: number, m: number, n: number, k: number, b: TypedArray, bo: number): void {
  for (let i = 0; i < m; i++) {
    const row = i * k
    const to = co + i * n
    let j = 0
    for (; j + WIDTH <= n; j += WIDTH) {
      let c0 = initial[j],
        c1 = initial[j + 1],
        c2 = initial[j + 2],
        c3 = initial[j + 3]
      const q0 = bo + j * k,
        q1 = q0 + k,
        q2 = q1 + k,
        q3 = q2 + k
      for (let p = 0; p < k; p++) {
        const a0 = left[row + p]
        c0 += a0 * b[q0 + p]
        c1 += a0 * b[q1 + p]
        c2 += a0 * b[q2 + p]
        c3 += a0 * b[q3 + p]
      }
      c[to + j] = c0
      c[to + j + 1] = c1
      c[to + j + 2] = c2
      c[to + j + 3] = c3
    }
    for (; j < n; j++) {
      let sum = initial[j]
      for (let p = 0, q = bo + j * k; p < k; p++, q++) sum += left[row + p] * b[q]
      c[to + j] = sum
    }
  }
}

/** The same for a B whose rows are stored as rows: four of them at a time are added to the sums, so that memory is read in order. */
function fewRowsByRows(c: TypedArray, co: number, m: number, n: number, k: number, b: TypedArray, bo: number): void {
  const sums = right
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) sums[j] = initial[j]
    let p = i * k
    let q0 = bo
    for (const end = p + k; p < end; ) {
      if (p + WIDTH > end) {
        const a0 = left[p++]
        for (let j = 0; j < n; j++) sums[j] += a0 * b[q0 + j]
        q0 += n
        continue
      }
      const a0 = left[p],
        a1 = left[p + 1],
        a2 = left[p + 2],
        a3 = left[p + 3]
      const q1 = q0 + n,
        q2 = q1 + n,
        q3 = q2 + n
      for (let j = 0; j < n; j++) sums[j] = sums[j] + a0 * b[q0 + j] + a1 * b[q1 + j] + a2 * b[q2 + j] + a3 * b[q3 + j]
      p += WIDTH
      q0 = q3 + n
    }
    for (let j = 0; j < n; j++) c[co + i * n + j] = sums[j]
  }
}

function store(c: TypedArray, to: number, n: number, rows: number, columns: number): void {
  for (let i = 0; i < rows; i++, to += n) for (let j = 0; j < columns; j++) c[to + j] = tile[i * WIDTH + j]
}

/** Of `count` vectors of length k, how many are packed at once. */
export function blockOf(count: number, k: number): number {
  return Math.min(Math.ceil(count / WIDTH), Math.max(1, Math.floor(BLOCK / WIDTH / (k || 1)))) * WIDTH
}

function product(call: Call, m: number, n: number, k: number, ta: boolean, tb: boolean, bias: boolean): void {
  if (m === 0 || n === 0) return
  const [c, a, b] = call.a
  const [co, ao, bo] = call.o
  const rowStride = ta ? 1 : k,
    rowStep = ta ? m : 1
  const columnStride = tb ? k : 1,
    columnStep = tb ? 1 : n
  const few = m < FEW_ROWS
  const rows = few ? m : blockOf(m, k)
  const columns = blockOf(n, k)
  if (left.length < rows * k) left = new Float64Array(rows * k)
  if (initial.length < n + WIDTH) initial = new Float64Array(n + WIDTH)
  initial.fill(0, 0, n + WIDTH)
  if (bias) for (let j = 0; j < n; j++) initial[j] = call.a[3][call.o[3] + j]

  const packed = few ? n : columns * k
  if (right.length < packed) right = new Float64Array(packed)
  if (few) {
    pack(left, a, ao, m, k, rowStride, rowStep, true)
    if (tb) fewRows(c, co, m, n, k, b, bo)
    else fewRowsByRows(c, co, m, n, k, b, bo)
    return
  }
  const [top, bottom, begin, end] = call.part ?? [0, m, 0, n]
  for (let j0 = begin; j0 < end; j0 += columns) {
    const nj = Math.min(columns, end - j0)
    pack(right, b, bo + j0 * columnStride, nj, k, columnStride, columnStep, false)
    for (let i0 = top; i0 < bottom; i0 += rows) {
      const ni = Math.min(rows, bottom - i0)
      pack(left, a, ao + i0 * rowStride, ni, k, rowStride, rowStep, true)
      for (let j = 0; j < nj; j += WIDTH) {
        const width = Math.min(WIDTH, nj - j)
        let i = 0
        for (; i + WIDTH <= ni; i += WIDTH) {
          fourByFour(left, i * k, right, j * k, k, initial, j0 + j)
          store(c, co + (i0 + i) * n + j0 + j, n, WIDTH, width)
        }
        for (; i < ni; i++) {
          oneByFour(left, i * k, right, j * k, k, initial, j0 + j)
          store(c, co + (i0 + i) * n + j0 + j, n, 1, width)
        }
      }
    }
  }
}

/** m rows of n from panels at `at`, wherever these are cut (native/kernels/panels.h). */
function fromPanels(x: TypedArray, at: number, m: number, n: number, panels: number): TypedArray {
  const rows = x instanceof Float32Array ? new Float32Array(m * n) : new Float64Array(m * n)
  const notes = at + 2 * (panels * m * n - panels + 1)
  for (let h = 0, start = 0; h < panels && m > 0 && n > 0; h++) {
    const noted = h + 1 < panels ? x[notes + 2 * h] : n
    const place = h + 1 < panels && x[notes + 2 * h + 1] === 1 ? 1 : 0
    const end = noted >= start && noted <= n ? Math.trunc(noted) : start
    for (let i = 0; i < m; i++) {
      const from = at + (2 * h + place) * m * n + i * (end - start)
      rows.set(x.subarray(from, from + end - start), i * n + start)
    }
    start = end
  }
  return rows
}

/** Tiles keep both the rows read and the rows written in the cache. */
const TILE = 16

export const matmul: Kernels = {
  matmul: (call) => product(call, call.n[0], call.n[1], call.n[2], call.n[3] === 1, call.n[4] === 1, false),
  affine: (call) => product(call, call.n[0], call.n[1], call.n[2], false, false, true),
  gatherAffine: (call) => {
    const [m, n, , , k, panels] = call.n
    if (m === 0 || k === 0) return
    const [y, src, idx, cursor, x, w, b] = call.a
    const [yo, so, io, co, xo, wo, bo] = call.o
    let failed = false
    const fail = (position: number, value: number): void => {
      failed = true
      call.fail(position, value)
    }
    gatherRows({ ...call, a: [x, src, idx, cursor], o: [xo, so, io, co], fail })
    if (failed) return
    // All in the first panel, in its first place: what the others begin and end with is the number of columns.
    for (let h = 1; n > 0 && h < panels; h++) x.set([n, 0], xo + 2 * (panels * m * n - h))
    product({ ...call, a: [y, x, w, b], o: [yo, xo, wo, bo] }, m, k, n, false, false, true)
  },
  gatherAffineGrad: (call) => {
    const [m, n, k, panels] = call.n
    const x = fromPanels(call.a[1], call.o[1], m, n, panels)
    const [dw, , dy] = call.a
    product({ ...call, a: [dw, x, dy], o: [call.o[0], 0, call.o[2]] }, n, k, m, true, false, false)
  },
  transpose: (call) => {
    const [y, x] = call.a
    const [yo, xo] = call.o
    const m = call.n[0],
      n = call.n[1]
    if (m === 0 || n === 0) return
    for (let i0 = 0; i0 < m; i0 += TILE) {
      const i1 = Math.min(m, i0 + TILE)
      for (let j0 = 0; j0 < n; j0 += TILE) {
        const j1 = Math.min(n, j0 + TILE)
        for (let j = j0; j < j1; j++) for (let i = i0; i < i1; i++) y[yo + j * m + i] = x[xo + i * n + j]
      }
    }
  },
}
