import type { TypedArray } from '../../dtype.js'
import { copyRow } from './indexing.js'
import type { Kernels } from './kernel.js'

/** What storing `x` in `y` means: whole-number types truncate, saturate, and make 0 of NaN; floats round. */
function converted(y: TypedArray, x: number): number {
  if (y instanceof Int32Array) return Number.isNaN(x) ? 0 : Math.trunc(Math.min(Math.max(x, -(2 ** 31)), 2 ** 31 - 1))
  if (y instanceof Uint8Array) return Number.isNaN(x) ? 0 : Math.trunc(Math.min(Math.max(x, 0), 255))
  return x
}

export const memory: Kernels = {
  fill: ({ a: [y], o: [at], n: [n], d: [value] }) => {
    y.fill(converted(y, value), at, at + n)
  },
  copy: ({ a: [y, x], o: [to, from], n: [n] }) => {
    // The engine's own copy converts too, but wraps where we saturate.
    const wraps = (y instanceof Int32Array && !(x instanceof Uint8Array)) || y instanceof Uint8Array
    if (!wraps || y.constructor === x.constructor) y.set(x.subarray(from, from + n), to)
    else for (let i = 0; i < n; i++) y[to + i] = converted(y, x[from + i])
  },
  copyColumns: ({ a: [y, x], o: [yo, xo], n: [m, n, p, q, at, from] }) => {
    for (let i = 0; i < m; i++) copyRow(y, yo + i * p + at, x, xo + i * q + from, n)
  },
  advance: ({ a: [x], o: [at], n: [by] }) => {
    x[at] += by // an Int32Array wraps
  },
  put: ({ a: [dst, src, at], o: [to, from, ao], n: [cap], fail }) => {
    const place = at[ao]
    if (place < 0 || place >= cap) fail(0, place)
    dst[to + place] = converted(dst, src[from])
  },
}
