import type { TypedArray } from '../../dtype.js'
import type { Call } from './kernel.js'

/** Below this many rows, packing the right factor costs more than it saves. */
export const FEW_ROWS = 4
/** Columns, or rows of B, at a time. */
const WIDTH = 4

let left = new Float64Array(0)
let initial = new Float64Array(0)
let sums = new Float64Array(0)

/** C (m rows of n from `co`) = initial + A B, the rows of A in `left`: straight from B, whose columns are stored as rows. */
function byColumns(c: TypedArray, co: number, m: number, n: number, k: number, b: TypedArray, bo: number): void {
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
function byRows(c: TypedArray, co: number, m: number, n: number, k: number, b: TypedArray, bo: number): void {
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

/** A product of fewer than FEW_ROWS rows, or one too long to be packed (product.ts). */
export function fewRows(call: Call, m: number, n: number, k: number, ta: boolean, tb: boolean, bias: boolean): void {
  const [c, a, b] = call.a
  const [co, ao, bo] = call.o
  if (left.length < m * k) left = new Float64Array(m * k)
  if (initial.length < n) {
    initial = new Float64Array(n)
    sums = new Float64Array(n)
  }
  for (let i = 0; i < m; i++) for (let p = 0; p < k; p++) left[i * k + p] = a[ta ? ao + p * m + i : ao + i * k + p]
  for (let j = 0; j < n; j++) initial[j] = bias ? call.a[3][call.o[3] + j] : 0
  if (tb) byColumns(c, co, m, n, k, b, bo)
  else byRows(c, co, m, n, k, b, bo)
}
