import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Backend } from '../src/backend/backend.js'
import { JsBackend } from '../src/backend/js/index.js'
import type { DType, TypedArray } from '../src/dtype.js'
import { DTYPES, dtypeOf } from '../src/dtype.js'
import '../src/index.js'
import { type Op, opTable } from '../src/ops/op.js'
import { Storage } from '../src/storage.js'
import { addonOf, isasHere } from './isas.js'
import { type Case, casesOf, SPECS } from './parity-cases.js'

// Every command on every instruction set, with 1, 2, 3 and 8 threads: identical bits (of NaN only that it is one). And
// against JavaScript in the same dtype and in float64, within the tolerances of parity-cases.

const GUARD = 77
const PAD = 3 // operands stand at an odd offset, between guards

const ISAS = isasHere()
const CONFIGURATIONS = ISAS.flatMap((isa) => [1, 2, 3, 8].map((threads): [string, number] => [isa, threads]))

interface Bench {
  arrays: TypedArray[]
  initial: TypedArray[]
  /** Restores what was, executes, and gives what the command may write: in place, until the next run. */
  run(backend: Backend): TypedArray[]
}

/** A case laid out in shared memory. */
function lay(op: Op, c: Case, data: readonly TypedArray[], dtype: 0 | 1): Bench {
  const arrays = data.map((d) => {
    const Type = d.constructor as Float64ArrayConstructor
    const bytes = (d.length + 2 * PAD) * d.BYTES_PER_ELEMENT
    return new Type(new SharedArrayBuffer(bytes) as unknown as ArrayBuffer).fill(GUARD) as TypedArray
  })
  if (c.inPlace !== undefined) arrays[0] = arrays[c.inPlace]
  arrays.forEach((a, i) => {
    if (i > 0 || c.inPlace === undefined) a.set(data[i], PAD)
  })
  const initial = arrays.map((a) => a.slice())
  const storages = arrays.map((array) => new Storage(array, dtypeOf(array) as DType, -1))
  const operands = storages.map((storage) => ({ storage, offset: PAD }))
  if (c.inPlace !== undefined) operands[0] = operands[c.inPlace]
  const written = arrays.filter((_, i) => op.operands[i].role === 'w' || op.operands[i].role === 'u')
  const run = (backend: Backend): TypedArray[] => {
    arrays.forEach((a, i) => {
      a.set(initial[i])
    })
    backend.execute(op, dtype, operands, c.ints, c.doubles)
    return written
  }
  return { arrays, initial, run }
}

const bytesOf = (a: TypedArray) => Buffer.from(a.buffer, a.byteOffset, a.byteLength)

function sameBits(label: string, got: readonly TypedArray[], expected: readonly TypedArray[]): void {
  for (const [which, a] of got.entries()) {
    const b = expected[which]
    if (bytesOf(a).equals(bytesOf(b))) continue
    const at = a.findIndex((v: number, i: number) => !Object.is(v, b[i]))
    if (at >= 0) throw new Error(`${label}: written operand ${which}, element ${at - PAD}: ${a[at]}, expected ${b[at]}`)
  }
}

function close(label: string, got: readonly TypedArray[], expected: readonly TypedArray[], tolerance: number): void {
  for (const [which, a] of got.entries()) {
    const b = expected[which]
    for (let i = 0; i < a.length; i++) {
      const x = a[i]
      const y = b[i]
      if (x === y || (Number.isNaN(x) && Number.isNaN(y)) || Math.abs(x - y) <= tolerance * Math.max(1, Math.abs(y)))
        continue
      throw new Error(`${label}: written operand ${which}, element ${i - PAD}: ${x}, expected ${y}`)
    }
  }
}

/** Nothing outside the operands may change, and nothing that is only read. */
function checkBounds(op: Op, { arrays, initial }: Bench, c: Case): void {
  for (const [i, a] of arrays.entries()) {
    const reads = op.operands[i].role === 'r' || (op.operands[i].role === 'i' && i !== c.inPlace)
    if (reads && !bytesOf(a).equals(bytesOf(initial[i]))) throw new Error(`${c.label}: operand ${i} was changed`)
    for (let k = 0; k < PAD; k++) {
      if (a[k] !== GUARD || a[a.length - 1 - k] !== GUARD) throw new Error(`${c.label}: wrote outside operand ${i}`)
    }
  }
}

const js = new JsBackend('parity')

describe.skipIf(ISAS.length === 0).each(opTable().map((op): [string, Op] => [op.name, op]))('%s', (name, op) => {
  it('has the same bits everywhere and agrees with JavaScript', () => {
    expect(SPECS[name], `${name} in SPECS of test/parity-cases.ts`).toBeDefined()
    const { exact, tolerance = [4e-6, 1e-13] } = SPECS[name]
    const cases = [...casesOf(op)]
    const benches = cases.map((c) => lay(op, c, c.data(), c.dtype))
    const [isa, threads] = CONFIGURATIONS[0]
    const first = addonOf(isa, threads)
    const reference = benches.map((bench, i) => {
      const out = bench.run(first).map((a) => a.slice())
      checkBounds(op, bench, cases[i])
      return out
    })
    for (const [isa, threads] of CONFIGURATIONS.slice(1)) {
      const backend = addonOf(isa, threads)
      for (const [i, bench] of benches.entries()) {
        const label = `${cases[i].label}, ${isa} with ${threads} threads`
        sameBits(label, bench.run(backend), reference[i])
        if (threads === 1) checkBounds(op, bench, cases[i])
      }
    }
    for (const [i, c] of cases.entries()) {
      if (c.special && !exact) continue
      const { initial, run } = benches[i]
      const label = `${c.label}, native against JavaScript`
      if (exact === 'bits') sameBits(label, reference[i], run(js))
      else close(label, reference[i], run(js), exact ? 0 : tolerance[c.dtype])
      if (c.dtype === 1 || c.special) continue
      const inner = initial.map((a) => a.subarray(PAD, a.length - PAD))
      const wide = inner.map((a, k) => (op.operands[k].type === 'T' ? new Float64Array(a) : a))
      close(`${c.label}, float32 against float64`, reference[i], lay(op, c, wide, 1).run(js), tolerance[0])
    }
  })
})

describe('completeness', () => {
  it('has cases for every command, of both dtypes where it knows both', () => {
    expect(Object.keys(SPECS).sort(), 'each command in SPECS of test/parity-cases.ts').toEqual(
      opTable()
        .map((op) => op.name)
        .sort(),
    )
    for (const op of opTable()) {
      const dtypes = new Set<number>()
      for (const c of casesOf(op)) dtypes.add(c.dtype)
      expect(dtypes.size, op.name).toBe(op.operands.some((o) => o.type === 'T') ? 2 : 1)
    }
    expect(DTYPES.length).toBe(4)
  })

  it('every command is in docs/commands.md, in one line with its signature', () => {
    const lines = readFileSync('docs/commands.md', 'utf8').replaceAll('\\|', '|').split('\n')
    const isIn = (op: Op) => lines.some((l) => l.includes(`\`${op.text}\``) && l.match(/\w+/g)?.includes(op.name))
    const missing = opTable().filter((op) => !isIn(op))
    expect(missing.map((op) => `${op.name} \`${op.text}\``)).toEqual([])
  })

  it.skipIf(process.platform !== 'linux' || ISAS.length === 0)('really used threads', () => {
    const before = readdirSync('/proc/self/task').length
    const op = opTable().find((o) => o.name === 'exp') as Op
    const big = [...casesOf(op)].find((c) => c.ints[0] > 100_000) as Case
    lay(op, big, big.data(), 0).run(addonOf(ISAS[0], 12))
    expect(readdirSync('/proc/self/task').length).toBe(before + 4) // 7 helpers from the tests above, 11 now
  })
})
