import { type Call, type Kernels, rounded } from './kernel.js'
import { argmaxOf } from './reduce.js'
import { maximumOf, softmaxRow } from './softmax.js'
import { sigmoid } from './unary.js'

// Row losses are added up in float64, whatever the dtype.
const SMALLEST = 1e-7
const clipped = (p: number, lo: number, hi: number): number => Math.min(hi, Math.max(lo, p))

/** Label i, if it is one of n classes. */
function checked(label: number, i: number, n: number, fail: Call['fail']): number {
  return label >= 0 && label < n ? label : fail(i, label)
}

const elementwise: Kernels = {
  meanSquaredError: ({ a: [y, p, t], o: [yo, po, to], n: [n] }) => {
    let sum = 0
    for (let i = 0; i < n; i++) {
      const e = p[po + i] - t[to + i]
      sum += e * e
    }
    y[yo] = sum / n
  },
  meanSquaredErrorGrad: ({ a: [dp, dy, p, t], o: [o, dyo, po, to], n: [n] }) => {
    const g = dy[dyo]
    for (let i = 0; i < n; i++) dp[o + i] = (g * 2 * (p[po + i] - t[to + i])) / n
  },
  binaryCrossEntropy: ({ a: [y, p, t], o: [yo, po, to], n: [n], dtype }) => {
    const lo = rounded(dtype, SMALLEST),
      hi = rounded(dtype, 1 - SMALLEST)
    let sum = 0
    for (let i = 0; i < n; i++) {
      const q = clipped(p[po + i], lo, hi),
        target = t[to + i]
      sum -= target * Math.log(q) + (1 - target) * Math.log(1 - q)
    }
    y[yo] = sum / n
  },
  binaryCrossEntropyGrad: ({ a: [dp, dy, p, t], o: [o, dyo, po, to], n: [n], dtype }) => {
    const lo = rounded(dtype, SMALLEST),
      hi = rounded(dtype, 1 - SMALLEST),
      g = dy[dyo] / n
    for (let i = 0; i < n; i++) {
      const q = p[po + i]
      dp[o + i] = q >= lo && q <= hi ? (g * (q - t[to + i])) / (q * (1 - q)) : 0
    }
  },
  binaryCrossEntropyLogits: ({ a: [y, x, t], o: [yo, xo, to], n: [n] }) => {
    let sum = 0
    for (let i = 0; i < n; i++) {
      const v = x[xo + i]
      sum += Math.max(v, 0) - v * t[to + i] + Math.log1p(Math.exp(-Math.abs(v)))
    }
    y[yo] = sum / n
  },
  binaryCrossEntropyLogitsGrad: ({ a: [dx, dy, x, t], o: [o, dyo, xo, to], n: [n] }) => {
    const g = dy[dyo]
    for (let i = 0; i < n; i++) dx[o + i] = (g * (sigmoid(x[xo + i]) - t[to + i])) / n
  },
}

const crossEntropy: Kernels = {
  crossEntropy: ({ a: [y, p, t], o: [yo, po, to], n: [m, n], dtype, fail }) => {
    const lo = rounded(dtype, SMALLEST)
    let sum = n === 0 ? NaN : 0
    for (let i = 0; i < m && n > 0; i++) {
      const label = checked(t[to + i], i, n, fail)
      sum -= Math.log(clipped(p[po + i * n + label], lo, 1))
    }
    y[yo] = sum / m
  },
  crossEntropyGrad: ({ a: [dp, dy, p, t], o: [o, dyo, po, to], n: [m, n], dtype, fail }) => {
    const lo = rounded(dtype, SMALLEST),
      g = dy[dyo]
    for (let i = 0; i < m && n > 0; i++) {
      const label = checked(t[to + i], i, n, fail)
      const q = p[po + i * n + label] // read before the row is cleared: dp may be p
      dp.fill(0, o + i * n, o + (i + 1) * n)
      if (q >= lo && q <= 1) dp[o + i * n + label] = -g / (m * q)
    }
  },
  crossEntropyDense: ({ a: [y, p, t], o: [yo, po, to], n: [m, n], dtype }) => {
    const lo = rounded(dtype, SMALLEST)
    let sum = 0
    for (let i = 0, e = m * n; i < e; i++) sum -= t[to + i] * Math.log(clipped(p[po + i], lo, 1))
    y[yo] = n === 0 ? NaN : sum / m
  },
  crossEntropyDenseGrad: ({ a: [dp, dy, p, t], o: [o, dyo, po, to], n: [m, n], dtype }) => {
    const lo = rounded(dtype, SMALLEST),
      g = dy[dyo]
    for (let i = 0, e = m * n; i < e; i++) {
      const q = p[po + i]
      dp[o + i] = q >= lo && q <= 1 ? (-g * t[to + i]) / (m * q) : 0
    }
  },
}

const softmaxCrossEntropy: Kernels = {
  softmaxCrossEntropy: ({ a: [y, p, x, t], o: [yo, po, xo, to], n: [m, n], fail }) => {
    let sum = n === 0 ? NaN : 0
    for (let i = 0, at = 0; i < m && n > 0; i++, at += n) {
      const label = checked(t[to + i], i, n, fail)
      const max = maximumOf(x, xo + at, n)
      const log = Math.log(softmaxRow(p, po + at, x, xo + at, n, max))
      sum += log - (x[xo + at + label] - max)
    }
    y[yo] = sum / m
  },
  softmaxCrossEntropyGrad: ({ a: [dx, dy, p, t], o: [o, dyo, po, to], n: [m, n], fail }) => {
    const g = dy[dyo] / m
    for (let i = 0, at = 0; i < m && n > 0; i++, at += n) {
      const label = checked(t[to + i], i, n, fail)
      const q = p[po + at + label]
      for (let j = 0; j < n; j++) dx[o + at + j] = p[po + at + j] * g
      dx[o + at + label] = (q - 1) * g
    }
  },
  softmaxCrossEntropyDense: ({ a: [y, p, x, t], o: [yo, po, xo, to], n: [m, n] }) => {
    let sum = n === 0 ? NaN : 0
    for (let i = 0, at = 0; i < m && n > 0; i++, at += n) {
      const max = maximumOf(x, xo + at, n)
      const log = Math.log(softmaxRow(p, po + at, x, xo + at, n, max))
      for (let j = 0; j < n; j++) sum -= t[to + at + j] * (x[xo + at + j] - max - log)
    }
    y[yo] = sum / m
  },
  softmaxCrossEntropyDenseGrad: ({ a: [dx, dy, p, t], o: [o, dyo, po, to], n: [m, n] }) => {
    const g = dy[dyo] / m
    for (let i = 0, at = 0; i < m && n > 0; i++, at += n) {
      let total = 0
      for (let j = 0; j < n; j++) total += t[to + at + j]
      for (let j = 0; j < n; j++) dx[o + at + j] = (p[po + at + j] * total - t[to + at + j]) * g
    }
  },
}

const accuracies: Kernels = {
  accuracy: ({ a: [y, p, t], o: [yo, po, to], n: [m, n] }) => {
    let right = 0
    if (n > 0) for (let i = 0; i < m; i++) if (argmaxOf(p, po + i * n, n, 1) === t[to + i]) right++
    y[yo] = n === 0 ? NaN : right / m
  },
  accuracyDense: ({ a: [y, p, t], o: [yo, po, to], n: [m, n] }) => {
    let right = 0
    if (n > 0) for (let i = 0; i < m; i++) if (argmaxOf(p, po + i * n, n, 1) === argmaxOf(t, to + i * n, n, 1)) right++
    y[yo] = n === 0 ? NaN : right / m
  },
  binaryAccuracy: ({ a: [y, p, t], o: [yo, po, to], n: [n], d, dtype }) => {
    const threshold = rounded(dtype, d[0])
    let right = 0
    for (let i = 0; i < n; i++) if (p[po + i] > threshold === t[to + i] > 0.5) right++
    y[yo] = right / n
  },
}

export const losses: Kernels = { ...elementwise, ...crossEntropy, ...softmaxCrossEntropy, ...accuracies }
