import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  add,
  argmax,
  divide,
  type FloatDType,
  max,
  maximum,
  mean,
  minimum,
  multiply,
  ShapeError,
  subtract,
  sum,
  type Tensor,
  tensor,
} from '../src/index.js'
import { eachBackend } from './backends.js'

// NumPy's own results, made by fixtures/make-broadcast.py.
interface Result {
  shape: number[]
  values: (number | string)[]
}
type Attempt = Result | 'error'
interface Fixture {
  pairs: ({ a: number[]; b: number[] } & Record<Binary, Attempt>)[]
  special: { values: Result } & Record<Binary, Result>
  reductions: ({ shape: number[]; axes: number[] | null; keepDims: boolean } & Record<Reduction, Attempt>)[]
  argmax: { shape: number[]; axis: number; argmax: Attempt }[]
}
const fixture: Fixture = JSON.parse(readFileSync(path.join(__dirname, 'fixtures', 'broadcast.json'), 'utf8'))

const BINARY = { add, subtract, multiply, divide, maximum, minimum }
type Binary = keyof typeof BINARY
const REDUCTIONS = { sum, mean, max }
type Reduction = keyof typeof REDUCTIONS

const typed = (dtype: FloatDType, values: number[]) =>
  dtype === 'float32' ? Float32Array.from(values) : Float64Array.from(values)
const count = (shape: number[]) => shape.reduce((n, d) => n * d, 1)
const made = (shape: number[], dtype: FloatDType, value: (i: number) => number): Tensor =>
  tensor(
    typed(
      dtype,
      Array.from({ length: count(shape) }, (_, i) => value(i)),
    ),
    { shape },
  )
const first = (shape: number[], dtype: FloatDType) => made(shape, dtype, (i) => (((i * 7 + 3) % 11) - 5) / 4)
const second = (shape: number[], dtype: FloatDType) => made(shape, dtype, (i) => (((i * 5 + 1) % 7) + 1) / 4)
const numbers = (result: Result, dtype: FloatDType) => typed(dtype, result.values.map(Number))

/** Compares with NumPy's result: the same bits (or within tolerance), or the same refusal. Returns why not, as text. */
function differs(compute: () => Tensor, wanted: Attempt, dtype: FloatDType, tolerance = 0): string | undefined {
  let y: Tensor
  try {
    y = compute()
  } catch (error) {
    return wanted === 'error' && error instanceof ShapeError ? undefined : `threw ${error}`
  }
  if (wanted === 'error') return `no error, ${y.describe()}`
  if (String(y.shape) !== String(wanted.shape)) return `shape [${y.shape}], NumPy [${wanted.shape}]`
  const got = y.toTypedArray()
  const values = numbers(wanted, dtype)
  const bad = values.findIndex((v, i) => !Object.is(got[i], v) && !(Math.abs(got[i] - v) <= tolerance))
  return bad < 0 && got.length === values.length ? undefined : `element ${bad}: ${got[bad]}, NumPy ${values[bad]}`
}

eachBackend(() => {
  describe.each(['float32', 'float64'] as const)('%s', (dtype) => {
    const cases = fixture.pairs.map((pair) => ({ ...pair, title: `[${pair.a}] and [${pair.b}]` }))

    it.each(cases)('broadcasts $title as NumPy does', (pair) => {
      for (const [name, op] of Object.entries(BINARY) as [Binary, typeof add][]) {
        const result = differs(() => op(first(pair.a, dtype), second(pair.b, dtype)), pair[name], dtype)
        expect(result, `${name} ${pair.title}`).toBe(undefined)
      }
    })

    it('treats infinities and NaN as NumPy does', () => {
      const values = numbers(fixture.special.values, dtype)
      for (const [name, op] of Object.entries(BINARY) as [Binary, typeof add][]) {
        const compute = () => op(tensor(values, { shape: [values.length, 1] }), tensor(values))
        expect(differs(compute, fixture.special[name], dtype), name).toBe(undefined)
      }
    })

    // Sums of these numbers (at most 1.25) are exact. A mean over axes that are not neighbours is one of rounded means.
    it.each(Object.entries(REDUCTIONS) as [Reduction, typeof sum][])('%s over any axes as NumPy does', (name, op) => {
      const tolerance = name === 'mean' ? 4 * (dtype === 'float32' ? 2 ** -24 : 2 ** -53) : 0
      for (const { shape, axes, keepDims, ...wanted } of fixture.reductions) {
        const result = differs(
          () => op(first(shape, dtype), axes ?? undefined, { keepDims }),
          wanted[name],
          dtype,
          tolerance,
        )
        expect(result, `${name} of [${shape}] over ${axes ? `[${axes}]` : 'all'}, keepDims ${keepDims}`).toBe(undefined)
      }
    })

    it('argmax along any axis as NumPy does', () => {
      for (const { shape, axis, argmax: wanted } of fixture.argmax) {
        const result = differs(() => argmax(first(shape, dtype), axis), wanted, 'float64')
        expect(result, `argmax of [${shape}] along ${axis}`).toBe(undefined)
        if (wanted === 'error') continue
        const kept = shape.map((d, i) => (i === (axis + shape.length) % shape.length ? 1 : d))
        expect(argmax(first(shape, dtype), axis, { keepDims: true }).shape).toEqual(kept)
      }
    })
  })
})
