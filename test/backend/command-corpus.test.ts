import { expect, it } from 'vitest'
import '../../src/index.js'
import type { DType } from '../../src/dtype.js'
import { LanewiseError } from '../../src/errors.js'
import { opTable } from '../../src/ops/op.js'
import { newStorage } from '../../src/storage.js'
import { js, native } from '../backends.js'
import corpus from '../fixtures/command-corpus.json' with { type: 'json' }

// Commands on which the backends once differed: found by scripts/fuzz/native.mjs.
// Errors are here too that a slip in the addon's checks would turn into reading or writing past an array.
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

const opOf = (name: string) => {
  const op = opTable().find((o) => o.name === name)
  if (op === undefined) throw new Error(`no op ${name}`)
  return op
}
const place = (dtype: DType, values: number[], offset = 0) => {
  const storage = newStorage('corpus', dtype, values.length)
  storage.array.set(values)
  return { storage, offset }
}

it('two results may not lie over each other, and no operand before its memory', () => {
  for (const backend of backends) {
    const [w, g, m] = [1, 2, 3].map((value) => place('float32', [value]))
    const rest = [place('float64', [0.1]), place('int32', [1])]
    const run = (v: typeof m) => backend.execute(opOf('adam'), 0, [w, g, m, v, ...rest], [1], [0.9, 0.99, 1e-7, 0])
    expect(() => run(m)).toThrow(LanewiseError)
    expect(() => run({ ...m, offset: -1 })).toThrow(LanewiseError)
    expect(w.storage.array[0]).toBe(1)
    run(place('float32', [4]))
  }
})

it('an error names the first bad index, whatever the order of units', () => {
  for (const backend of backends) {
    const labels = Array.from({ length: 100 }, (_, i) => (i === 37 || i === 90 ? 9 : 1))
    const run = () =>
      backend.execute(opOf('oneHot'), 0, [place('float32', Array(300)), place('int32', labels)], [100, 3], [])
    expect(run).toThrow(/t\[37\]/)
  }
})

it('a result may not lie over an operand that is broadcast', () => {
  const add = opTable().find(({ name }) => name === 'add')
  if (add === undefined) throw new Error('no op add')
  for (const backend of backends) {
    const y = { storage: newStorage('corpus', 'float32', 4), offset: 0 }
    const b = { storage: newStorage('corpus', 'float32', 4), offset: 0 }
    const run = (a: typeof y, mask: number) => backend.execute(add, 0, [y, a, b], [1, 1, 1, 1, 2, 2, mask, 0], [])
    run(y, 0)
    expect(() => run(y, 1 << 4)).toThrow(LanewiseError)
  }
})
