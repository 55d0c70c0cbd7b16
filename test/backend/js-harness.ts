import { expect } from 'vitest'
import type { Call, Kernels } from '../../src/backend/js/kernel.js'
import type { TypedArray } from '../../src/dtype.js'

// Every kernel against formulas written here, naively, in float64. Operands stand inside larger arrays, between guards.
export const SIZES = [0, 1, 2, 3, 15, 17, 33, 65, 100, 257]
export const MIXES = [
  [1, 1],
  [1, 7],
  [3, 5],
  [5, 1],
  [4, 10],
  [17, 33],
  [33, 3],
  [2, 257],
  [65, 2],
  [0, 4],
  [4, 0],
]
export const TYPES = [
  ['float32', Float32Array, 0, 2e-5],
  ['float64', Float64Array, 1, 1e-11],
] as const
const GUARD = 77
const OFFSET = 3

/** Numbers that look random, the same each time, in [-2, 2). */
export function numbers(n: number, seed = 1): number[] {
  let s = seed * 7919 + 13
  return Array.from({ length: n }, () => {
    s = (Math.imul(s, 1103515245) + 12345) >>> 0
    return (s >>> 8) / 2 ** 22 - 2
  })
}
export const positive = (n: number, seed = 1): number[] => numbers(n, seed).map((v) => Math.abs(v) / 2.1 + 0.01)
export const labels = (n: number, below: number): Int32Array =>
  Int32Array.from({ length: n }, (_, i) => (i * 7 + 3) % below)
export const empty = (n: number): number[] => new Array(n).fill(GUARD)

export type Data = readonly number[] | TypedArray

/** Runs a kernel; plain arrays become operands of the command's dtype. Returns what each operand holds afterwards. */
export function run(
  family: Kernels,
  name: string,
  dtype: 0 | 1,
  data: readonly Data[],
  n: number[],
  d: number[] = [],
  inPlace = -1,
): { out: number[][]; failed?: [number, number] } {
  let failed: [number, number] | undefined
  const a = data.map((values) => {
    const Type = (Array.isArray(values) ? TYPES[dtype][1] : values.constructor) as Float32ArrayConstructor
    const array = new Type(values.length + 2 * OFFSET).fill(GUARD)
    array.set(values, OFFSET)
    return array as TypedArray
  })
  if (inPlace > 0) a[0] = a[inPlace]
  const fail: Call['fail'] = (position, value) => {
    failed = [position, value]
    throw failed
  }
  try {
    family[name]({ a, o: a.map(() => OFFSET), n, d, dtype, fail })
  } catch (error) {
    if (error !== failed) throw error
  }
  const out = a.map((array) => {
    for (let i = 0; i < OFFSET; i++) expect([array[i], array[array.length - 1 - i]]).toEqual([GUARD, GUARD])
    return Array.from(array.subarray(OFFSET, array.length - OFFSET))
  })
  return { out, failed }
}

export function close(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length)
  for (let i = 0; i < expected.length; i++) {
    const [x, y] = [actual[i], expected[i]]
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue
    if (!(Math.abs(x - y) <= tolerance * Math.max(1, Math.abs(y))))
      throw new Error(`[${i}]: expected ${y}, received ${x}`)
  }
}

/** The inputs as the command sees them: rounded to its dtype. */
export const as = (dtype: 0 | 1, values: readonly number[]): number[] =>
  dtype === 0 ? values.map(Math.fround) : [...values]
export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
export const total = (values: readonly number[]): number => values.reduce((s, v) => s + v, 0)
