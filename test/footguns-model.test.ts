import { describe, expect, it, vi } from 'vitest'
import type { Tensor } from '../src/index.js'
import * as lw from '../src/index.js'
import { eachBackend } from './backends.js'

// Traps of data and training: NaN, bad labels, a model that is busy, options out of range.

/** NaN in, and what comes out of it. */
const NAN: [string, (x: Tensor) => Tensor, number[]][] = [
  ['maximum', (x) => lw.maximum(x, 0), [NaN, 1, 0]],
  ['maximum from the right', (x) => lw.maximum(0, x), [NaN, 1, 0]],
  ['minimum', (x) => lw.minimum(x, 0), [NaN, 0, -1]],
  ['minimum from the right', (x) => lw.minimum(0, x), [NaN, 0, -1]],
  ['relu', lw.relu, [NaN, 1, 0]],
  ['leakyRelu', (x) => lw.leakyRelu(x, 0.5), [NaN, 1, -0.5]],
  ['clip', (x) => lw.clip(x, 0, 0.5), [NaN, 0.5, 0]],
  ['max', lw.max, [NaN]],
  ['argmax', lw.argmax, [0]],
  ['sum', lw.sum, [NaN]],
  ['softmax', lw.softmax, [NaN, NaN, NaN]],
  ['logSoftmax', lw.logSoftmax, [NaN, NaN, NaN]],
  ['exp', (x) => lw.slice(lw.exp(x), 0, 1), [NaN]],
  ['sigmoid', (x) => lw.slice(lw.sigmoid(x), 0, 1), [NaN]],
  ['tanh', (x) => lw.slice(lw.tanh(x), 0, 1), [NaN]],
  ['sqrt of less than 0', (x) => lw.slice(lw.sqrt(x), 2), [NaN]],
  ['log of less than 0', (x) => lw.slice(lw.log(x), 2), [NaN]],
  ['cast to int32', (x) => lw.cast(x, 'int32'), [0, 1, -1]],
  ['meanSquaredError', (x) => lw.meanSquaredError(x, lw.zeros([3])), [NaN]],
]

const classifier = () =>
  new lw.Sequential({
    input: [4],
    layers: [new lw.Affine(8), new lw.Relu(), new lw.Affine(3), new lw.Softmax()],
    seed: 1,
  })
const LOSS = 'sparseCategoricalCrossentropy'
const compiled = () => classifier().compile({ optimizer: new lw.SGD({ learningRate: 0.1 }), loss: LOSS })
const data = (rows = 60) => ({
  x: lw.normal(lw.randomState(3), [rows, 4]),
  y: lw.tensor(Int32Array.from({ length: rows }, (_, i) => i % 3)),
})
const bytes = (m: lw.Sequential) => Buffer.from(m.snapshot().buffer).toString('hex')
const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

eachBackend(() => {
  it.each(NAN)('NaN: %s', (_name, op, expected) => {
    expect(Array.from(op(lw.tensor([NaN, 1, -1])).data)).toEqual(expected)
  })

  it('argmax finds the first NaN, else the first maximum', () => {
    expect(
      lw
        .argmax(
          lw.tensor([
            [1, NaN, 9, NaN],
            [2, 7, 7, 1],
            [-Infinity, -Infinity, NaN, 0],
          ]),
        )
        .toArray(),
    ).toEqual([1, 1, 2])
    expect(
      lw
        .argmax(
          lw.tensor([
            [1, 5],
            [NaN, 5],
          ]),
          0,
        )
        .toArray(),
    ).toEqual([1, 0])
  })

  it('fit warns once where the loss stops being finite, and goes on', async () => {
    const { x, y } = data()
    x.data[33 * 4] = NaN
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    try {
      const history = await compiled().fit({ x, y }, { batchSize: 8, shuffle: false, epochs: 3 })
      expect(warn).toHaveBeenCalledTimes(1)
      expect(warn.mock.calls[0][0]).toMatch(/^fit: the loss is NaN at epoch 1, step 5 /)
      expect(warn.mock.calls[0][1]).toEqual({ code: 'LANEWISE_NON_FINITE' })
      expect(history.nonFinite).toEqual({ epoch: 1, step: 5 })
      expect(history.epoch).toEqual([1, 2, 3])
    } finally {
      warn.mockRestore()
    }
  })

  it('stopOnNonFinite ends training with a NonFiniteError, and the model is free', async () => {
    const { x, y } = data()
    x.data[33 * 4] = Infinity
    const model = compiled()
    const run = model.fit({ x, y }, { batchSize: 8, shuffle: false, epochs: 1000, stopOnNonFinite: true })
    await expect(run).rejects.toThrow(lw.NonFiniteError)
    await expect(run).rejects.toThrow(/^fit: expected a finite loss, received (NaN|-?Infinity) at epoch 1, step \d/)
    expect((await compiled().fit(data(), { stopOnNonFinite: true })).nonFinite).toBeUndefined()
    await model.fit(data())
  })

  it('labels out of range: told before training, and nothing is harmed', async () => {
    const model = compiled()
    const before = bytes(model)
    const { x } = data()
    for (const bad of [3, -1, 2 ** 31 - 1, -(2 ** 31)]) {
      const y = lw.tensor(Int32Array.from({ length: 60 }, (_, i) => (i === 41 ? bad : 0)))
      await expect(model.fit({ x, y })).rejects.toThrow(`fit: expected labels from 0 to 2, received ${bad} at row 41`)
      await expect(model.evaluate({ x, y })).rejects.toThrow(lw.ValueError)
    }
    const halves = lw.tensor(new Float32Array(60).fill(0.5))
    await expect(model.fit({ x, y: halves })).rejects.toThrow('whole numbers as labels, received 0.5 at row 0')
    expect(bytes(model)).toBe(before)
    await model.fit(data())
  })

  it('labels that turn bad under a recorded step: IndexError, the step stops, and the tape goes on after', async () => {
    const { loss, labels, tape, after } = recorded()
    tape.replay(3)
    const good = loss.item()
    for (const bad of [3, -1, 2 ** 31 - 1]) {
      labels.set(Int32Array.of(0, 1, bad))
      after.set([0])
      expect(() => tape.replay(5)).toThrow(lw.IndexError)
      expect(() => tape.replay(5)).toThrow(/^softmaxCrossEntropy: expected .*, received .*/)
      await expect(tape.replayAsync(5)).rejects.toThrow(lw.IndexError)
      expect(after.item()).toBe(0) // what stands after it in the tape did not run
    }
    labels.set(Int32Array.of(0, 1, 2))
    tape.replay(2)
    expect(loss.item()).toBe(good)
    expect(after.item()).toBe(2)
  })

  function recorded() {
    const x = lw.tensor([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9], { shape: [3, 3], requiresGrad: true })
    const labels = lw.tensor(Int32Array.of(0, 1, 2))
    const [loss, after] = [lw.zeros([]), lw.tensor(Int32Array.of(0))]
    const tape = lw.record(() => {
      lw.copy(lw.softmaxCrossEntropy(x, labels).loss, loss)
      lw.advance(after, 1)
    })
    return { loss, labels, tape, after }
  }

  it('is busy while it fits: no second task, no new weights; and free after', async () => {
    const optimizer = new lw.Adam()
    const model = classifier().compile({ optimizer, loss: LOSS })
    const weights = model.getWeights()
    const controller = new AbortController()
    const fit = model.fit(data(), { epochs: 1e6, signal: controller.signal })
    await nextTurn()
    const busy = 'one task at a time of a model, received a model that is busy with fit'
    await expect(model.fit(data())).rejects.toThrow(busy)
    await expect(model.evaluate(data())).rejects.toThrow(busy)
    expect(() => model.compile({ loss: LOSS })).toThrow(busy)
    const still = 'a moment without steps: a callback, or no fit, received a model that is busy with fit'
    expect(() => model.setWeights(weights)).toThrow(still)
    expect(() => model.setWeights(weights)).toThrow(lw.StateError)
    expect(() => model.restore(model.snapshot())).toThrow(still)
    const { store, layers } = model
    const [{ value }] = layers[0].allParameters()
    for (const write of [
      () => value.set(weights[0]),
      () => lw.noGrad(() => lw.add(value, 1, value)),
      () => lw.fill(store.gradients, 0),
      () => lw.copy(weights[0], value),
      () => lw.fill(value, 0),
      () => lw.put(store.values, lw.full([1], 2), lw.zeros([1], { dtype: 'int32' })),
      () => lw.advance(optimizer.state(store).step, 1),
      () => optimizer.state(store).slots[0].set(store.values),
      () => lw.backward(lw.sum(layers[0].forward(lw.zeros([1, 4])))),
      () => store.zeroGrad(),
      () => optimizer.step(store),
      () => optimizer.reset(store),
    ])
      expect(write).toThrow(still)
    model.predict(data().x) // reading is allowed
    await nextTurn()
    controller.abort()
    await expect(fit).rejects.toMatchObject({ name: 'AbortError' })
    model.setWeights(weights)
    await Promise.all([model.evaluate(data()), expect(model.fit(data())).rejects.toThrow('busy with evaluate')])
    const onEpochEnd = () => [model.setWeights(weights), model.restore(model.snapshot())]
    await model.fit(data(), { callbacks: [{ onEpochEnd }] })
    expect(model.getWeights().map((w) => w.toArray())).toEqual(weights.map((w) => w.toArray()))
    await model.fit(data())
  })

  it('fit before compile, data that do not fit, options out of range', async () => {
    const [model, { x, y }] = [compiled(), data()]
    const before = bytes(model)
    const raw = classifier()
    await expect(raw.fit({ x, y })).rejects.toThrow('fit: expected a compiled model: call compile first')
    await expect(raw.evaluate({ x, y })).rejects.toThrow(lw.StateError)
    const wrong: [unknown, string][] = [
      [undefined, 'fit: expected data { x, y }, received undefined'],
      [{ x }, 'data { x, y }'],
      [{ x, y: null, weightsFile: 'w', classWeight: undefined }, 'y: a tensor or values for one'],
      [
        { x, y, sampleWeight: [1] },
        'data { x, y } (weights of rows beside y, for a loss with targets \'any\'), received "sampleWeight"',
      ],
      [{ x: lw.zeros([60, 5]), y }, 'x of shape [rows, 4], received [60, 5]'],
      [{ x: lw.zeros([5]), y }, 'x of shape [rows, 4], received [5]'],
      [
        { x: new Float32Array(240), y },
        'x of shape [rows, 4] (of numbers one after another tensor(values, { shape: [60, 4] }) makes one)',
      ],
      [{ x, y: lw.slice(y, 1) }, 'y with 60 rows, as x has, received [59]'],
      [{ x, y: lw.zeros([60, 3]) }, 'labels [60] for sparseCategoricalCrossentropy (for one-hot rows take'],
      [{ x: lw.zeros([0, 4]), y: lw.zeros([0]) }, 'at least one row'],
      [{ x: 'text', y }, 'fit: expected x: a number, nested arrays'],
    ]
    for (const [bad, message] of wrong) await expect(model.fit(bad as never), message).rejects.toThrow(message)
    const dense = new lw.Sequential({ input: [4], layers: [new lw.Affine(3), new lw.Softmax()], seed: 1 })
    dense.compile({ loss: 'categoricalCrossentropy' })
    await expect(dense.fit({ x, y })).rejects.toThrow(
      'targets [60, 3] for categoricalCrossentropy (for class numbers take sparseCategoricalCrossentropy), received [60]',
    )
    for (const validation of [0, 1, -0.5, 1.5, NaN, 0.999])
      await expect(model.fit({ x, y }, { validation })).rejects.toThrow('a validation fraction between 0 and 1')
    for (const bad of [0, -1, 1.5, NaN, Infinity, 2 ** 31, '3', {}]) {
      await expect(model.fit({ x, y }, { epochs: bad as never })).rejects.toThrow(lw.ValueError)
      await expect(model.fit({ x, y }, { batchSize: bad as never })).rejects.toThrow(lw.ValueError)
    }
    await expect(model.fit({ x, y }, { callbacks: [new lw.EarlyStopping()] })).rejects.toThrow('monitor')
    await expect(model.fit(x as never, y as never)).rejects.toThrow(
      'fit: expected data { x, y }, received Tensor float',
    )
    await expect(model.evaluate(x as never, y as never)).rejects.toThrow(
      'evaluate: expected data { x, y }, received Tensor',
    )
    expect(() => model.restore(new Float32Array(3))).toThrow('restore: expected a snapshot of this model: ')
    await expect(model.fit({ x, y }, 5 as never)).rejects.toThrow(
      /^fit: expected an object with options \(epochs, .*\), received 5$/,
    )
    expect(bytes(model)).not.toBe(before) // EarlyStopping was found out after the first epoch
    expect(() => model.compile({ loss: 'crossentropy' as never })).toThrow(
      'compile: expected a loss { name, targets, call } or one of',
    )
    expect(() => model.compile({ loss: LOSS, metrics: ['f1' as never] })).toThrow('a metric { name, call } or one of')
    const mine = { name: 'accuracy', call: lw.meanSquaredError }
    expect(() => model.compile({ loss: LOSS, metrics: ['accuracy', mine] })).toThrow(
      'different names, with val before them too, received "accuracy" twice',
    )
    expect(() => model.compile({ loss: LOSS, optimizer: 'sdg' as never })).toThrow('an Optimizer or one of')
    expect(() => model.compile({ loss: null as never })).toThrow(
      /loss to have a value, or to be left out, received null/,
    )
    expect(() => model.compile({ loss: LOSS, metrics: [null as never] })).toThrow(/one of .*, received null$/)
    await model.fit({ x, y })
  })

  it('a class derived from one here may have a field that is refused there', () => {
    class Frozen extends lw.Affine {}
    const layer = Object.assign(new Frozen(2), { trainable: false })
    expect(layer.trainable).toBe(false)
  })

  it('setWeights changes nothing when anything does not fit', () => {
    const model = compiled()
    const before = bytes(model)
    const [w1, b1, w2] = model.getWeights().map((w) => lw.add(w, 1))
    const wrong: unknown[] = [
      undefined,
      'w',
      [],
      [w1, b1, w2],
      [w1, b1, w2, lw.zeros([4])],
      [w1, b1, w2, null],
      [w1, b1, w2, [[1, 2, 3]]],
    ]
    for (const weights of wrong) {
      expect(() => model.setWeights(weights as never)).toThrow(lw.LanewiseError)
      expect(bytes(model)).toBe(before)
    }
    model.setWeights([w1, b1, w2, [1, 2, 3]])
    expect(model.getWeights()[3].toArray()).toEqual([1, 2, 3])
    expect(() => model.predict(lw.zeros([2, 5]))).toThrow('predict: expected x of shape [rows, 4], received [2, 5]')
  })
})

describe('options of unknown names', () => {
  it.each([
    ['SGD', () => new lw.SGD({ lr: 0.1 } as never), 'SGD: expected options among learningRate, momentum'],
    ['Adam', () => new lw.Adam({ betas: [0.9, 0.999] } as never), 'Adam: expected options among learningRate, beta1'],
    ['Affine', () => new lw.Affine(3, { activation: 'relu' } as never), 'Affine: expected options among'],
    [
      'EarlyStopping',
      () => new lw.EarlyStopping({ wait: 3 } as never),
      'EarlyStopping: expected options among monitor',
    ],
  ])('%s', (_name, make, message) => {
    expect(make).toThrow(message)
  })
})
