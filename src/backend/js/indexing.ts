import type { TypedArray } from '../../dtype.js'
import { type Call, type Kernel, type Kernels, rounded } from './kernel.js'

const BYTE_VALUES = 256
/** From here on, the copy that the engine brings beats a loop. */
const LONG_ROW = 256

let byteTable = new Float64Array(BYTE_VALUES)
let tableDivisor = Number.NaN

/** What each byte is, divided; storing rounds to the result's type, as the division there would. */
function bytes(divisor: number): Float64Array {
  if (!Object.is(divisor, tableDivisor)) {
    byteTable = Float64Array.from({ length: BYTE_VALUES }, (_, i) => i / divisor)
    tableDivisor = divisor
  }
  return byteTable
}

/** Where the first of the m indices from the cursor is; all are in range. */
function indicesFrom({ a, o, n, fail }: Call): number {
  const [m, , rows, count] = [n[0], n[1], n[2], n[3]]
  if (m === 0) return o[2] // nobody looks where the cursor is
  const idx = a[2]
  const cursor = a[3][o[3]]
  if (cursor < 0 || cursor + m > count) fail(-1, cursor)
  for (let i = 0; i < m; i++) {
    const row = idx[o[2] + cursor + i]
    if (row < 0 || row >= rows) fail(i, row)
  }
  return o[2] + cursor
}

/** n numbers from one place to another. */
export function copyRow(y: TypedArray, to: number, src: TypedArray, from: number, n: number): void {
  if (n >= LONG_ROW) y.set(src.subarray(from, from + n), to)
  else for (let j = 0; j < n; j++) y[to + j] = src[from + j]
}

export const gatherRows: Kernel = (call) => {
  const [y, src, idx] = call.a
  const [yo, so] = call.o
  const m = call.n[0],
    n = call.n[1]
  const first = indicesFrom(call)
  if (n === 0) return
  const float32 = y instanceof Float32Array
  const divisor = float32 ? Math.fround(call.d[0]) : call.d[0]
  const plain = divisor === 1 || !(float32 || y instanceof Float64Array)
  const table = src instanceof Uint8Array && !plain ? bytes(divisor) : undefined
  for (let i = 0, to = yo; i < m; i++, to += n) {
    const from = so + idx[first + i] * n
    if (plain) copyRow(y, to, src, from, n)
    else if (table) for (let j = 0; j < n; j++) y[to + j] = table[src[from + j]]
    else if (float32) for (let j = 0; j < n; j++) y[to + j] = Math.fround(src[from + j]) / divisor
    else for (let j = 0; j < n; j++) y[to + j] = src[from + j] / divisor
  }
}

const scatterRows: Kernel = (call) => {
  const [dsrc, dy, idx] = call.a
  const [so, dyo] = call.o
  const m = call.n[0],
    n = call.n[1],
    rows = call.n[2]
  const divisor = rounded(call.dtype, call.d[0])
  const first = indicesFrom(call)
  dsrc.fill(0, so, so + rows * n)
  for (let i = 0, from = dyo; i < m; i++, from += n) {
    const to = so + idx[first + i] * n
    for (let j = 0; j < n; j++) dsrc[to + j] += dy[from + j] / divisor
  }
}

const oneHot: Kernel = ({ a: [y, t], o: [yo, to], n: [m, n], fail }) => {
  y.fill(0, yo, yo + m * n)
  for (let i = 0; i < m; i++) {
    const label = t[to + i]
    if (label < 0 || label >= n) fail(i, label)
    y[yo + i * n + label] = 1
  }
}

export const indexing: Kernels = { oneHot, gatherRows, scatterRows }
