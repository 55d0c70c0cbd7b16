import { describe, expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { addonOf, isasHere, within } from './isas.js'

// Arrays beyond the caches take ways of their own (kernels/transpose.h, kFar): one where rows of the result begin where registers do,
// one for all others; whole bands and lines, and what is left of them.
describe.skipIf(isasHere().length === 0)('arrays of more than 32 MB', () => {
  it.each([
    ['float32', 3001, 2903],
    ['float32', 2992, 2903],
    ['float32', 64, 140_001],
    ['float32', 61, 140_001],
    ['float32', 900_000, 10],
    ['float32', 900_001, 10],
    ['float64', 2049, 2050],
    ['float64', 2056, 2050],
    ['float64', 140_003, 31],
  ] as const)('transpose of %s %i × %i', (dtype, m, n) => {
    const x = lw.zeros([m, n], { dtype })
    const from = x.data as Float32Array | Float64Array
    for (let i = 0; i < from.length; i++) from[i] = (i * 7919) % 16_777_213
    const y = lw.zeros([n, m], { dtype })
    const to = y.data as Float32Array | Float64Array
    for (const isa of isasHere().filter((isa) => isa !== 'scalar')) {
      for (const threads of [1, 3]) {
        to.fill(-1)
        within(addonOf(isa, threads), () => lw.transpose(x, y))
        let wrong = 0
        for (let j = 0; j < n; j++) for (let i = 0; i < m; i++) if (to[j * m + i] !== from[i * n + j]) wrong++
        expect(wrong, `${isa}, ${threads} threads`).toBe(0)
      }
    }
  })
})
