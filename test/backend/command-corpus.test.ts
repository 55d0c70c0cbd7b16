import { expect, it } from 'vitest'
import '../../src/index.js'
import type { DType } from '../../src/dtype.js'
import { LanewiseError } from '../../src/errors.js'
import { opTable } from '../../src/ops/op.js'
import { newStorage } from '../../src/storage.js'
import { js, native } from '../backends.js'
import corpus from '../fixtures/command-corpus.json' with { type: 'json' }

// Commands on which the backends once differed: found by scripts/fuzz/native.mjs.
const backends = native ? [js, native] : [js]

it.each(corpus)('$op, $ints, $doubles: the same on every backend', (command) => {
  const op = opTable().find(({ name }) => name === command.op)
  if (op === undefined) throw new Error(`no op ${command.op}`)
  for (const backend of backends) {
    const operands = command.operands.map(([dtype, values]) => {
      const storage = newStorage('corpus', dtype as DType, values.length)
      storage.array.set((values as (number | string)[]).map(Number))
      return { storage, offset: 0 }
    })
    const run = () =>
      backend.execute(
        op,
        0,
        operands,
        command.ints,
        command.doubles.map((d) => d ?? Number.NaN),
      )
    if (command.error === undefined) {
      run()
      expect([...operands[0].storage.array]).toEqual(command.result.map(Number))
    } else {
      expect(run).toThrow(LanewiseError)
      expect(run).toThrow(expect.objectContaining({ name: command.error }))
    }
  }
})
