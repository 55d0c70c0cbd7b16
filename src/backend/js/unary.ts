import { type Kernels, rounded } from './kernel.js'

// One loop an op, so that V8 sees plain arithmetic and no call. The operands: y, x; of a derivative: dx, dy, v.
export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

const functions: Kernels = {
  negate: ({ a: [y, x], o: [yo, xo], n }) => {
    for (let i = 0, e = n[0]; i < e; i++) y[yo + i] = -x[xo + i]
  },
  exp: ({ a: [y, x], o: [yo, xo], n }) => {
    for (let i = 0, e = n[0]; i < e; i++) y[yo + i] = Math.exp(x[xo + i])
  },
  log: ({ a: [y, x], o: [yo, xo], n }) => {
    for (let i = 0, e = n[0]; i < e; i++) y[yo + i] = Math.log(x[xo + i])
  },
  sqrt: ({ a: [y, x], o: [yo, xo], n }) => {
    for (let i = 0, e = n[0]; i < e; i++) y[yo + i] = Math.sqrt(x[xo + i])
  },
  square: ({ a: [y, x], o: [yo, xo], n }) => {
    for (let i = 0, e = n[0]; i < e; i++) y[yo + i] = x[xo + i] * x[xo + i]
  },
  abs: ({ a: [y, x], o: [yo, xo], n }) => {
    for (let i = 0, e = n[0]; i < e; i++) y[yo + i] = Math.abs(x[xo + i])
  },
  sigmoid: ({ a: [y, x], o: [yo, xo], n }) => {
    for (let i = 0, e = n[0]; i < e; i++) y[yo + i] = sigmoid(x[xo + i])
  },
  tanh: ({ a: [y, x], o: [yo, xo], n }) => {
    for (let i = 0, e = n[0]; i < e; i++) y[yo + i] = Math.tanh(x[xo + i])
  },
  relu: ({ a: [y, x], o: [yo, xo], n }) => {
    for (let i = 0, e = n[0]; i < e; i++) y[yo + i] = Math.max(x[xo + i], 0)
  },
  leakyRelu: ({ a: [y, x], o: [yo, xo], n, d, dtype }) => {
    const slope = rounded(dtype, d[0])
    for (let i = 0, e = n[0]; i < e; i++) {
      const v = x[xo + i]
      y[yo + i] = v < 0 ? slope * v : v
    }
  },
  clip: ({ a: [y, x], o: [yo, xo], n, d, dtype }) => {
    const lo = rounded(dtype, d[0]),
      hi = rounded(dtype, d[1])
    for (let i = 0, e = n[0]; i < e; i++) {
      let v = x[xo + i]
      if (lo > v) v = lo // not Math.max: -0 stays, and a limit of NaN limits nothing
      if (hi < v) v = hi
      y[yo + i] = v
    }
  },
  scale: ({ a: [y, x], o: [yo, xo], n, d, dtype }) => {
    const alpha = rounded(dtype, d[0]),
      beta = rounded(dtype, d[1])
    const e = n[0]
    if (dtype === 0) for (let i = 0; i < e; i++) y[yo + i] = Math.fround(alpha * x[xo + i]) + beta
    else for (let i = 0; i < e; i++) y[yo + i] = alpha * x[xo + i] + beta
  },
}

const derivatives: Kernels = {
  sigmoidGrad: ({ a: [dx, dy, y], o: [to, p, q], n }) => {
    for (let i = 0, e = n[0]; i < e; i++) {
      const v = y[q + i]
      dx[to + i] = dy[p + i] * (v * (1 - v))
    }
  },
  tanhGrad: ({ a: [dx, dy, y], o: [to, p, q], n }) => {
    for (let i = 0, e = n[0]; i < e; i++) {
      const v = y[q + i]
      dx[to + i] = dy[p + i] * (1 - v * v)
    }
  },
  reluGrad: ({ a: [dx, dy, y], o: [to, p, q], n }) => {
    for (let i = 0, e = n[0]; i < e; i++) dx[to + i] = y[q + i] > 0 ? dy[p + i] : 0
  },
  absGrad: ({ a: [dx, dy, x], o: [to, p, q], n }) => {
    // 0 at 0, also where dy is infinite or NaN
    for (let i = 0, e = n[0]; i < e; i++) dx[to + i] = x[q + i] === 0 ? 0 : dy[p + i] * Math.sign(x[q + i])
  },
  sqrtGrad: ({ a: [dx, dy, y], o: [to, p, q], n }) => {
    for (let i = 0, e = n[0]; i < e; i++) dx[to + i] = (0.5 * dy[p + i]) / y[q + i]
  },
  leakyReluGrad: ({ a: [dx, dy, x], o: [to, p, q], n, d, dtype }) => {
    const slope = rounded(dtype, d[0])
    for (let i = 0, e = n[0]; i < e; i++) dx[to + i] = x[q + i] > 0 ? dy[p + i] : slope * dy[p + i]
  },
  clipGrad: ({ a: [dx, dy, x], o: [to, p, q], n, d, dtype }) => {
    const lo = rounded(dtype, d[0]),
      hi = rounded(dtype, d[1])
    for (let i = 0, e = n[0]; i < e; i++) {
      const v = x[q + i]
      dx[to + i] = lo <= v && v <= hi ? dy[p + i] : 0
    }
  },
}

export const unary: Kernels = { ...functions, ...derivatives }
