// Whether results are sound in themselves, and the same on both backends.
import { fakes } from './values.mjs'

const DTYPES = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint8: Uint8Array }
const TOLERANCE = { float32: 2e-3, float64: 1e-9, int32: 0, uint8: 0 }
const DEPTH = 4

function problemOfTensor(t) {
  const { shape, dtype, size, offset, storage } = t
  const show = `a tensor ${String(dtype)} [${shape}]`
  if (!Array.isArray(shape) || shape.length > 6 || ![...shape].every((d) => Number.isInteger(d) && d >= 0))
    return `${show}: a bad shape`
  if (!(dtype in DTYPES) || !(storage?.array instanceof DTYPES[dtype])) return `${show}: a bad dtype`
  if (size !== shape.reduce((n, d) => n * d, 1)) return `${show} of ${size} elements`
  if (!Number.isInteger(offset) || offset < 0 || offset + size > storage.array.length)
    return `${show} outside of its memory`
  if (t.data.length !== size) return `${show} with ${t.data.length} values`
  if (!(t.divisor > 0)) return `${show} with divisor ${t.divisor}`
  if (t.grad && (t.grad.dtype !== dtype || String(t.grad.shape) !== String(shape)))
    return `${show} with a gradient ${t.grad.describe()}`
  return undefined
}

/** What is wrong with a result, in words; undefined if nothing is. */
export function problemOf(value, lw, depth = 0) {
  if (typeof value !== 'object' || value === null || depth > DEPTH) return undefined
  if (Array.isArray(value) && value.length > 1000) return undefined
  try {
    if (fakes.has(value)) return undefined
    if (value instanceof lw.Tensor) return problemOfTensor(value)
    if (![Object.prototype, Array.prototype].includes(Object.getPrototypeOf(value))) return undefined
    for (const inner of Object.values(value)) {
      const problem = problemOf(inner, lw, depth + 1)
      if (problem) return problem
    }
  } catch {
    return undefined // the caller's own object, given back
  }
  return undefined
}

function differenceOfTensors(a, b) {
  if (a.dtype !== b.dtype || String(a.shape) !== String(b.shape) || a.divisor !== b.divisor)
    return `${a.describe()} and ${b.describe()}`
  const tolerance = TOLERANCE[a.dtype]
  const [p, q] = [a.data, b.data]
  for (let i = 0; i < p.length; i++) {
    if (Object.is(p[i], q[i]) || p[i] === q[i] || Math.abs(p[i] - q[i]) <= tolerance * Math.max(1, Math.abs(q[i])))
      continue
    return `${p[i]} and ${q[i]} at ${i} of ${a.describe()}`
  }
  return undefined
}

function differenceOfValues(a, b, lw, depth = 0) {
  if (fakes.has(a) && fakes.has(b)) return undefined
  if (a instanceof lw.Tensor && b instanceof lw.Tensor) {
    const differs = differenceOfTensors(a, b)
    return differs ?? (a.grad && b.grad ? differenceOfTensors(a.grad, b.grad) : undefined)
  }
  if (typeof a !== typeof b) return `${typeof a} and ${typeof b}`
  if (typeof a === 'number')
    return Object.is(a, b) || Math.abs(a - b) <= 2e-3 * Math.max(1, Math.abs(b)) ? undefined : `${a} and ${b}`
  if (typeof a !== 'object' || a === null || b === null || depth > DEPTH) return undefined
  if (![Object.prototype, Array.prototype].includes(Object.getPrototypeOf(a))) return undefined
  for (const key of Object.keys(a)) {
    if (key === 'seconds') continue
    const differs = differenceOfValues(a[key], b[key], lw, depth + 1)
    if (differs) return differs
  }
  return undefined
}

/** Where two runs of one program, on the addon and in JavaScript, differ by more than rounding. */
export function differenceOfRuns(native, js, program, lw) {
  for (const [i, a] of native.entries()) {
    const b = js[i]
    const { call } = program[i]
    const names = [a, b].map(({ error }) => (error ? (error.name ?? 'an error') : 'a result'))
    if (names[0] !== names[1]) return `${call}: ${names[0]} natively, ${names[1]} in JavaScript`
    if (a.error || call === 'backendInfo') continue
    try {
      const differs =
        differenceOfValues(a.result, b.result, lw) ??
        a.args.map((t, k) => t instanceof lw.Tensor && differenceOfValues(t, b.args[k], lw)).find(Boolean)
      if (differs) return `${call}: natively and in JavaScript ${differs}`
    } catch (error) {
      if (!(error instanceof TypeError) && error?.message !== 'mine') throw error
    }
  }
  return undefined
}

const WILD = /"wild":true|"typed",[^\]]*true|e300|e-320|e\+|e-|NaN|Infinity|2147483|9007199|"n"/
/** Whether two backends must agree on it: no odd values, whose rounding may decide a comparison or a cast. */
export const isTame = (program) => !WILD.test(JSON.stringify(program))
