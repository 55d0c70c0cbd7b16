import { describe, expect, it } from 'vitest'
import type { FloatDType, Tensor } from '../src/index.js'
import * as lw from '../src/index.js'
import { native } from './backends.js'
import points from './fixtures/math.json'

// The error of the elementary functions, in units in the last place. float32: over every 1009th of all bit patterns (a
// prime: all exponents, all kinds of mantissas) against float64. float64: over points of test/fixtures/make-math.py.
// JavaScript's own functions are V8's, not ours, so this is about the addon.

const BATCH = 1 << 20
const STRIDE = 1009

/** The distance of float32 neighbours at a real number y, denormals included. */
const ulp32 = (y: number) => 2 ** (Math.max(Math.floor(Math.log2(Math.abs(y))), -126) - 23)
const ulp64 = (y: number) => 2 ** (Math.max(Math.floor(Math.log2(Math.abs(y))), -1022) - 52)

/** Finite float32 numbers, in batches. */
function* floats(): Generator<Float32Array> {
  const total = Math.floor(2 ** 32 / STRIDE)
  for (let from = 0; from < total; from += BATCH) {
    const bits = new Uint32Array(Math.min(BATCH, total - from))
    for (let i = 0; i < bits.length; i++) bits[i] = (from + i) * STRIDE
    yield new Float32Array(bits.buffer).filter(Number.isFinite)
  }
}

interface Worst {
  error: number
  at: number
}
/** The largest error of `op` where the true value is a normal float32; below that, see `small`. */
function worst32(
  op: (x: Tensor) => Tensor,
  exact: (x: number) => number,
  small: (y: number, r: number) => boolean,
): Worst {
  const worst = { error: 0, at: 0 }
  for (const batch of floats()) {
    const got = op(lw.tensor(batch)).data
    for (let i = 0; i < batch.length; i++) {
      const r = exact(batch[i])
      const y = got[i]
      if (r === y || (Number.isNaN(r) && Number.isNaN(y))) continue
      if (Math.abs(r) < 2 ** -126) {
        if (!small(y, r)) throw new Error(`f(${batch[i]}) = ${y}, expected ${r}`)
        continue
      }
      if (Math.abs(r) > 3.4028235677973366e38) {
        if (Math.abs(y) !== Infinity) throw new Error(`f(${batch[i]}) = ${y}, expected to overflow`)
        continue
      }
      const error = Math.abs(y - r) / ulp32(r)
      if (Number.isNaN(error)) throw new Error(`f(${batch[i]}) = ${y}, expected ${r}`)
      if (error > worst.error) Object.assign(worst, { error, at: batch[i] })
    }
  }
  return worst
}

type Function1 = 'exp' | 'log' | 'tanh' | 'sigmoid'
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
/** Bounds for float32 and float64, a little above the greatest errors that were found (docs/arithmetic.md). */
const BOUNDS: Record<Function1, [number, number]> = {
  exp: [1, 1],
  log: [1, 1],
  tanh: [2.6, 2.65],
  sigmoid: [2.5, 2.55],
}
const EXACT: Record<Function1, (x: number) => number> = { exp: Math.exp, log: Math.log, tanh: Math.tanh, sigmoid }

describe.skipIf(!native)('error in ULP', () => {
  it.each(Object.keys(BOUNDS) as Function1[])('%s, float32', (name) => {
    // Below the smallest normal number results are 0 (exp, sigmoid) or right to a denormal (tanh, where it is about x).
    const flushed = (y: number, r: number) => y === 0 || Math.abs(y - r) <= 2 ** -149
    const { error, at } = worst32(lw[name], EXACT[name], flushed)
    if (process.env.LANEWISE_SHOW_ULP) console.log(`${name} float32: ${error.toFixed(4)} ULP at ${at}`)
    expect(error).toBeLessThan(BOUNDS[name][0])
  })

  it.each(Object.keys(BOUNDS) as Function1[])('%s, float64', (name) => {
    const rows = (points[name] as string[][]).map((row) => row.map(hexadecimal))
    const got = lw[name](lw.tensor(Float64Array.from(rows, ([x]) => x))).data
    const worst = { error: 0, at: 0 }
    for (const [i, [x, high, low]] of rows.entries()) {
      if (Math.abs(high) < 2 ** -1022) {
        expect(got[i]).toBe(0)
        continue
      }
      const error = Math.abs(got[i] - high - low) / ulp64(high)
      expect(error, `f(${x}) = ${got[i]}`).not.toBeNaN()
      if (error > worst.error) Object.assign(worst, { error, at: x })
    }
    if (process.env.LANEWISE_SHOW_ULP) console.log(`${name} float64: ${worst.error.toFixed(4)} ULP at ${worst.at}`)
    expect(rows.length).toBeGreaterThan(250)
    expect(worst.error).toBeLessThan(BOUNDS[name][1])
  })

  it('square root and division are IEEE, float32', () => {
    for (const batch of floats()) {
      const x = lw.tensor(batch)
      const roots = lw.sqrt(x).data
      const turned = Float32Array.from(batch, (_, i) => batch[(i * 7919 + 13) % batch.length])
      const quotients = lw.divide(x, lw.tensor(turned)).data
      for (let i = 0; i < batch.length; i++) {
        if (!Object.is(roots[i], Math.fround(Math.sqrt(batch[i])))) throw new Error(`sqrt ${batch[i]}: ${roots[i]}`)
        if (!Object.is(quotients[i], Math.fround(batch[i] / turned[i])))
          throw new Error(`${batch[i]} / ${turned[i]}: ${quotients[i]}`)
      }
    }
  })

  it('square root and division are IEEE, float64', () => {
    let state = 1
    const word = () => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      return state ^ (state >>> 13)
    }
    const bits = Uint32Array.from({ length: 1 << 21 }, word)
    const x = new Float64Array(bits.buffer)
    const y = x.slice().reverse()
    const roots = lw.sqrt(lw.tensor(x)).data
    const quotients = lw.divide(lw.tensor(x), lw.tensor(y)).data
    for (let i = 0; i < x.length; i++) {
      if (!Object.is(roots[i], Math.sqrt(x[i]))) throw new Error(`sqrt ${x[i]}: ${roots[i]}`)
      if (!Object.is(quotients[i], x[i] / y[i])) throw new Error(`${x[i]} / ${y[i]}: ${quotients[i]}`)
    }
  })

  const LIMITS: Record<Function1, [number, number][]> = {
    exp: [
      [0, 1],
      [-0, 1],
      [Infinity, Infinity],
      [-Infinity, 0],
      [1000, Infinity],
      [-1000, 0],
      [NaN, NaN],
    ],
    log: [
      [1, 0],
      [0, -Infinity],
      [-0, -Infinity],
      [Infinity, Infinity],
      [-1, NaN],
      [-Infinity, NaN],
      [NaN, NaN],
    ],
    tanh: [
      [0, 0],
      [-0, -0],
      [Infinity, 1],
      [-Infinity, -1],
      [100, 1],
      [-100, -1],
      [NaN, NaN],
    ],
    sigmoid: [
      [0, 0.5],
      [-0, 0.5],
      [Infinity, 1],
      [-Infinity, 0],
      [1000, 1],
      [-1000, 0],
      [NaN, NaN],
    ],
  }
  it.each(['float32', 'float64'] as FloatDType[])('limits, %s', (dtype) => {
    for (const [name, cases] of Object.entries(LIMITS) as [Function1, [number, number][]][])
      expect(
        Array.from(
          lw[name](
            lw.tensor(
              cases.map(([x]) => x),
              { dtype },
            ),
          ).data,
        ),
        name,
      ).toEqual(cases.map(([, y]) => y))
  })
})

/** Python's float.hex(). */
function hexadecimal(text: string): number {
  const [, sign, lead, fraction, exponent] = /^(-?)0x([01])\.?([0-9a-f]*)p([+-]\d+)$/.exec(text) as RegExpExecArray
  const mantissa = Number.parseInt(lead + fraction.padEnd(13, '0'), 16) * (sign ? -1 : 1)
  // In two steps: 2 ** -1126 alone would be 0.
  return mantissa * 2 ** -52 * 2 ** Math.max(Number(exponent), -1022) * 2 ** Math.min(0, Number(exponent) + 1022)
}
