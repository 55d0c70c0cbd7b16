import { describe, expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { native } from './backends.js'

// Arrays beyond the caches take ways of their own (kernels/transpose.h, kFar).
describe.runIf(native)('arrays of more than 32 MB', () => {
  it.each([
    ['float32', 3001, 2903],
    ['float32', 64, 140_001],
    ['float64', 2049, 2050],
    ['float64', 140_003, 31],
  ] as const)('transpose of %s %i × %i', (dtype, m, n) => {
    const x = lw.zeros([m, n], { dtype })
    const from = x.data as Float32Array | Float64Array
    for (let i = 0; i < from.length; i++) from[i] = (i * 7919) % 16_777_213
    const y = lw.transpose(x)
    expect(y.shape).toEqual([n, m])
    const to = y.data as Float32Array | Float64Array
    let wrong = 0
    for (let j = 0; j < n; j++) for (let i = 0; i < m; i++) if (to[j * m + i] !== from[i * n + j]) wrong++
    expect(wrong).toBe(0)
  })
})
