import type { TypedArray } from '../../dtype.js'
import { gatherRows } from './indexing.js'
import type { Kernels } from './kernel.js'
import { product } from './product.js'

/** m rows of n from panels at `at`, wherever these are cut (native/kernels/panels.h). */
function fromPanels(x: TypedArray, at: number, m: number, n: number, panels: number): TypedArray {
  const rows = x instanceof Float32Array ? new Float32Array(m * n) : new Float64Array(m * n)
  const notes = at + 3 * panels * m * n - 2 * (panels - 1)
  for (let h = 0, start = 0; h < panels && m > 0 && n > 0; h++) {
    const noted = h + 1 < panels ? x[notes + 2 * h] : n
    const place = h + 1 < panels && x[notes + 2 * h + 1] === 1 ? 1 : 0
    const end = noted >= start && noted <= n ? Math.trunc(noted) : start
    for (let i = 0; i < m; i++) {
      const from = at + (3 * h + place) * m * n + i * (end - start)
      rows.set(x.subarray(from, from + end - start), i * n + start)
    }
    start = end
  }
  return rows
}

/** Tiles keep both the rows read and the rows written in the cache. */
const TILE = 16

export const matmul: Kernels = {
  matmul: (call) => product(call, call.n[0], call.n[1], call.n[2], call.n[3] === 1, call.n[4] === 1, false),
  affine: (call) => product(call, call.n[0], call.n[1], call.n[2], false, false, true),
  gatherAffine: (call) => {
    const [m, n, , , k, panels] = call.n
    if (m === 0 || k === 0) return
    const [y, src, idx, cursor, x, w, b] = call.a
    const [yo, so, io, co, xo, wo, bo] = call.o
    gatherRows({ ...call, a: [x, src, idx, cursor], o: [xo, so, io, co] })
    // All in the first panel, in its first place: what the others begin and end with is the number of columns.
    for (let h = 1; n > 0 && h < panels; h++) x.set([n, 0], xo + 3 * panels * m * n - 2 * h)
    product({ ...call, a: [y, x, w, b], o: [yo, xo, wo, bo] }, m, k, n, false, false, true)
  },
  gatherAffineGrad: (call) => {
    const [m, n, k, panels] = call.n
    const x = fromPanels(call.a[1], call.o[1], m, n, panels)
    const [dw, , dy] = call.a
    product({ ...call, a: [dw, x, dy], o: [call.o[0], 0, call.o[2]] }, n, k, m, true, false, false)
  },
  transpose: (call) => {
    const [y, x] = call.a
    const [yo, xo] = call.o
    const m = call.n[0],
      n = call.n[1]
    if (m === 0 || n === 0) return
    for (let i0 = 0; i0 < m; i0 += TILE) {
      const i1 = Math.min(m, i0 + TILE)
      for (let j0 = 0; j0 < n; j0 += TILE) {
        const j1 = Math.min(n, j0 + TILE)
        for (let j = j0; j < j1; j++) for (let i = i0; i < i1; i++) y[yo + j * m + i] = x[xo + i * n + j]
      }
    }
  },
}
