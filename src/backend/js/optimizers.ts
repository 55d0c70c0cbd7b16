import type { TypedArray } from '../../dtype.js'
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

/**
 * How a command's scalars are rounded, below what its state is flushed before it would decay into denormals, beyond what an average of squares
 * is kept, and the most that its root counts as, which only the root of infinity is beyond.
 */
function precision(dtype: Call['dtype']): {
  round: (x: number) => number
  tiny: number
  least: number
  most: number
} {
  return dtype === 0
    ? { round: Math.fround, tiny: 2 ** -95, least: Math.fround(1e-36), most: Math.fround(1e30) }
    : { round: same, tiny: 2 ** -959, least: 1e-300, most: 1e300 }
}

/**
 * Weight decay, before anything else. Without it w stays as it is, even where it is infinite. Not within the optimizers' loops: a condition
 * there, though it never changes, makes Adam take 1.6 times as long.
 */
function decay(w: TypedArray, from: number, n: number, shrink: number): void {
  if (shrink !== 0) for (let i = from; i < from + n; i++) w[i] -= shrink * w[i]
}

/** Where nothing is to be kept of an average, what is new would be lost in old + (new − old). */
function forgetAll(share: number, average: TypedArray, from: number, n: number): void {
  if (share === 1) average.fill(0, from, from + n)
}

export const optimizers: Kernels = {
  sgd: ({ a: [w, g, rate], o: [wo, go, ro], n: [n], d, dtype }) => {
    const { round } = precision(dtype)
    const lr = round(rate[ro]),
      shrink = round(rate[ro] * d[0])
    decay(w, wo, n, shrink)
    for (let i = 0; i < n; i++) w[wo + i] -= lr * g[go + i]
  },
  momentum: ({ a: [w, g, v, rate], o: [wo, go, vo, ro], n: [n, nesterov], d, dtype }) => {
    const { round, tiny } = precision(dtype)
    const mu = round(d[0]),
      lr = round(rate[ro]),
      shrink = round(rate[ro] * d[1])
    decay(w, wo, n, shrink)
    for (let i = 0; i < n; i++) {
      const step = lr * flushed(g[go + i], tiny)
      const velocity = flushed(mu * v[vo + i] - step, tiny)
      v[vo + i] = velocity
      w[wo + i] += nesterov === 1 ? mu * velocity - step : velocity
    }
  },
  rmsprop: ({ a: [w, g, v, rate], o: [wo, go, vo, ro], n: [n], d, dtype }) => {
    const { round, least, most } = precision(dtype)
    const share = round(1 - d[0]),
      eps = round(d[1]),
      lr = round(rate[ro]),
      shrink = round(rate[ro] * d[2])
    forgetAll(share, v, vo, n)
    decay(w, wo, n, shrink)
    for (let i = 0; i < n; i++) {
      const gradient = g[go + i],
        old = v[vo + i],
        next = Math.max(old + share * (gradient * gradient - old), least)
      v[vo + i] = next - least
      w[wo + i] -= (lr * gradient) / Math.min(Math.sqrt(next + eps), most)
    }
  },
  adam: ({ a: [w, g, m, v, rate, steps], o: [wo, go, mo, vo, ro, to], n: [n], d, dtype }) => {
    const { round, tiny, least, most } = precision(dtype)
    const lr = rate[ro],
      t = steps[to]
    const share1 = round(1 - d[0]),
      share2 = round(1 - d[1]),
      eps = round(d[2]),
      shrink = round(lr * d[3])
    const step = round((lr * Math.sqrt(1 - power(d[1], t))) / (1 - power(d[0], t)))
    forgetAll(share1, m, mo, n)
    forgetAll(share2, v, vo, n)
    decay(w, wo, n, shrink)
    for (let i = 0; i < n; i++) {
      const gradient = g[go + i],
        m0 = m[mo + i],
        v0 = v[vo + i]
      const m1 = flushed(m0 + share1 * (gradient - m0), tiny),
        next = Math.max(v0 + share2 * (gradient * gradient - v0), least)
      m[mo + i] = m1
      v[vo + i] = next - least
      w[wo + i] -= (step * m1) / (Math.min(Math.sqrt(next), most) + eps)
    }
  },
}
