import type { TypedArray } from '../../dtype.js'
import { MAX_RANK as RANK } from '../../shape.js'
import type { Call, Kernel, Kernels } from './kernel.js'

/** y[yo + i] = f(a[p + i * as], b[q + i * bs]); one loop an op, so that V8 sees plain arithmetic and no call. */
type Row = (
  y: TypedArray,
  yo: number,
  a: TypedArray,
  p: number,
  as: number,
  b: TypedArray,
  q: number,
  bs: number,
  n: number,
) => void

const add: Row = (y, yo, a, p, as, b, q, bs, n) => {
  for (let i = 0; i < n; i++, p += as, q += bs) y[yo + i] = a[p] + b[q]
}
const subtract: Row = (y, yo, a, p, as, b, q, bs, n) => {
  for (let i = 0; i < n; i++, p += as, q += bs) y[yo + i] = a[p] - b[q]
}
const multiply: Row = (y, yo, a, p, as, b, q, bs, n) => {
  for (let i = 0; i < n; i++, p += as, q += bs) y[yo + i] = a[p] * b[q]
}
const divide: Row = (y, yo, a, p, as, b, q, bs, n) => {
  for (let i = 0; i < n; i++, p += as, q += bs) y[yo + i] = a[p] / b[q]
}
const maximum: Row = (y, yo, a, p, as, b, q, bs, n) => {
  for (let i = 0; i < n; i++, p += as, q += bs) y[yo + i] = Math.max(a[p], b[q])
}
const minimum: Row = (y, yo, a, p, as, b, q, bs, n) => {
  for (let i = 0; i < n; i++, p += as, q += bs) y[yo + i] = Math.min(a[p], b[q])
}
const greater: Row = (y, yo, a, p, as, b, q, bs, n) => {
  for (let i = 0; i < n; i++, p += as, q += bs) y[yo + i] = a[p] > b[q] ? 1 : 0
}

/** Walks the six dimensions of a broadcast; the innermost ones that both operands run along are one row. */
function broadcast(call: Call, row: Row): void {
  const [y, a, b] = call.a
  const [yo, ao, bo] = call.o
  const d = call.n
  const ma = d[RANK],
    mb = d[RANK + 1]
  let total = 1
  for (let i = 0; i < RANK; i++) total *= d[i]
  if (total === 0) return
  if (ma === 0 && mb === 0) {
    row(y, yo, a, ao, 1, b, bo, 1, total)
    return
  }
  const as = [0, 0, 0, 0, 0, 0],
    bs = [0, 0, 0, 0, 0, 0]
  for (let i = RANK - 1, sa = 1, sb = 1; i >= 0; i--) {
    if (!((ma >> i) & 1)) {
      as[i] = sa
      sa *= d[i]
    }
    if (!((mb >> i) & 1)) {
      bs[i] = sb
      sb *= d[i]
    }
  }
  const n = d[RANK - 1],
    at = [0, 0, 0, 0, 0]
  for (let to = 0, p = ao, q = bo; ; ) {
    row(y, yo + to, a, p, as[RANK - 1], b, q, bs[RANK - 1], n)
    to += n
    if (to >= total) return
    for (let i = RANK - 2; i >= 0; i--) {
      p += as[i]
      q += bs[i]
      if (++at[i] < d[i]) break
      at[i] = 0
      p -= as[i] * d[i]
      q -= bs[i] * d[i]
    }
  }
}

const broadcasting =
  (row: Row): Kernel =>
  (call) =>
    broadcast(call, row)

export const binary: Kernels = {
  add: broadcasting(add),
  subtract: broadcasting(subtract),
  multiply: broadcasting(multiply),
  divide: broadcasting(divide),
  maximum: broadcasting(maximum),
  minimum: broadcasting(minimum),
  greater: broadcasting(greater),
  where: ({ a: [y, c, a, b], o: [to, from, p, q], n: [n] }: Call) => {
    for (let i = 0; i < n; i++) y[to + i] = c[from + i] === 0 ? b[q + i] : a[p + i]
  },
  maximumGrad: ({ a: [dx, dy, a, b], o: [to, from, p, q], n: [n] }: Call) => {
    for (let i = 0; i < n; i++) {
      const l = a[p + i],
        r = b[q + i],
        g = dy[from + i]
      dx[to + i] = l > r ? g : l === r ? g / 2 : 0
    }
  },
}
