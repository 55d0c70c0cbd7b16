import vm from 'node:vm'
import { beforeEach, describe, expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { buildDist, runScript } from './processes.js'

// A time limit of node:vm, as Ctrl-C in Node's REPL, ends what runs without its `finally`.
const model = new lw.Sequential({ input: [4], layers: [new lw.Affine(8), new lw.Relu(), new lw.Affine(3)], seed: 1 })
model.compile({ loss: 'mse', optimizer: 'sgd' })
const x = lw.zeros([2000, 4])
const y = lw.zeros([2000, 3])
const w = lw.tensor(new Float32Array(10_000).fill(0.01), { shape: [100, 100], requiresGrad: true })

/** Runs code that ends at its time limit, and lets others run. */
async function interrupted(code: string): Promise<void> {
  const ended = () => vm.runInNewContext(code, { lw, model, x, y, w }, { timeout: 30 })
  expect(ended).toThrow(/timed out/)
  await null
}

describe('what was interrupted leaves nothing behind', () => {
  beforeEach(() => {
    w.grad = undefined
  })

  it.each([
    'for (;;) lw.backward(lw.sum(lw.square(lw.matmul(w, w))))',
    'lw.backward(lw.sum(lw.square(lw.matmul(w, w)))); lw.noGrad(() => { for (;;); })',
    'for (;;) model.forward(x)',
    'for (;;) model.predict(x)',
    'for (;;) lw.record(() => model.forward(x))',
    'lw.record(() => { lw.square(w); for (;;); })',
    'lw.whileTraining(() => { for (;;); })',
    'model.fit({ y, get x() { for (;;); } })',
  ])('%s', async (code) => {
    for (let round = 0; round < 3; round++) {
      await interrupted(code)
      expect(lw.isTraining()).toBe(false)
      const v = lw.tensor([3], { requiresGrad: true })
      lw.backward(lw.sum(lw.square(v)))
      expect(v.grad?.item()).toBe(6)
      expect(model.predict([[0, 0, 0, 0]]).shape).toEqual([1, 3])
      await model.fit({ x, y })
    }
  })

  it('a tape whose replay was interrupted as it began is not busy', async () => {
    const [zeros, out] = [lw.zeros([4, 8]), lw.zeros([4, 8])]
    const tape = lw.record(() => lw.relu(zeros, out))
    const signal = { aborted: false, throwIfAborted() {} }
    const code = 'tape.replayAsync(5, { signal: { ...signal, throwIfAborted() { for (;;); } } })'
    expect(() => vm.runInNewContext(code, { tape, signal }, { timeout: 30 })).toThrow(/timed out/)
    await null
    tape.replay()
    await tape.replayAsync(2)
    expect(out.storage.replays).toBe(0)
  })

  it('nor keeps a process from ending', () => {
    buildDist()
    const { status, stdout } = runScript(
      "process.on('beforeExit', () => { console.log(lw.noGrad(() => lw.zeros([1]).add(1)).item()) })",
    )
    expect([status, stdout.trim()]).toEqual([0, '1'])
  })

  it('nor memory that results on their way would take', async () => {
    await interrupted('for (;;) lw.backward(lw.sum(lw.square(lw.matmul(w, w))))')
    const [a, b] = [0, 1].map(() => lw.add(lw.zeros([64, 64]), 1))
    expect(b.storage).not.toBe(a.storage)
    const before = process.memoryUsage().rss
    for (let i = 0; i < 20_000; i++) {
      lw.add(lw.zeros([64, 64]), 1)
      if (i % 1000 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 28) // all of it would be 650 MB
  })
})
