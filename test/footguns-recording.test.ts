import { expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { eachBackend } from './backends.js'

// Traps of recording and replaying.

eachBackend(() => {
  /** What `fn` throws inside record(), after which recording must work as before. */
  function recording(fn: () => unknown): unknown {
    let thrown: unknown
    try {
      lw.record(() => {
        lw.exp(lw.full([2], 1))
        return fn()
      })
    } catch (error) {
      thrown = error
    }
    const out = lw.zeros([1])
    lw.record(() => lw.copy(lw.full([1], 3), out)).replay()
    expect([out.item(), lw.exp(lw.tensor([0])).item()]).toEqual([3, 1])
    return thrown
  }

  const x = () => lw.tensor([1, 2, 3])
  const forbidden: [string, (t: lw.Tensor) => unknown, string][] = [
    ['data', (t) => t.data, 'data: expected no reading while recording'],
    ['item', (t) => t.item(), 'item: expected no reading while recording'],
    ['toArray', (t) => t.toArray(), 'toArray: expected no reading while recording'],
    ['toTypedArray', (t) => t.toTypedArray(), 'toTypedArray: expected no reading while recording'],
    ['tensor', () => lw.tensor([1]), 'tensor: expected no values from the host inside record()'],
    ['zeros', () => lw.zeros([1]), 'zeros: expected no values from the host inside record()'],
    ['set', (t) => t.set([1, 2, 3]), 'set: expected no values from the host inside record()'],
    ['randomState', () => lw.randomState(1), 'no values from the host inside record()'],
    ['learningRate', () => new lw.Adam(), 'no values from the host inside record()'],
    ['record', () => lw.record(() => lw.exp(x())), 'record: expected one recording at a time'],
    ['an async function', async () => 1, 'record: expected a synchronous function'],
  ]
  it.each(forbidden)('%s inside record()', (_name, fn, message) => {
    const t = x()
    const error = recording(() => fn(t))
    expect(error).toBeInstanceOf(lw.StateError)
    expect((error as Error).message).toContain(message)
  })

  it('predict, fit, evaluate, compile, setWeights and replay inside record()', async () => {
    const model = new lw.Sequential({ input: [3], layers: [new lw.Affine(2)] }).compile({ loss: 'mse' })
    const data = { x: lw.zeros([2, 3]), y: lw.zeros([2, 2]) }
    const tape = lw.record(() => lw.exp(data.x))
    const weights = model.getWeights()
    for (const fn of [
      () => model.predict(data.x),
      () => model.compile({ loss: 'mse' }),
      () => model.setWeights(weights),
      () => model.getWeights(),
      () => tape.replay(),
    ])
      expect(recording(fn)).toBeInstanceOf(lw.StateError)
    const promises: Promise<unknown>[] = []
    recording(() => void promises.push(model.fit(data), model.evaluate(data), tape.replayAsync()))
    for (const p of promises) await expect(p).rejects.toThrow(lw.StateError)
    await model.fit(data)
  })

  it('shows a tensor without its values while recording', () => {
    const t = x()
    const key = Symbol.for('nodejs.util.inspect.custom') as never
    let shown = ''
    recording(() => {
      shown = (t[key] as () => string).call(t)
    })
    expect(shown).toBe('Tensor float32 [3]')
    expect((t[key] as () => string).call(t)).toBe('Tensor float32 [3] (1, 2, 3)')
  })

  it('a function that throws, or asks for the impossible', () => {
    const boom = new Error('boom')
    expect(recording(() => Promise.reject(boom))).toBeInstanceOf(lw.StateError)
    expect(
      recording(() => {
        throw boom
      }),
    ).toBe(boom)
    expect(recording(() => lw.matmul(lw.full([2, 3], 1), lw.full([2, 3], 1)))).toBeInstanceOf(lw.ShapeError)
    const t = x()
    expect(recording(() => lw.add(lw.slice(t, 0, 2), 1, lw.slice(t, 1, 3)))).toBeInstanceOf(lw.ValueError)
    for (const fn of [undefined, null, 'f', {}]) expect(() => lw.record(fn as never)).toThrow(lw.TypeMismatchError)
  })

  it('a record with nothing in it', () => {
    expect(() => lw.record(() => {})).toThrow('record: expected at least one tensor operation, received none')
    const t = x()
    expect(() => lw.record(() => lw.reshape(t, [3, 1]))).toThrow(lw.StateError)
  })

  it('numbers of JavaScript are baked in; tensors are not', () => {
    const [t, out] = [x(), lw.zeros([3])]
    let factor = 2
    const tape = lw.record(() => lw.copy(lw.multiply(t, factor), out))
    factor = 3
    t.set([10, 20, 30])
    tape.replay()
    expect([factor, out.toArray()]).toEqual([3, [20, 40, 60]])
  })

  it('a tape that is busy', async () => {
    const counter = lw.tensor(Int32Array.of(0))
    const tape = lw.record(() => lw.advance(counter, 1))
    const running = tape.replayAsync(1000)
    expect(() => tape.replay()).toThrow('replay: expected one replay at a time of a tape, received a tape that is busy')
    await expect(tape.replayAsync()).rejects.toThrow(lw.StateError)
    await running
    tape.replay()
    expect(counter.item()).toBe(1001)
  })

  const inPlace: Record<string, (y: lw.Tensor) => unknown> = {
    add: (y) => lw.add(y, 1, y),
    exp: (y) => lw.exp(y, y),
    softmax: (y) => lw.softmax(y, y),
    logSoftmax: (y) => lw.logSoftmax(y, y),
    transpose: (y) => lw.transpose(y, y),
    matmul: (y) => lw.matmul(y, y, {}, y),
    affine: (y) => lw.affine(y, lw.full([2, 2], 1), lw.full([2], 1), y),
    gatherRows: (y) => lw.gatherRows(y, lw.tensor(Int32Array.of(1, 0)), {}, y),
    copy: (y) => lw.copy(y, y),
  }
  it.each(Object.keys(inPlace))('%s does not write over an input of a noted derivative', (name) => {
    const y = lw.multiply(
      lw.tensor(
        [
          [1, 2],
          [3, 4],
        ],
        { requiresGrad: true },
      ),
      1,
    )
    expect(() => inPlace[name](y)).toThrow(`${name}: expected out to be another tensor while derivatives are noted`)
    expect(y.toArray()).toEqual([
      [1, 2],
      [3, 4],
    ])
  })

  it('steps that are no number of steps', async () => {
    const counter = lw.tensor(Int32Array.of(0))
    const tape = lw.record(() => lw.advance(counter, 1))
    for (const steps of [-1, 1.5, NaN, Infinity, 2 ** 31, '1', null, {}]) {
      expect(() => tape.replay(steps as never)).toThrow(lw.ValueError)
      await expect(tape.replayAsync(steps as never)).rejects.toThrow('a whole number of steps from 0 to 2^31 - 1')
    }
    await expect(tape.replayAsync(1, 5 as never)).rejects.toThrow(lw.LanewiseError)
    await tape.replayAsync(0)
    expect(counter.item()).toBe(0)
  })

  it('keeps the memory of a tape alive', async () => {
    const out = lw.zeros([1])
    const tape = (() => {
      const big = lw.full([100_000], 2)
      return lw.record(() => lw.copy(lw.reshape(lw.mean(big), [1]), out))
    })()
    for (let i = 0; i < 50; i++) lw.full([100_000], 5)
    ;(globalThis as { gc?: () => void }).gc?.()
    tape.replay(3)
    expect(out.item()).toBe(2)
  })
})
