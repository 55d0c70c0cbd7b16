import type { TypedArray } from '../../dtype.js'
import type { Kernels } from './kernel.js'

/** The largest of n numbers from `at`; NaN if one is NaN, -Infinity of none. */
export function maximumOf(x: TypedArray, at: number, n: number): number {
  let max = -Infinity
  for (let j = 0; j < n; j++) max = Math.max(max, x[at + j])
  return max
}

/** Sum of exp(x - max) over n numbers from `at`. */
function sumOfExp(x: TypedArray, at: number, n: number, max: number): number {
  let sum = 0
  for (let j = 0; j < n; j++) sum += Math.exp(x[at + j] - max)
  return sum
}

/** y = softmax of n numbers, which may be y itself, and the largest of them `max`. Returns the sum of exp(x - max). */
export function softmaxRow(y: TypedArray, to: number, x: TypedArray, at: number, n: number, max: number): number {
  let sum = 0
  for (let j = 0; j < n; j++) {
    const e = Math.exp(x[at + j] - max)
    y[to + j] = e
    sum += e
  }
  for (let j = 0; j < n; j++) y[to + j] /= sum
  return sum
}

export const softmax: Kernels = {
  softmax: ({ a: [y, x], o: [yo, xo], n: [m, n] }) => {
    if (n === 0) return
    for (let i = 0; i < m; i++) {
      const at = xo + i * n
      softmaxRow(y, yo + i * n, x, at, n, maximumOf(x, at, n))
    }
  },
  logSoftmax: ({ a: [y, x], o: [yo, xo], n: [m, n] }) => {
    if (n === 0) return
    for (let i = 0; i < m; i++) {
      const at = xo + i * n
      const to = yo + i * n
      const max = maximumOf(x, at, n)
      const log = Math.log(sumOfExp(x, at, n, max))
      for (let j = 0; j < n; j++) y[to + j] = x[at + j] - max - log
    }
  },
  softmaxGrad: ({ a: [dx, dy, y], o: [to, p, q], n: [m, n] }) => {
    if (n === 0) return
    for (let i = 0, at = 0; i < m; i++, at += n) {
      let dot = 0
      for (let j = 0; j < n; j++) dot += dy[p + at + j] * y[q + at + j]
      for (let j = 0; j < n; j++) dx[to + at + j] = y[q + at + j] * (dy[p + at + j] - dot)
    }
  },
  logSoftmaxGrad: ({ a: [dx, dy, y], o: [to, p, q], n: [m, n] }) => {
    if (n === 0) return
    for (let i = 0, at = 0; i < m; i++, at += n) {
      let sum = 0
      for (let j = 0; j < n; j++) sum += dy[p + at + j]
      for (let j = 0; j < n; j++) dx[to + at + j] = dy[p + at + j] - Math.exp(y[q + at + j]) * sum
    }
  },
}
