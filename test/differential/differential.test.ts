import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TypedArray } from '../../src/dtype.js'
import '../../src/index.js'
import { type Op, opTable } from '../../src/ops/op.js'
import { js, native } from '../backends.js'
import { type Case, randomCase } from './cases.js'
import { execute, writtenBy } from './execute.js'
import { type Answer, caseNumbers, type Named, Peer, python, seed } from './peer.js'

// Every command on random sizes, types and values, on both backends, judged by NumPy within the bounds that
// docs/arithmetic.md and docs/commands.md give (call.py says how).

const numbers = caseNumbers(1)
const backends = { ...(native && { native }), js }
const NAMES = Object.keys(backends) as (keyof typeof backends)[]

describe.skipIf(python === undefined)('commands as NumPy computes them', () => {
  let peer: Peer
  let judged = 0
  const worst: Record<string, number> = {}
  beforeAll(() => {
    peer = new Peer()
  })
  afterAll(() => {
    peer.close()
    console.log(`test/differential: seed ${seed}, ${judged} cases on ${NAMES.join(' and ')}`)
    if (process.env.LANEWISE_SHOW_BOUNDS) console.log(worst)
  })

  function results(op: Op, c: Case): Named[] {
    const before = op.operands.map((o, i): Named => ['before', o.name, c.before[i]])
    const after = NAMES.flatMap((name) => {
      const all = execute(backends[name] ?? js, op, c)
      return writtenBy(op).map((i): Named => [name, op.operands[i].name, all[i]])
    })
    return [...before, ...after]
  }

  function ask(op: Op, c: Case, arrays: Named[]): Promise<Answer> {
    return peer.ask({ op: op.name, dtype: c.dtype, ints: c.ints, doubles: c.doubles, backends: NAMES }, arrays)
  }

  it('the reference knows every command, and no other', async () => {
    const { ops } = await peer.greeting
    const names = opTable().map((op) => op.name)
    expect(ops, 'each command as a @formula in test/differential/*.py').toEqual(names.sort())
  })

  it.each(opTable().map((op): [string, Op] => [op.name, op]))('%s', { timeout: 600_000 }, async (name, op) => {
    const wrong: string[] = []
    // Some at a time, so that both processes have work.
    for (let from = 0; from < numbers.length; from += 20) {
      const answers = numbers.slice(from, from + 20).map(async (number) => {
        const c = randomCase(op, seed, number)
        const { error, worst: share = 0 } = await ask(op, c, results(op, c))
        worst[name] = Math.max(worst[name] ?? 0, share)
        const what = `${c.dtype ? 'float64' : 'float32'} ${JSON.stringify([...c.ints, ...c.doubles])}`
        if (error !== undefined) wrong.push(`case ${number} (seed ${seed}), ${what}: ${error}`)
      })
      judged += answers.length
      await Promise.all(answers)
      if (wrong.length > 0) break
    }
    expect(wrong.slice(0, 5)).toEqual([])
  })

  it('a wrong result of any command is seen', async () => {
    const unseen: string[] = []
    for (const op of opTable()) {
      const c = firstOfSize(op)
      for (const i of writtenBy(op)) {
        for (const backend of NAMES) {
          const arrays = results(op, c).map(([where, name, values]): Named => {
            if (where !== backend || name !== op.operands[i].name) return [where, name, values]
            return [where, name, spoiled(values)]
          })
          const { error } = await ask(op, c, arrays)
          if (!error?.startsWith(backend)) unseen.push(`${op.name} ${op.operands[i].name} ${backend}`)
        }
      }
    }
    expect(unseen).toEqual([])
  })

  /** A case in which every operand holds something, and the first result is a number. */
  function firstOfSize(op: Op): Case {
    for (let number = 0; ; number++) {
      const c = randomCase(op, 1, number)
      if (
        c.before.every((a) => a.length > 0 && a.length < 500) &&
        results(op, c).every(([, , a]) => !a.some(Number.isNaN))
      )
        return c
    }
  }
})

/** One element off by a thousandth, or by one where values are whole. */
function spoiled(values: TypedArray): TypedArray {
  const copy = values.slice()
  const at = values.length >> 1
  const whole = values instanceof Int32Array || values instanceof Uint8Array
  copy[at] = whole ? copy[at] ^ 1 : copy[at] * 1.001 + 1e-3
  return copy
}
