import { execFileSync, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { plot } from '../src/plot/index.js'
import { eachBackend, native } from './backends.js'
import { buildDist, ROOT } from './processes.js'

// What runs beside a fit, what never ends, and what is too large to show.

beforeAll(buildDist, 120_000)
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lanewise-hostile-'))
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }))

const make = () =>
  new lw.Sequential({ input: [64], layers: [new lw.Affine(64), new lw.Affine(1)], seed: 1 }).compile({ loss: 'mse' })
const data = () => ({ x: lw.uniform(lw.randomState(1), [20000, 64]), y: lw.zeros([20000, 1]) })
const turn = () => new Promise((resolve) => setTimeout(resolve, 1))

/** Whether its model computes at the moment, off the event loop. */
const isBusy = (model: lw.Sequential) => model.store.values.storage.busyWith !== undefined

/** Calls `act` while a fit of the model is in the midst of its steps. */
async function beside(model: lw.Sequential, act: () => unknown): Promise<unknown> {
  const stop = new AbortController()
  const fit = model.fit(data(), { epochs: 1000, signal: stop.signal })
  while (!isBusy(model)) await turn()
  let result: unknown
  try {
    result = await act()
  } catch (error) {
    result = error
  }
  stop.abort()
  await expect(fit).rejects.toThrow(/abort/)
  return result
}

eachBackend(() => {
  it("a tape does not write to a model's numbers in the midst of a fit", async () => {
    const model = make()
    const [weight] = model.allParameters().map((p) => p.value)
    const optimizer = new lw.SGD()
    const x = lw.uniform(lw.randomState(2), [4, 64])
    const gradients = lw.record(() => lw.backward(lw.mean(lw.square(model.forward(x)))))
    const step = lw.record(() => optimizer.step(model.store))
    const clear = lw.record(() => lw.noGrad(() => lw.fill(weight, 0)))
    const own = lw.zeros([64, 64])
    const reads = lw.record(() => lw.copy(weight, own))
    for (const tape of [gradients, step, clear]) {
      expect(String(await beside(model, () => tape.replay()))).toMatch(
        /^StateError: replay: expected a moment without steps: a callback, or no fit, received a model that is busy with fit/,
      )
      expect(await beside(model, () => tape.replayAsync(2))).toBeInstanceOf(lw.StateError)
    }
    expect(await beside(model, () => reads.replay())).toBeUndefined()
    let inCallback = 0
    await model.fit(data(), { callbacks: [{ onEpochEnd: () => clear.replay(++inCallback) }] })
    expect(inCallback).toBe(1)
  })

  it("a fit does not begin while a tape writes to its model's numbers; an evaluation shows those of some moment", async () => {
    const model = make()
    const [weight] = model.allParameters().map((p) => p.value)
    const tape = lw.record(() => lw.noGrad(() => lw.scale(weight, 0.5, 0, weight)))
    const x = lw.zeros([2, 64])
    const gradients = lw.record(() => lw.backward(lw.sum(model.forward(x))))
    const stop = new AbortController()
    const running = tape.replayAsync(2 ** 31 - 1, { signal: stop.signal })
    await turn()
    await expect(model.fit(data())).rejects.toThrow(
      'fit: expected no tape of your own at work that writes to the model, received one in replayAsync',
    )
    await model.evaluate(data())
    stop.abort()
    await expect(running).rejects.toThrow(/abort/)
    await model.fit(data())
    // An evaluation takes no gradients.
    const evaluation = model.evaluate(data())
    gradients.replay()
    expect(() => tape.replay()).toThrow(/a callback, or no evaluate, received a model that is busy with evaluate/)
    await evaluation
  })

  it('values whose getter begins a fit', async () => {
    const model = make()
    const bias = model.layers[1].allParameters()[1].value
    const writes = [
      [bias.size, (values: unknown) => bias.set(values as number[])],
      [model.store.values.size, (values: unknown) => model.restore(values as Float32Array)],
    ] as const
    for (const [size, write] of writes) {
      const values = new Array<number>(size).fill(7)
      let fit: Promise<unknown> | undefined
      Object.defineProperty(values, 0, {
        get() {
          fit ??= model.fit(data())
          return 7
        },
      })
      expect(() => write(values)).toThrow(/a moment without steps: a callback, or no fit/)
      await fit
      expect(bias.item()).not.toBe(7)
    }
  })

  it('lists that have no end', async () => {
    const model = make()
    const callbacks = new Array(2 ** 32 - 1)
    await expect(model.fit(data(), { callbacks })).rejects.toThrow('fit: expected callbacks: objects with hooks')
    const endless = Object.assign([2], {
      *[Symbol.iterator]() {
        for (;;) yield 1
      },
    })
    expect(lw.zeros(endless).shape).toEqual([2])
    expect(lw.zeros([1, 2]).reshape(endless).shape).toEqual([2])
  })

  it('what cannot be shown, or is too large to be', () => {
    expect(() => new lw.Affine((1n << 30_000_000n) as never)).toThrow(
      'Affine: expected a whole number of units >= 1, received a bigint of more than 64 bits',
    )
    expect(() => new lw.Affine(5n as never)).toThrow('received 5n')
    const throwing = {
      get constructor(): never {
        throw new Error('mine')
      },
    }
    expect(() => lw.exp(throwing as never)).toThrow('exp: expected a tensor, received an object')
  })

  it('more numbers than the memory of JavaScript has room for', () => {
    const t = lw.zeros([129, 2 ** 20], { dtype: 'uint8' })
    expect(() => t.toArray()).toThrow(
      'toArray: expected at most 134217728 numbers (toTypedArray() gives more), received [129, 1048576]',
    )
  })

  it('a shape that was overwritten by parts of numbers', () => {
    const [x, y] = [lw.tensor([1, 2, 3, 4]), lw.zeros([4])]
    for (const t of [x, y]) Object.assign(t, { shape: [0.5, 8] })
    expect(() => lw.softmax(x, y)).toThrow('softmax: expected sizes that are whole numbers, received 0.5')
    expect(() => lw.record(() => lw.softmax(x, y))).toThrow(lw.ShapeError)
  })
})

it.skipIf(process.platform === 'win32')('plot does not wait at a pipe', async () => {
  execFileSync('mkfifo', [path.join(dir, 'pipe.svg')])
  await expect(plot({ epoch: [1], history: { loss: [1] } }, path.join(dir, 'pipe'))).rejects.toThrow(
    /pipe.svg is no file/,
  )
})

it.runIf(native)('a fit that a signal begins, as it is asked, gets its turn', () => {
  const code = `
    const data = { x: lw.uniform(lw.randomState(1), [4000, 64]), y: lw.zeros([4000, 1]) }
    const make = () => new lw.Sequential({ input: [64], layers: [new lw.Affine(64), new lw.Affine(1)], seed: 1 }).compile({ loss: 'mse' })
    const all = []
    let begun = false
    const signal = { aborted: false, reason: undefined, throwIfAborted() {
      if (begun || !/leave/.test(new Error().stack)) return
      begun = true
      all.push(make().fit(data, { epochs: 2 }))
    } }
    all.push(make().fit(data, { epochs: 20 }), make().fit(data, { epochs: 20, signal }))
    await Promise.all(all)
    while (all.length < 3) await new Promise((resolve) => setTimeout(resolve, 5))
    await all[2]
    console.log('all ended')`
  const program = `const lw = require(${JSON.stringify(ROOT)});(async () => {${code}})()`
  const env = { ...process.env, UV_THREADPOOL_SIZE: '2', LANEWISE_BACKEND: 'native' }
  const { stdout } = spawnSync(process.execPath, ['-e', program], { env, encoding: 'utf8' })
  expect(stdout.trim()).toBe('all ended')
})
