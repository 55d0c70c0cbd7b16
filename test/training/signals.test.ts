import vm from 'node:vm'
import { describe, expect, it, vi } from 'vitest'
import { Affine, History, Relu, Sequential, tensor } from '../../src/index.js'
import { addHistory } from '../../src/train/abort.js'
import { eachBackend, useBackend } from '../backends.js'

// What fit does between two slices, made exact by a signal that counts how often it is asked.

/** A signal that does something when it is asked for the n-th time whether it was aborted. */
function askedSignal(n: number, then: (signal: { aborted: boolean; reason: Error }) => void) {
  const signal = {
    asked: 0,
    aborted: false,
    reason: new Error('enough'),
    throwIfAborted() {
      if (++signal.asked === n) then(signal)
    },
  }
  return signal as typeof signal & AbortSignal
}
const linear = () =>
  new Sequential({ input: [1], layers: [new Affine(1)], seed: 1 }).compile({ loss: 'mse', optimizer: 'sgd' })
const data = (rows: number) => ({
  x: tensor(
    Float32Array.from({ length: rows }, (_, i) => i / rows),
    { shape: [rows, 1] },
  ),
  y: tensor(new Float32Array(rows)),
})

eachBackend(() => {
  it('shuffles also more rows than it draws at once', async () => {
    const rows = 131_073
    const orders = await Promise.all(
      [true, false].map(async (shuffle) => (await linear().fit(data(rows), { batchSize: 16_384, shuffle })).steps.loss),
    )
    // In their order the first rows are the small ones; shuffled, each batch is a sample of all.
    expect(orders[1][0]).toBeLessThan(0.1 * orders[1][7])
    expect(orders[0][0]).toBeGreaterThan(0.1 * orders[0][7])
  })

  it('the loss that is summed on the way is the mean over all rows', async () => {
    const silent = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const options = { epochs: 3, batchSize: 4, validation: data(7) }
    const [shown, plain] = [
      await linear().fit(data(50), { ...options, verbose: true }),
      await linear().fit(data(50), options),
    ]
    silent.mockRestore()
    expect(shown.history).toEqual(plain.history)
    const { loss } = plain.steps
    for (const [epoch, mean] of plain.history.loss.entries()) {
      const sum = loss.slice(13 * epoch, 13 * epoch + 13).reduce((s, v, i) => s + v * (i < 12 ? 4 : 2), 0)
      expect(mean).toBeCloseTo(sum / 50, 12)
    }
  })

  it('seconds are those of the training, validation left out', async () => {
    // Asked when fit begins, and the epoch, before and after the only step, and before the validation, which it holds up.
    const signal = askedSignal(5, () => {
      for (const end = performance.now() + 300; performance.now() < end; );
    })
    const start = performance.now()
    const { seconds } = await linear().fit(data(2), { validation: data(2), signal })
    expect((performance.now() - start) / 1000 - seconds[0]).toBeGreaterThan(0.3)
  })

  it('a signal that fails ends its own fit, whoever asks it, and no other', async () => {
    const failing = { aborted: false, reason: undefined, throwIfAborted: () => {} }
    const fits = Array.from({ length: 7 }, (_, i) =>
      linear().fit(data(20_000), { epochs: 2, batchSize: 1, signal: i === 5 ? failing : undefined }),
    )
    failing.throwIfAborted = () => {
      throw new RangeError('no signal')
    }
    const results = await Promise.allSettled(fits)
    expect(results.map((r) => r.status)).toEqual(fits.map((_, i) => (i === 5 ? 'rejected' : 'fulfilled')))
    await linear().fit(data(20_000), { batchSize: 1 })
  })

  it('models that one signal ends have a history each', async () => {
    const stop = new AbortController()
    const models = [2, 3, 4].map(() => linear())
    const onEpochEnd = (epoch: number) => epoch === 3 && stop.abort()
    const fits = models.map((model, i) => {
      const callbacks = i === 0 ? [{ onEpochEnd }] : []
      return model.fit(data(8), { epochs: 1e6, batchSize: 2 + i, signal: stop.signal, callbacks }).catch((e) => e)
    })
    const reasons = await Promise.all(fits)
    expect(new Set(reasons)).toEqual(new Set([stop.signal.reason]))
    expect(new Set(models.map((m) => m.history)).size).toBe(3)
    expect(models[0].history?.epoch).toEqual([1, 2, 3])
    const history = await models[1].fit(data(4))
    expect(models[1].history).toBe(history)
  })

  it('an abort in the validation leaves all training steps in the history, the smaller last batch too', async () => {
    const signal = askedSignal(7, (s) => {
      s.aborted = true
      throw s.reason
    })
    const error = await linear()
      .fit(data(5), { batchSize: 2, validation: data(2), signal })
      .catch((e) => e)
    expect(error).toBe(signal.reason)
    const { epoch, steps } = error.history as History
    expect([epoch, steps.loss.length]).toEqual([[], 3])
  })

  it('an abort in onEpochEnd begins no further epoch: who goes on has the bits of a fit without it', async () => {
    const bits = (model: Sequential) => Buffer.from(model.snapshot().buffer).toString('hex')
    const [whole, interrupted] = [linear(), linear()]
    await whole.fit(data(50), { epochs: 6, batchSize: 4 })
    const stop = new AbortController()
    const begun: number[] = []
    const callback = {
      onEpochBegin: (epoch: number) => void begun.push(epoch),
      onEpochEnd: (epoch: number) => epoch === 3 && stop.abort(),
    }
    const fit = interrupted.fit(data(50), { epochs: 6, batchSize: 4, signal: stop.signal, callbacks: [callback] })
    await expect(fit).rejects.toMatchObject({ name: 'AbortError', history: { epoch: [1, 2, 3] } })
    expect(begun).toEqual([1, 2, 3])
    await interrupted.fit(data(50), { epochs: 3, batchSize: 4 })
    expect(bits(interrupted)).toBe(bits(whole))
  })

  it('an abort after a loss that was not finite tells where', async () => {
    // Asked when fit begins, and the epoch, before the only slice, and after it.
    const signal = askedSignal(4, (s) => {
      s.aborted = true
      throw s.reason
    })
    const model = new Sequential({ input: [1], layers: [new Affine(1)] }).compile({ loss: 'mse' })
    const fit = model.fit({ x: tensor([[Number.NaN]]), y: tensor([1]) }, { signal })
    const { history } = (await fit.catch((e) => e)) as { history: History }
    expect([history.nonFinite, history.steps.loss]).toEqual([{ epoch: 1, step: 1 }, [Number.NaN]])
  })

  it('evaluate obeys its signal, and the model is free again', async () => {
    const model = new Sequential({ input: [1], layers: [new Affine(1)] }).compile({ loss: 'mse' })
    const data = { x: tensor([[1], [2]]), y: tensor([1, 2]) }
    const reason = new Error('enough')
    await expect(model.evaluate(data, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(Object.keys(await model.evaluate(data))).toEqual(['loss'])
  })

  it('what a reason of an abort has as its history stays', async () => {
    const model = new Sequential({ input: [1], layers: [new Affine(1)] }).compile({ loss: 'mse' })
    const reason = Object.assign(new Error('enough'), { history: 'mine' })
    const fit = model.fit({ x: tensor([[1]]), y: tensor([1]) }, { signal: AbortSignal.abort(reason) })
    await expect(fit).rejects.toBe(reason)
    expect(reason.history).toBe('mine')
  })
})

describe('the JavaScript backend', () => {
  it('stopOnNonFinite ends the fit within the epoch, not after it', async () => {
    useBackend('js')
    const rows = 20_000
    const model = new Sequential({ input: [32], layers: [new Affine(64), new Relu(), new Affine(1)] })
    const x = tensor(new Float32Array(rows * 32).fill(Number.NaN), { shape: [rows, 32] })
    const signal = askedSignal(0, () => {})
    const fit = model
      .compile({ loss: 'mse' })
      .fit({ x, y: tensor(new Float32Array(rows)) }, { stopOnNonFinite: true, signal })
    await expect(fit).rejects.toThrow(/finite loss/)
    expect(signal.asked).toBe(3) // when fit began, and the epoch, and before the first slice of 10 ms
  })
})

it('an abort in a context of its own, as test runners have, leaves its history too', async () => {
  // There AbortSignal and its errors are of the outside, and Error is not.
  const context = vm.createContext({ addHistory, History, signal: AbortSignal.abort() })
  const foreign = vm.runInContext('const e = new Error("enough"); addHistory(e, new History()); e', context)
  expect(foreign.history).toBeInstanceOf(History)
  const reason = AbortSignal.abort().reason
  Object.setPrototypeOf(reason, { [Symbol.toStringTag]: 'DOMException' }) // as an instance of a class that is not ours
  addHistory(reason, new History())
  expect(Reflect.get(reason, 'history')).toBeInstanceOf(History)
  const plain = {}
  addHistory(plain, new History())
  expect(plain).toEqual({})
})
