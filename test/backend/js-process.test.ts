import { beforeAll, expect, it } from 'vitest'
import { buildDist, runScript } from '../processes.js'

// The JavaScript backend in a process of its own, where its memory is not shared.

beforeAll(buildDist, 120_000)

const run = (script: string) => {
  const { status, stdout, stderr } = runScript(script, {
    LANEWISE_BACKEND: 'js',
    LANEWISE_ISA: '',
    LANEWISE_THREADS: '',
  })
  expect(status, stderr).toBe(0)
  return stdout
}

it('who transfers a result does not take the memory of others with it', () => {
  const script = `
    const [a, b] = [lw.tensor([1, 2, 3]), lw.tensor([10, 20, 30])]
    try { structuredClone(a.data, { transfer: [a.data.buffer] }) } catch {}
    console.log(lw.add(a, b).toArray().join())`
  expect(run(script)).toBe('11,22,33')
})

it('fit ends where timers are replaced, as by jest.useFakeTimers()', () => {
  const script = `
    globalThis.setImmediate = globalThis.setTimeout = () => {}
    const model = new lw.Sequential({ input: [2], layers: [new lw.Affine(1)] }).compile({ loss: 'mse' })
    model.fit({ x: lw.zeros([9, 2]), y: lw.zeros([9, 1]) }, { epochs: 3, batchSize: 2 }).then((h) => console.log(h.epoch.length))`
  expect(run(script)).toBe('3')
})
