import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import {
  Adam,
  Affine,
  type FitOptions,
  type FloatDType,
  losses,
  Relu,
  Sequential,
  SGD,
  Sigmoid,
  Softmax,
  slice,
  Tanh,
  type Tensor,
  tensor,
} from '../../src/index.js'
import { eachBackend } from '../backends.js'
import { classes, inputs, numbers, oneHotRows, parameters, relativeError } from './formulas.js'

// By Keras 3, see fixtures/make-training-curves.py.
interface Fitted {
  history: Record<'loss' | 'accuracy' | 'val_loss' | 'val_accuracy', number[]>
  evaluate: [number, number]
  predict: number[]
}
const file = path.join(__dirname, '../fixtures/training-curves.json')
const keras: Record<'plain' | 'fraction', Fitted> = JSON.parse(readFileSync(file, 'utf8')).fit

/** Keras's figures of an epoch are means in float32. */
const FIGURES = 1e-6
const loss = 'sparseCategoricalCrossentropy'

/** The network and 50 rows of the fixture. */
function classifier(dtype: FloatDType = 'float64', optimizer = new SGD({ learningRate: 0.1, momentum: 0.9 })) {
  const model = new Sequential({ input: [7], layers: [new Affine(5), new Tanh(), new Affine(3), new Softmax()], dtype })
  model.setWeights(parameters(7, 5, 3))
  return model.compile({ optimizer, loss, metrics: ['accuracy'] })
}
const rows = (n = 50, dtype: FloatDType = 'float64') => ({ x: inputs(n, 7, dtype), y: tensor(classes(n)) })
const inOrder = { batchSize: 16, shuffle: false }

function weights(model: Sequential): number[] {
  return model.getWeights().flatMap((w) => Array.from(w.data))
}

async function fitted(options: FitOptions, seed = 0): Promise<number[]> {
  const model = new Sequential({ input: [7], layers: [new Affine(4), new Tanh(), new Affine(3), new Softmax()], seed })
  await model.compile({ optimizer: new Adam(), loss }).fit(rows(), options)
  return weights(model)
}

eachBackend(() => {
  describe('fit reports what Keras reports', () => {
    it('with a smaller last batch, which counts by its size', async () => {
      const model = classifier()
      const { history, epoch, steps, seconds } = await model.fit(rows(), { epochs: 3, ...inOrder })
      expect(Object.keys(history)).toEqual(['loss', 'accuracy'])
      expect(relativeError(history.loss, keras.plain.history.loss)).toBeLessThan(FIGURES)
      expect(relativeError(history.accuracy, keras.plain.history.accuracy)).toBeLessThan(FIGURES)
      expect(epoch).toEqual([1, 2, 3])
      expect(steps.loss).toHaveLength(12)
      expect(steps.accuracy).toHaveLength(12)
      expect(seconds).toHaveLength(3)
      // The mean of an epoch is that of its steps: 16, 16, 16 and 2 rows.
      const [a, b, c, d] = steps.loss.slice(4)
      expect(history.loss[1]).toBeCloseTo((16 * (a + b + c) + 2 * d) / 50, 12)
      for (const batchSize of [1, 16, 50, 1000, undefined]) {
        const result = await model.evaluate(rows(), batchSize ? { batchSize } : {})
        expect(relativeError([result.loss, result.accuracy], keras.plain.evaluate)).toBeLessThan(FIGURES)
      }
      expect(relativeError(model.predict(inputs(3, 7, 'float64')).data, keras.plain.predict)).toBeLessThan(1e-10)
    })

    it('with the last rows held back for validation', async () => {
      const model = classifier()
      const { history } = await model.fit(rows(), { epochs: 3, validation: 0.3, ...inOrder })
      expect(Object.keys(history)).toEqual(['loss', 'accuracy', 'valLoss', 'valAccuracy'])
      expect(relativeError(history.loss, keras.fraction.history.loss)).toBeLessThan(FIGURES)
      expect(relativeError(history.accuracy, keras.fraction.history.accuracy)).toBeLessThan(FIGURES)
      expect(relativeError(history.valLoss, keras.fraction.history.val_loss)).toBeLessThan(FIGURES)
      expect(relativeError(history.valAccuracy, keras.fraction.history.val_accuracy)).toBeLessThan(FIGURES)
      expect(relativeError(model.predict(inputs(3, 7, 'float64')).data, keras.fraction.predict)).toBeLessThan(1e-10)
    })

    it('with those rows given as validation data', async () => {
      const { x, y } = rows()
      const model = classifier()
      const held = { x: slice(x, 35), y: slice(y, 35) }
      const kept = { x: slice(x, 0, 35), y: slice(y, 0, 35) }
      const { history } = await model.fit(kept, { epochs: 3, validation: held, ...inOrder })
      const other = await classifier().fit({ x, y }, { epochs: 3, validation: 0.3, ...inOrder })
      expect(history).toEqual(other.history)
      const last = await model.evaluate(held)
      expect(last).toEqual({ loss: history.valLoss[2], accuracy: history.valAccuracy[2] })
    })
  })

  describe('fit', () => {
    it('shuffles by the seed, the validation rows left out; without shuffle the order stays', async () => {
      const once = await fitted({ batchSize: 16 })
      expect(await fitted({ batchSize: 16 })).toEqual(once)
      expect(await fitted({ batchSize: 16 }, 1)).not.toEqual(once)
      const model = classifier('float32')
      const { steps } = await model.fit(rows(), { batchSize: 1, epochs: 2, validation: 0.3 })
      const ordered = await classifier('float32').fit(rows(), { batchSize: 1, epochs: 2, shuffle: false })
      expect(steps.loss).toHaveLength(70)
      expect(ordered.steps.loss).toHaveLength(100)
    })

    it('sees each row once an epoch, in an order that is new each epoch, or the given one', async () => {
      // At learning rate 0 and batches of one row, a step's loss tells which row it was.
      const orders = async (shuffle: boolean) => {
        const model = classifier('float64', new SGD({ learningRate: 0 }))
        const { steps } = await model.fit(rows(), { batchSize: 1, epochs: 2, shuffle })
        return [steps.loss.slice(0, 50), steps.loss.slice(50)]
      }
      const sorted = (list: number[]) => [...list].sort((a, b) => a - b)
      const [a, b] = await orders(true)
      const [c, d] = await orders(false)
      expect(c).toEqual(d)
      expect(a).not.toEqual(b)
      expect(a).not.toEqual(c)
      expect(sorted(a)).toEqual(sorted(c))
      expect(sorted(b)).toEqual(sorted(c))
    })

    it('goes on where it stopped: two fits are one, optimizer and shuffling included', async () => {
      const whole = classifier('float32', new SGD({ learningRate: 0.1, momentum: 0.9 }))
      const long = await whole.fit(rows(), { epochs: 4, batchSize: 16 })
      const parts = classifier('float32', new SGD({ learningRate: 0.1, momentum: 0.9 }))
      const first = await parts.fit(rows(), { epochs: 1, batchSize: 16 })
      const second = await parts.fit(rows(), { epochs: 3, batchSize: 16 })
      expect(weights(parts)).toEqual(weights(whole))
      expect([...first.history.loss, ...second.history.loss]).toEqual(long.history.loss)
      expect(second.epoch).toEqual([1, 2, 3])
    })

    it('takes a batch larger than the data as all of it', async () => {
      const [a, b] = [classifier(), classifier()]
      const { steps } = await a.fit(rows(), { batchSize: 5000, shuffle: false })
      expect(steps.loss).toHaveLength(1)
      await b.fit(rows(), { batchSize: 50, shuffle: false })
      expect(weights(a)).toEqual(weights(b))
    })

    it('takes one row', async () => {
      const { history, steps } = await classifier().fit(rows(1), { epochs: 3 })
      expect(steps.loss).toEqual(history.loss)
      expect(history.loss[2]).toBeLessThan(history.loss[0])
    })

    it('float64 keeps digits that float32 loses', async () => {
      const wide = classifier('float64')
      await wide.fit(rows(50, 'float64'), inOrder)
      const narrow = classifier('float32')
      await narrow.fit(rows(50, 'float64'), inOrder) // float64 data are cast
      expect(wide.getWeights()[0].dtype).toBe('float64')
      expect(narrow.getWeights()[0].dtype).toBe('float32')
      const error = relativeError(weights(narrow), weights(wide), 0.25)
      expect(error).toBeGreaterThan(1e-9)
      expect(error).toBeLessThan(1e-5)
    })

    it('one-hot rows with categoricalCrossentropy are as class numbers', async () => {
      const a = classifier()
      await a.fit(rows(), inOrder)
      const b = classifier()
      b.compile({ optimizer: new SGD({ learningRate: 0.1, momentum: 0.9 }), loss: 'categoricalCrossentropy' })
      await b.fit({ x: inputs(50, 7, 'float64'), y: tensor(oneHotRows(50), { shape: [50, 3] }) }, inOrder)
      expect(relativeError(weights(b), weights(a), 0.25)).toBeLessThan(1e-14)
    })

    it('takes labels as int32, uint8, whole floats, [n, 1] and arrays alike', async () => {
      const { x, y } = rows()
      const results: number[][] = []
      const list = Array.from(classes(50))
      const forms = [y, tensor(Uint8Array.from(list)), tensor(Float32Array.from(list)), y.reshape([50, 1]), list]
      for (const form of forms) {
        const model = classifier()
        await model.fit({ x, y: form }, inOrder)
        results.push(weights(model))
      }
      for (const result of results) expect(result).toEqual(results[0])
    })

    it('regression: y [n] for an output [n, 1]', async () => {
      const x = inputs(40, 3)
      const y = Float32Array.from({ length: 40 }, (_, i) => 2 * x.data[3 * i] - x.data[3 * i + 1] + 0.5)
      const train = async (shape: number[]) => {
        const model = new Sequential({ input: [3], layers: [new Affine(1)], seed: 2 })
        model.compile({ optimizer: new SGD({ learningRate: 0.2 }), loss: 'mse', metrics: ['meanSquaredError'] })
        const { history } = await model.fit({ x, y: tensor(y, { shape }) }, { epochs: 60, batchSize: 8 })
        expect(history.meanSquaredError).toEqual(history.loss)
        return model
      }
      const [a, b] = [await train([40]), await train([40, 1])]
      expect(weights(a)).toEqual(weights(b))
      expect(relativeError(weights(a), [2, -1, 0, 0.5], 1)).toBeLessThan(1e-3)
      expect(a.predict(x).shape).toEqual([40, 1])
    })

    it('mean absolute error: what outliers count for, and its step', async () => {
      const x = inputs(40, 3)
      const y = Float32Array.from({ length: 40 }, (_, i) => (i % 10 === 0 ? 100 : x.data[3 * i] + 0.5))
      const model = new Sequential({ input: [3], layers: [new Affine(1)], seed: 2 })
      model.compile({ optimizer: new SGD({ learningRate: 0.1 }), loss: 'mae', metrics: ['mae', 'mse'] })
      const [w, b] = model.getWeights().map((t) => Array.from(t.data))
      const signs = Array.from(model.predict(x).data, (p, i) => Math.sign(p - y[i]))
      const mean = (f: (i: number) => number) => signs.reduce((sum, sign, i) => sum + sign * f(i), 0) / 40
      await model.fit({ x, y }, { batchSize: 40 })
      const stepped = [...w.map((v, k) => v - 0.1 * mean((i) => x.data[3 * i + k])), b[0] - 0.1 * mean(() => 1)]
      expect(relativeError(weights(model), stepped, 1)).toBeLessThan(1e-6)

      const { history } = await model.fit({ x, y }, { epochs: 300, batchSize: 40 })
      expect(history.meanAbsoluteError).toEqual(history.loss)
      const of = (f: (d: number) => number) =>
        Array.from(model.predict(x).data, (p, i) => f(p - y[i])).reduce((sum, v) => sum + v) / 40
      const { meanAbsoluteError, meanSquaredError } = await model.evaluate({ x, y })
      expect(relativeError([meanAbsoluteError, meanSquaredError], [of(Math.abs), of((d) => d * d)])).toBeLessThan(1e-5)
      // Nine of ten rows decide: squares would end at a bias of 10.
      expect(relativeError(weights(model), [1, 0, 0, 0.5], 1)).toBeLessThan(0.3)
    })

    it('two classes: sigmoid, binaryCrossentropy and accuracy by a threshold of 0.5', async () => {
      const x = inputs(60, 4)
      const y = tensor(Float32Array.from({ length: 60 }, (_, i) => (x.data[4 * i] + x.data[4 * i + 2] > 0 ? 1 : 0)))
      const model = new Sequential({ input: [4], layers: [new Affine(8), new Relu(), new Affine(1), new Sigmoid()] })
      model.compile({ optimizer: new Adam({ learningRate: 0.05 }), loss: 'binaryCrossentropy', metrics: ['accuracy'] })
      const { history } = await model.fit({ x, y }, { epochs: 40, batchSize: 16 })
      expect(history.accuracy[39]).toBeGreaterThan(0.95)
      const p = Array.from(model.predict(x).data)
      const right = p.filter((v, i) => v > 0.5 === (y.data[i] === 1)).length
      const result = await model.evaluate({ x, y })
      expect(result.accuracy).toBeCloseTo(right / 60, 12)
      const surprise = p.reduce((sum, v, i) => sum - Math.log(y.data[i] === 1 ? v : 1 - v), 0)
      expect(result.loss).toBeCloseTo(surprise / 60, 5)
    })

    it('a loss and a metric of one’s own', async () => {
      const halved = {
        name: 'half',
        targets: 'dense' as const,
        call: (p: Tensor, t: Tensor) => p.subtract(t).square().mean().multiply(0.5),
      }
      const bias = { name: 'bias', call: (p: Tensor, t: Tensor) => p.subtract(t).mean() }
      const x = inputs(40, 3)
      const y = tensor(numbers(40, 8, 504), { dtype: 'float32' })
      const model = new Sequential({ input: [3], layers: [new Affine(1)], seed: 2 })
      model.compile({ optimizer: new SGD({ learningRate: 0.1 }), loss: halved, metrics: [bias, 'meanSquaredError'] })
      const { history, steps } = await model.fit({ x, y }, { epochs: 2, validation: 0.25 })
      expect(Object.keys(history)).toEqual([
        'loss',
        'bias',
        'meanSquaredError',
        'valLoss',
        'valBias',
        'valMeanSquaredError',
      ])
      expect(steps.bias).toHaveLength(2)
      expect(history.valLoss[1]).toBeCloseTo(history.valMeanSquaredError[1] / 2, 6)
      const twin = new Sequential({ input: [3], layers: [new Affine(1)], seed: 2 })
      twin.compile({ optimizer: new SGD({ learningRate: 0.05 }), loss: losses.meanSquaredError })
      await twin.fit({ x, y }, { epochs: 2, validation: 0.25 })
      expect(relativeError(weights(model), weights(twin), 1)).toBeLessThan(1e-6)
    })

    it('refuses a metric or a loss that is not one number', async () => {
      const model = classifier()
      const each = { name: 'each', call: (p: Tensor) => p.mean(1) }
      model.compile({ loss, metrics: [each] })
      await expect(model.fit(rows())).rejects.toThrow(
        'fit: expected metric each to return a float tensor of one element, received Tensor float64 [32]',
      )
      await expect(model.evaluate(rows())).rejects.toThrow('evaluate: expected metric each to return')
      model.compile({ loss: { name: 'each', targets: 'index', call: (p) => p.mean(1) } })
      await expect(model.fit(rows())).rejects.toThrow('fit: expected loss each to return a float tensor of one element')
      model.compile({ loss })
      await model.fit(rows())
    })

    it('verbose: a line an epoch on standard error, nothing on standard output', async () => {
      const err = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
      const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
      const model = classifier('float32')
      let text = ''
      try {
        await model.fit(rows(), { epochs: 2, validation: 0.3, verbose: true })
        text = err.mock.calls.map(([t]) => String(t)).join('')
        err.mockClear()
        await model.fit(rows(), { epochs: 2 })
        expect(err).not.toHaveBeenCalled()
        expect(out).not.toHaveBeenCalled()
      } finally {
        err.mockRestore()
        out.mockRestore()
      }
      const figure = '\\d+\\.\\d{4}'
      const line = (n: number) =>
        `epoch ${n}/2  \\d\\.\\d s  loss ${figure}  accuracy ${figure}  valLoss ${figure}  valAccuracy ${figure}\n`
      expect(text).toMatch(new RegExp(`^${line(1)}${line(2)}$`))
    })
  })
})
