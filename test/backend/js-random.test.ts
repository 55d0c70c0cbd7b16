import { describe, expect, it } from 'vitest'
import { philox, random } from '../../src/backend/js/random.js'
import { close, empty, range, run, SIZES, TYPES, total } from './js-harness.js'

describe('random', () => {
  const hex = (words: Int32Array): string[] => Array.from(words, (w) => (w >>> 0).toString(16).padStart(8, '0'))
  it('is Philox4x32-10, by its known answers', () => {
    const out = new Int32Array(4)
    philox(out, 0, 0, 0, 0, 0, 0)
    expect(hex(out)).toEqual(['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8'])
    philox(out, -1, -1, -1, -1, -1, -1)
    expect(hex(out)).toEqual(['408f276d', '41c83b0e', 'a20bc7c6', '6d5451fd'])
    philox(out, 0x243f6a88, 0x85a308d3 | 0, 0x13198a2e, 0x03707344, 0xa4093822 | 0, 0x299f31d0)
    expect(hex(out)).toEqual(['d16cfe09', '94fdcceb', '5001e420', '24126ea1'])
  })
  it.each(SIZES)('permutes %i', (n) => {
    const { out } = run(random, 'permutation', 0, [new Int32Array(n), Int32Array.of(1, 2, -1, 0)], [n])
    expect([...out[0]].sort((a, b) => a - b)).toEqual(range(n))
    const blocks = Math.ceil(Math.max(0, n - 1) / 4)
    expect(out[1]).toEqual([1, 2, blocks - 1, blocks > 0 ? 1 : 0])
  })
  it.each(TYPES)('draws %s numbers of the right kind, the same however they are cut', (_name, _type, dtype) => {
    const n = 20001
    const draw = (name: string, count: number, d: number[], rng = [5, 6, 0, 0]): number[][] =>
      run(random, name, dtype, [empty(count), Int32Array.from(rng)], [count], d).out
    const [u, rng] = draw('uniform', n, [-1, 3])
    expect(u.every((x) => x >= -1 && x < 3)).toBe(true)
    close([total(u) / n, total(u.map((x) => (x - 1) ** 2)) / n], [1, 16 / 12], 0.05)
    expect(rng).toEqual([5, 6, 10001, 0])
    const [z] = draw('normal', n, [0, 1])
    close([total(z) / n, total(z.map((x) => x * x)) / n, total(z.map((x) => x ** 4)) / n], [0, 1, 3], 0.05)
    const [first, after] = draw('normal', 100, [0, 1])
    expect([...first, ...draw('normal', 57, [0, 1], after)[0]]).toEqual(z.slice(0, 157))
    if (dtype === 0) expect(draw('uniform', 1000, [2 ** 24, 2 ** 24 + 1])[0].every((x) => x === 2 ** 24)).toBe(true)
  })
  it('has not changed', () => {
    const { out } = run(random, 'normal', 1, [empty(2), Int32Array.of(0, 0, 0, 0)], [2], [0, 1])
    const u1 = ((0x6627e8d5 >>> 5) * 2 ** 26 + (0xe169c58d >>> 6) + 1) / 2 ** 53
    const u2 = ((0xbc57ac4c >>> 5) * 2 ** 26 + (0x9b00dbd8 >>> 6)) / 2 ** 53
    const r = Math.sqrt(-2 * Math.log(u1))
    close(out[0], [r * Math.cos(2 * Math.PI * u2), r * Math.sin(2 * Math.PI * u2)], 1e-14)
  })
})
