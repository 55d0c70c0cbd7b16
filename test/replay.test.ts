import { beforeAll, expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { eachBackend } from './backends.js'
import { buildDist, runScript } from './processes.js'

/** A small training on random data: one step in terms of ops, eager or to be recorded. */
function training(optimizer: lw.Optimizer) {
  const model = new lw.Sequential({
    input: [7],
    layers: [new lw.Affine(9), new lw.Tanh(), new lw.Affine(3)],
    seed: 11,
  })
  const random = lw.randomState(5)
  const x = lw.normal(random, [50, 7])
  const y = lw.cast(lw.multiply(lw.uniform(random, [50]), 2.999), 'int32')
  const order = lw.zeros([64], { dtype: 'int32' })
  const [cursor, step] = [lw.zeros([1], { dtype: 'int32' }), lw.zeros([1], { dtype: 'int32' })]
  const log = lw.zeros([1000], { dtype: 'float64' })
  const shuffle = lw.randomState(8)
  const run = () => {
    lw.permutation(shuffle, 50, lw.slice(order, 0, 50))
    const options = { cursor, count: 8 }
    const logits = model.forward(lw.gatherRows(x, order, options))
    const { loss } = lw.softmaxCrossEntropy(logits, lw.gatherRows(y, order, options))
    lw.backward(loss)
    optimizer.step(model.store)
    lw.put(log, loss, step)
    lw.advance(step, 1)
  }
  const result = () => Buffer.concat([model.store.values, model.store.gradients, log, shuffle].map((t) => bytes(t)))
  return { run, result, log, step, optimizer }
}
const bytes = (t: lw.Tensor) => Buffer.from(t.toTypedArray().buffer)

const OPTIMIZERS: Record<string, () => lw.Optimizer> = {
  sgd: () => new lw.SGD({ learningRate: 0.1 }),
  'sgd with decay': () => new lw.SGD({ learningRate: 0.1, weightDecay: 0.01 }),
  momentum: () => new lw.SGD({ learningRate: 0.05, momentum: 0.9 }),
  nesterov: () => new lw.SGD({ learningRate: 0.05, momentum: 0.9, nesterov: true }),
  rmsprop: () => new lw.RMSProp({ learningRate: 0.01 }),
  adam: () => new lw.Adam({ learningRate: 0.01 }),
  adamw: () => new lw.AdamW({ learningRate: 0.01 }),
}
const STEPS = 200

beforeAll(buildDist, 120_000)

eachBackend((backend) => {
  it('many replays at once, of which some fail, all come to their end, and so do later ones', async () => {
    const source = lw.tensor([1, 2])
    const tapes = Array.from({ length: 12 }, (_, i) => {
      const [counter, rows] = [lw.zeros([1], { dtype: 'int32' }), lw.tensor(Int32Array.of(0, i % 4 === 3 ? 2 : 1))]
      const tape = lw.record(() => {
        lw.gatherRows(source, rows)
        lw.advance(counter, 1)
      })
      return { tape, counter }
    })
    for (let round = 1; round <= 2; round++) {
      const results = await Promise.allSettled(tapes.map(({ tape }) => tape.replayAsync(50)))
      for (const [i, { status }] of results.entries()) {
        expect(status).toBe(i % 4 === 3 ? 'rejected' : 'fulfilled')
        expect(tapes[i].counter.item()).toBe(i % 4 === 3 ? 0 : 50 * round)
      }
    }
  })

  it.each(Object.keys(OPTIMIZERS))('eager, replayed one by one, at once and off the loop: %s', async (name) => {
    const start = () => training(OPTIMIZERS[name]())
    const eager = start()
    for (let i = 0; i < STEPS; i++) eager.run()
    const expected = eager.result()
    expect(Array.from(eager.log.data.subarray(STEPS - 20, STEPS)).reduce((s, v) => s + v)).toBeLessThan(
      20 * eager.log.data[0],
    )

    const single = start()
    const tape = lw.record(single.run)
    for (let i = 0; i < STEPS; i++) tape.replay()
    expect(single.result().equals(expected)).toBe(true)

    const many = start()
    const manyTape = lw.record(many.run)
    manyTape.replay(STEPS - 77)
    manyTape.replay(0)
    manyTape.replay(77)
    expect(many.result().equals(expected)).toBe(true)

    const away = start()
    const seen: number[] = []
    await lw.record(away.run).replayAsync(STEPS, { onProgress: (done) => seen.push(done) })
    expect(away.result().equals(expected)).toBe(true)
    expect(seen.at(-1)).toBe(STEPS)

    const mixed = start()
    for (let i = 0; i < 50; i++) mixed.run()
    const mixedTape = lw.record(mixed.run)
    mixedTape.replay(50)
    await mixedTape.replayAsync(STEPS - 150)
    expect(mixed.result().equals(expected)).toBe(false) // 150 steps
    for (let i = 0; i < 50; i++) mixed.run()
    expect(mixed.result().equals(expected)).toBe(true)
  })

  it('takes up what is changed between replays', () => {
    const [eager, replayed] = [training(new lw.SGD({ learningRate: 0.1 })), training(new lw.SGD({ learningRate: 0.1 }))]
    const tape = lw.record(replayed.run)
    for (const rate of [0.1, 0.01, 0]) {
      eager.optimizer.learningRate = rate
      replayed.optimizer.learningRate = rate
      for (let i = 0; i < 5; i++) eager.run()
      tape.replay(5)
      expect(replayed.result().equals(eager.result())).toBe(true)
    }
  })

  it('fit trains as the same steps by hand do', async () => {
    const build = () =>
      new lw.Sequential({ input: [7], layers: [new lw.Affine(9), new lw.Relu(), new lw.Affine(3), new lw.Softmax()] })
    const x = lw.normal(lw.randomState(1), [41, 7])
    const y = lw.tensor(Int32Array.from({ length: 41 }, (_, i) => i % 3))
    const model = build().compile({ optimizer: new lw.Adam(), loss: 'sparseCategoricalCrossentropy' })
    const history = await model.fit({ x, y }, { epochs: 3, batchSize: 8, shuffle: false })
    const other = build()
    const adam = new lw.Adam()
    const losses: number[] = []
    for (let epoch = 0; epoch < 3; epoch++)
      for (let from = 0; from < 41; from += 8) {
        const to = Math.min(41, from + 8)
        let logits = lw.slice(x, from, to)
        for (const layer of other.layers.slice(0, -1)) logits = layer.forward(logits)
        const { loss } = lw.softmaxCrossEntropy(logits, lw.slice(y, from, to))
        lw.backward(loss)
        adam.step(other.store)
        losses.push(loss.item())
      }
    expect(bytes(model.store.values).equals(bytes(other.store.values))).toBe(true)
    expect(history.steps.loss).toEqual(losses)
  })

  /** A step of about 0.3 ms (native) and a model to fit for long. */
  const large = () => {
    const model = new lw.Sequential({ input: [200], layers: [new lw.Affine(300), new lw.Relu(), new lw.Affine(10)] })
    const random = lw.randomState(2)
    const data = { x: lw.normal(random, [640, 200]), y: lw.normal(random, [640, 10]) }
    return { model: model.compile({ loss: 'mse', optimizer: new lw.SGD() }), data }
  }

  it('leaves the event loop free', async () => {
    const { model, data } = large()
    await model.fit(data)
    let ticks = 0
    const timer = setInterval(() => ticks++, 10)
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 600)
    const start = performance.now()
    await expect(model.fit(data, { epochs: 100_000, signal: controller.signal })).rejects.toThrow()
    clearInterval(timer)
    const passed = performance.now() - start
    expect(passed).toBeGreaterThan(500)
    expect(passed).toBeLessThan(5000)
    expect(ticks).toBeGreaterThan(passed / 100) // a tenth of the ideal: machines that run tests are busy
  })

  it('leaves the event loop free where epochs are so short that they are computed at once', async () => {
    const data = { x: lw.normal(lw.randomState(2), [20, 4]), y: lw.zeros([20, 1]) }
    const model = new lw.Sequential({ input: [4], layers: [new lw.Affine(1)] }).compile({ loss: 'mse' })
    let turns = 0
    let fitting = true
    const turned = () => {
      turns++
      if (fitting) setImmediate(turned)
    }
    setImmediate(turned)
    await model.fit(data, { epochs: 5000 })
    fitting = false
    expect(turns).toBeGreaterThan(30) // one every quarter of a millisecond, or an epoch
    await expect(model.fit(data, { epochs: 1e7, signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
      name: 'TimeoutError',
    })
    // Also where many wait for it.
    let stopped = false
    let ticks = 0
    const replayed = Array.from({ length: 64 }, async () => {
      const one = lw.record(() => lw.full([4], 1))
      while (!stopped) await one.replayAsync()
    })
    const clock = setInterval(() => ticks++, 5)
    await new Promise((resolve) => setTimeout(resolve, 400))
    clearInterval(clock)
    stopped = true
    await Promise.all(replayed)
    expect(ticks).toBeGreaterThan(20)
    // Long work after short work goes to another thread: the loop turns before it is done.
    const counter = lw.zeros([1], { dtype: 'int32' })
    const tape = lw.record(() => lw.advance(counter, 1))
    for (let i = 0; i < 3; i++) await tape.replayAsync(10)
    let passed = 0
    const timer = setInterval(() => passed++, 5)
    await tape.replayAsync(3_000_000)
    clearInterval(timer)
    expect(counter.item()).toBe(3_000_030)
    expect(passed).toBeGreaterThan(0)
  })

  it('stops between two steps when aborted, and can go on', async () => {
    const { model, data } = large()
    const reason = new Error('enough')
    await expect(model.fit(data, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    setTimeout(() => controller.abort(reason), 50)
    await expect(model.fit(data, { epochs: 100_000, signal: controller.signal })).rejects.toBe(reason)
    expect(model.store.values.data.every(Number.isFinite)).toBe(true)
    const history = await model.fit(data, { epochs: 2 })
    expect(history.epoch).toEqual([1, 2])
    const timeout = model.fit(data, { epochs: 100_000, signal: AbortSignal.timeout(30) })
    await expect(timeout).rejects.toMatchObject({ name: 'TimeoutError' })
    await expect(model.evaluate(data, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect((await model.evaluate(data)).loss).toBeLessThan(100)

    // A tape alone: whole steps, as many as were told of.
    const counter = lw.zeros([1], { dtype: 'int32' })
    const tape = lw.record(() => {
      lw.advance(counter, 1)
      lw.exp(lw.full([10_000], 1))
    })
    const stop = new AbortController()
    let done = 0
    const onProgress = (n: number) => {
      done = n
      if (n > 1000) stop.abort(reason)
    }
    await expect(tape.replayAsync(2 ** 31 - 1, { signal: stop.signal, onProgress })).rejects.toBe(reason)
    expect(counter.item()).toBe(done)
    tape.replay(3)
    expect(counter.item()).toBe(done + 3)
  })

  it('an abort tells of the whole epochs, and of the steps of the one that was begun', async () => {
    const { model, data } = large()
    const stop = new AbortController()
    const onEpochBegin = (epoch: number) => epoch === 3 && setTimeout(() => stop.abort(), 25)
    const fit = model.fit(data, { epochs: 1e6, batchSize: 1, signal: stop.signal, callbacks: [{ onEpochBegin }] })
    const error = await fit.catch((e) => e)
    expect(error).toBe(stop.signal.reason)
    expect(error).toMatchObject({ name: 'AbortError', history: expect.any(lw.History) })
    const { history, steps, seconds, epoch } = error.history as lw.History
    expect([history.loss.length, seconds.length]).toEqual([epoch.length, epoch.length])
    expect(epoch.length).toBeGreaterThanOrEqual(2)
    expect(steps.loss.length).toBeGreaterThanOrEqual(640 * epoch.length)
    expect(steps.loss.length).toBeLessThanOrEqual(640 * (epoch.length + 1))
    expect(steps.loss.every(Number.isFinite)).toBe(true)

    // The signal ends a second fit too, before its first step.
    await expect(model.fit(data, { signal: stop.signal })).rejects.toBe(error)
    expect(error.history.epoch).toEqual([])
  })

  it('the reason of an abort stays as it is where it is frozen, no error, or has a history of its own', async () => {
    const { model, data } = large()
    const reasons = ['enough', Object.freeze(new Error('frozen')), Object.assign(new Error('own'), { history: 1 })]
    for (const reason of reasons)
      await expect(model.fit(data, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(reasons.map((r) => (r as { history?: unknown }).history)).toEqual([undefined, undefined, 1])
  })

  it('a callback that throws ends the fit and frees the model', async () => {
    const { model, data } = large()
    const boom = new Error('boom')
    const throwing = (hook: string) => ({ callbacks: [{ [hook]: () => Promise.reject(boom) }] })
    for (const hook of ['onTrainBegin', 'onEpochBegin', 'onEpochEnd', 'onTrainEnd'])
      await expect(model.fit(data, throwing(hook))).rejects.toBe(boom)
    await model.fit(data)
  })

  it('survives the end of worker threads in the middle of fit', () => {
    const script = `
      const { Worker, isMainThread, parentPort } = require('node:worker_threads')
      const layers = () => [new lw.Affine(128), new lw.Relu(), new lw.Affine(10)]
      const model = () => new lw.Sequential({ input: [64], layers: layers() }).compile({ loss: 'mse' })
      const data = () => ({ x: lw.normal(lw.randomState(1), [640, 64]), y: lw.normal(lw.randomState(2), [640, 10]) })
      if (!isMainThread) {
        model().fit(data(), { epochs: 1e6 })
        parentPort.postMessage('started')
      } else (async () => {
        for (let round = 0; round < 8; round++) {
          const workers = [0, 1].map(() => new Worker(__filename))
          await Promise.all(workers.map((w) => new Promise((resolve) => w.once('message', resolve))))
          await new Promise((resolve) => setTimeout(resolve, round * 7))
          await Promise.all([model().fit(data(), { epochs: 5 }), ...workers.map((w) => w.terminate())])
        }
        console.log('survived')
      })()`
    const outcome = runScript(script, { LANEWISE_BACKEND: backend })
    expect(outcome).toEqual({ status: 0, signal: null, stdout: 'survived', stderr: '' })
  })
})
