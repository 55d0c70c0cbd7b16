import type { Call, Kernels } from './kernel.js'

/** beta^t by squaring: multiplications only, so that every backend has the same bits. */
export function power(beta: number, t: number): number {
  if (t <= 0) return 0 // the count of steps has run over
  let result = 1
  for (let e = t, b = beta; e > 0; e = Math.floor(e / 2), b *= b) if (e % 2 === 1) result *= b
  return result
}

const same = (x: number): number => x
const flushed = (x: number, tiny: number): number => (Math.abs(x) < tiny ? 0 : x)

/** The same for an average of squares, of which only what is not negative is kept. */
const flushedSquare = (x: number, tiny: number): number => (x < tiny ? 0 : x)
/** Weight decay, before anything else. Without it w stays as it is, even where it is infinite. */
const decayed = (w: number, shrink: number): number => (shrink === 0 ? w : w - shrink * w)

/** How a command's scalars are rounded, and below what its state is flushed before it would decay into denormals. */
function precision(dtype: Call['dtype']): {
  round: (x: number) => number
  tiny: number
  tinyRoot: number
  most: number
} {
  return dtype === 0
    ? { round: Math.fround, tiny: Math.fround(1e-30), tinyRoot: Math.fround(1e-15), most: Math.fround(1e30) }
    : { round: same, tiny: 1e-290, tinyRoot: 1e-145, most: 1e300 }
}

export const optimizers: Kernels = {
  sgd: ({ a: [w, g, rate], o: [wo, go, ro], n: [n], d: [decay], dtype }) => {
    const { round } = precision(dtype)
    const lr = round(rate[ro]),
      shrink = round(rate[ro] * decay)
    for (let i = 0; i < n; i++) {
      w[wo + i] = decayed(w[wo + i], shrink) - lr * g[go + i]
    }
  },
  momentum: ({ a: [w, g, v, rate], o: [wo, go, vo, ro], n: [n, nesterov], d, dtype }) => {
    const { round, tiny } = precision(dtype)
    const mu = round(d[0]),
      lr = round(rate[ro]),
      shrink = round(rate[ro] * d[1])
    for (let i = 0; i < n; i++) {
      const step = lr * flushed(g[go + i], tiny)
      const velocity = flushed(mu * v[vo + i] - step, tiny)
      v[vo + i] = velocity
      w[wo + i] = decayed(w[wo + i], shrink) + (nesterov === 1 ? mu * velocity - step : velocity)
    }
  },
  rmsprop: ({ a: [w, g, v, rate], o: [wo, go, vo, ro], n: [n], d, dtype }) => {
    const { round, tiny, tinyRoot, most } = precision(dtype)
    const share = round(1 - d[0]),
      eps = round(d[1]),
      lr = round(rate[ro]),
      shrink = round(rate[ro] * d[2])
    for (let i = 0; i < n; i++) {
      const gradient = g[go + i],
        root = flushed(gradient, tinyRoot),
        old = share === 1 ? 0 : v[vo + i] // or root² would be lost in old + (root² − old)
      v[vo + i] = flushedSquare(old + share * (root * root - old), tiny)
      w[wo + i] = decayed(w[wo + i], shrink) - (lr * gradient) / Math.min(most, Math.sqrt(v[vo + i] + eps))
    }
  },
  adam: ({ a: [w, g, m, v, rate, steps], o: [wo, go, mo, vo, ro, to], n: [n], d, dtype }) => {
    const { round, tiny, tinyRoot, most } = precision(dtype)
    const lr = rate[ro],
      t = steps[to]
    const share1 = round(1 - d[0]),
      share2 = round(1 - d[1]),
      eps = round(d[2]),
      shrink = round(lr * d[3])
    const step = round((lr * Math.sqrt(1 - power(d[1], t))) / (1 - power(d[0], t)))
    for (let i = 0; i < n; i++) {
      const gradient = flushed(g[go + i], tinyRoot),
        m0 = share1 === 1 ? 0 : m[mo + i],
        v0 = share2 === 1 ? 0 : v[vo + i]
      const m1 = flushed(m0 + share1 * (gradient - m0), tiny)
      m[mo + i] = m1
      v[vo + i] = flushedSquare(v0 + share2 * (gradient * gradient - v0), tiny)
      w[wo + i] = decayed(w[wo + i], shrink) - (step * m1) / (Math.min(most, Math.sqrt(v[vo + i])) + eps)
    }
  },
}
