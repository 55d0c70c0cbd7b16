import type { TypedArray } from '../../dtype.js'
import { type Call, type Kernels, rounded } from './kernel.js'

const BLOCK = 4096

/**
 * Sum of a run, in the order that docs/commands.md gives float64: eight lanes a block, joined by halving. A float32 command
 * is summed the same way, in float64, which is at least as exact as its own order.
 */
function sumRun(x: TypedArray, at: number, n: number): number {
  let total = 0
  for (let begin = 0; begin < n; begin += BLOCK) {
    const end = Math.min(n, begin + BLOCK)
    let s0 = 0,
      s1 = 0,
      s2 = 0,
      s3 = 0,
      s4 = 0,
      s5 = 0,
      s6 = 0,
      s7 = 0
    let i = begin
    for (; i + 8 <= end; i += 8) {
      const p = at + i
      s0 += x[p]
      s1 += x[p + 1]
      s2 += x[p + 2]
      s3 += x[p + 3]
      s4 += x[p + 4]
      s5 += x[p + 5]
      s6 += x[p + 6]
      s7 += x[p + 7]
    }
    const p = at + i
    if (i < end) s0 += x[p]
    if (i + 1 < end) s1 += x[p + 1]
    if (i + 2 < end) s2 += x[p + 2]
    if (i + 3 < end) s3 += x[p + 3]
    if (i + 4 < end) s4 += x[p + 4]
    if (i + 5 < end) s5 += x[p + 5]
    if (i + 6 < end) s6 += x[p + 6]
    const sum = s0 + s4 + (s2 + s6) + (s1 + s5 + (s3 + s7))
    total = begin === 0 ? sum : total + sum
  }
  return total
}

function total({ a: [y, x], o: [yo, xo], n: [a, b, c] }: Call, divisor: number): void {
  if (c === 0) return
  for (let i = 0; i < a; i++) {
    if (c === 1) {
      y[yo + i] = sumRun(x, xo + i * b, b)
      y[yo + i] /= divisor
      continue
    }
    // Row after row into y: memory in order, and each column of a block its own chain, rounded to the type at each step.
    const to = yo + i * c
    let at = xo + i * b * c
    const totals = b > BLOCK ? new Float64Array(c) : undefined
    for (let begin = 0; begin === 0 || begin < b; begin += BLOCK) {
      y.fill(0, to, to + c)
      for (let j = begin; j < Math.min(b, begin + BLOCK); j++, at += c)
        for (let l = 0; l < c; l++) y[to + l] += x[at + l]
      if (totals !== undefined) for (let l = 0; l < c; l++) totals[l] += y[to + l]
    }
    if (totals !== undefined) y.set(totals, to)
    if (divisor !== 1) for (let l = 0; l < c; l++) y[to + l] /= divisor
  }
}

export const reduce: Kernels = {
  sum: (call) => total(call, 1),
  mean: (call) => total(call, call.n[1]),
  max: ({ a: [y, x], o: [yo, xo], n: [a, b, c] }) => {
    if (c === 0) return
    for (let i = 0; i < a; i++) {
      const to = yo + i * c
      let at = xo + i * b * c
      for (let l = 0; l < c; l++) y[to + l] = x[at + l]
      for (let j = 1; j < b; j++) {
        at += c
        for (let l = 0; l < c; l++) y[to + l] = Math.max(y[to + l], x[at + l])
      }
    }
  },
  argmax: ({ a: [y, x], o: [yo, xo], n: [a, b, c] }) => {
    if (c === 0) return
    for (let i = 0; i < a; i++) for (let l = 0; l < c; l++) y[yo + i * c + l] = argmaxOf(x, xo + i * b * c + l, b, c)
  },
  expand: ({ a: [y, x], o: [yo, xo], n: [a, b, c], d, dtype }) => {
    const alpha = rounded(dtype, d[0])
    if (b === 0 || c === 0) return
    for (let i = 0, to = yo; i < a; i++) {
      if (c === 1) {
        const value = alpha * x[xo + i]
        for (const end = to + b; to < end; to++) y[to] = value
        continue
      }
      const at = xo + i * c
      for (let j = 0; j < b; j++, to += c) for (let l = 0; l < c; l++) y[to + l] = alpha * x[at + l]
    }
  },
  maxGrad: ({ a: [dx, dy, x, y], o: [to, dyo, xo, yo], n: [a, b, c] }) => {
    if (b === 0 || c === 0) return
    for (let i = 0; i < a; i++) {
      for (let l = 0; l < c; l++) {
        const max = y[yo + i * c + l]
        const first = i * b * c + l
        let ties = 0
        for (let j = 0, p = first; j < b; j++, p += c) if (x[xo + p] === max) ties++
        const share = dy[dyo + i * c + l] / ties
        for (let j = 0, p = first; j < b; j++, p += c) dx[to + p] = x[xo + p] === max ? share : 0
      }
    }
  },
}

/** Where the largest of n numbers is, `step` apart from `at`: the first NaN, else the first maximum. */
export function argmaxOf(x: TypedArray, at: number, n: number, step: number): number {
  let best = 0
  let max = x[at]
  for (let j = 1, p = at + step; j < n && !Number.isNaN(max); j++, p += step) {
    const v = x[p]
    if (!(v <= max)) {
      max = v
      best = j
    }
  }
  return best
}
