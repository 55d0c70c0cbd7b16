import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  Affine,
  type FloatDType,
  type InitializerName,
  LeakyRelu,
  type Loss,
  type LossName,
  losses,
  type MetricName,
  Module,
  type Optimizer,
  Relu,
  Sequential,
  Sigmoid,
  Softmax,
  sigmoid,
  softmax,
  Tanh,
  type Tensor,
  tensor,
} from '../../src/index.js'
import { eachBackend } from '../backends.js'
import { classes, inputs, numbers, OPTIMIZERS, oneHotRows, parameters, relativeError } from './formulas.js'

// By Keras 3, see fixtures/make-training-more.py: initialisers, losses after other activations than their own, changing
// learning rates, metrics; and the losses' way over probabilities, which must lead to the curves of the fused one.

type Net = [keyof typeof ACTIVATIONS, number, number]
interface Curve {
  losses: number[]
  weights: number[]
}
type Curves = Record<FloatDType, Curve> & { net: Net }
interface Fixture {
  initializers: (Curves & { initializer: InitializerName })[]
  heads: (Curves & { head: string; optimizer: 'sgd' | 'adam' })[]
  rates: (Curves & { optimizer: string; rates: number[] })[]
  metrics: { loss: string; values: number[] }[]
}
const read = (name: string) => JSON.parse(readFileSync(path.join(__dirname, '../fixtures', name), 'utf8'))
const fixture: Fixture = read('training-more.json')

const ACTIVATIONS = {
  tanh: () => new Tanh(),
  relu: () => new Relu(),
  sigmoid: () => new Sigmoid(),
  leaky_relu: () => new LeakyRelu(0.25),
}
const binaries = (rows: number, columns: number) => {
  const all = numbers(rows * 2, 9, 1).map((v) => (v > 0 ? 1 : 0))
  const shape = [rows, columns]
  return tensor(columns === 2 ? all : all.filter((_, i) => i % 2 === 0), { shape, dtype: 'float64' })
}
const reals = (rows: number) => tensor(numbers(rows * 3, 9, 504), { shape: [rows, 3], dtype: 'float64' })
const oneHot = (rows: number) => tensor(oneHotRows(rows), { shape: [rows, 3] })

interface Head {
  outputs: number
  last: Module[]
  loss: Loss | LossName
  targets(rows: number): Tensor
}
const HEADS: Record<string, () => Head> = {
  sparseCategoricalCrossentropy: () => ({
    outputs: 3,
    last: [new Softmax()],
    loss: 'sparseCategoricalCrossentropy',
    targets: (rows) => tensor(classes(rows)),
  }),
  categoricalCrossentropy: () => ({
    outputs: 3,
    last: [new Softmax()],
    loss: 'categoricalCrossentropy',
    targets: oneHot,
  }),
  binaryCrossentropy: () => ({
    outputs: 2,
    last: [new Sigmoid()],
    loss: 'binaryCrossentropy',
    targets: (rows) => binaries(rows, 2),
  }),
  meanSquaredError: () => ({ outputs: 3, last: [], loss: 'mse', targets: reals }),
  'sigmoid meanSquaredError': () => ({ outputs: 3, last: [new Sigmoid()], loss: 'meanSquaredError', targets: reals }),
  'softmax meanSquaredError': () => ({ outputs: 3, last: [new Softmax()], loss: 'meanSquaredError', targets: reals }),
  'tanh meanSquaredError': () => ({ outputs: 3, last: [new Tanh()], loss: 'meanSquaredError', targets: reals }),
  'softmax binaryCrossentropy': () => ({
    outputs: 3,
    last: [new Softmax()],
    loss: 'binaryCrossentropy',
    targets: oneHot,
  }),
  'one binaryCrossentropy': () => ({
    outputs: 1,
    last: [new Sigmoid()],
    loss: 'binaryCrossentropy',
    targets: (rows) => binaries(rows, 1),
  }),
}

interface Run {
  net: Net
  head: Head
  optimizer: Optimizer
  dtype: FloatDType
  rates?: number[]
  initializer?: InitializerName
}

async function train({ net: [activation, columns, hidden], head, optimizer, dtype, rates, initializer }: Run) {
  const options = initializer && { weightInitializer: initializer }
  const model = new Sequential({
    input: [columns],
    layers: [new Affine(hidden, options), ACTIVATIONS[activation](), new Affine(head.outputs, options), ...head.last],
    dtype,
    seed: 3,
  })
  if (!initializer) model.setWeights(parameters(columns, hidden, head.outputs))
  model.compile({ optimizer, loss: head.loss })
  const data = { x: inputs(37, columns, dtype), y: head.targets(37) }
  const onEpochBegin = (epoch: number) => {
    if (rates) optimizer.learningRate = rates[epoch - 1]
  }
  const { steps } = await model.fit(data, { epochs: 4, batchSize: 8, shuffle: false, callbacks: [{ onEpochBegin }] })
  const flat = model.getWeights().flatMap((w) => Array.from(w.data))
  return { losses: steps.loss, weights: Array.from({ length: 40 }, (_, k) => flat[Math.floor((k * flat.length) / 40)]) }
}

const TOLERANCE: Record<FloatDType, number> = { float32: 1e-5, float64: 1e-10 }

function expectCurve(got: Curve, c: Curves, dtype: FloatDType): void {
  const wanted = c[dtype]
  expect(wanted.losses).toHaveLength(20)
  expect(relativeError(got.losses, wanted.losses)).toBeLessThan(TOLERANCE[dtype])
  expect(relativeError(got.weights, wanted.weights, 0.25)).toBeLessThan(TOLERANCE[dtype])
  // Nearer to the float64 curve than Keras's float32 is (Adam's powers of beta).
  expect(relativeError(got.losses, c.float64.losses)).toBeLessThan(dtype === 'float32' ? 2e-6 : 1e-10)
}

/** Activations that no loss knows as its own. */
class OwnSoftmax extends Module {
  forward(x: Tensor): Tensor {
    return softmax(x)
  }
}
class OwnSigmoid extends Module {
  forward(x: Tensor): Tensor {
    return sigmoid(x)
  }
}

eachBackend(() => {
  describe.each(['float32', 'float64'] as const)('20 steps as Keras 3 takes them, %s', (dtype) => {
    it.each(fixture.initializers)('from weights by $initializer', async (c) => {
      const head = HEADS.sparseCategoricalCrossentropy()
      const { initializer, net } = c
      expectCurve(await train({ net, head, optimizer: OPTIMIZERS.momentum(), dtype, initializer }), c, dtype)
    })

    it.each(fixture.heads)('$head, $optimizer, $net.0', async (c) => {
      const optimizer = OPTIMIZERS[c.optimizer]()
      expectCurve(await train({ net: c.net, head: HEADS[c.head](), optimizer, dtype }), c, dtype)
    })

    it.each(fixture.rates)('another learning rate each epoch, $optimizer', async (c) => {
      const head = HEADS.sparseCategoricalCrossentropy()
      const optimizer = OPTIMIZERS[c.optimizer]()
      expectCurve(await train({ net: c.net, head, optimizer, dtype, rates: c.rates }), c, dtype)
    })

    const fused: (Curves & { optimizer: string; loss: string })[] = read('training-curves.json').curves
    const ways = fused.filter((c) => ['sgd', 'adam'].includes(c.optimizer) && c.loss.endsWith('rossentropy'))
    it.each(ways)('over probabilities, $loss, $optimizer', async (c) => {
      const head = HEADS[c.loss]()
      const last = [c.loss === 'binaryCrossentropy' ? new OwnSigmoid() : new OwnSoftmax()]
      const optimizer = OPTIMIZERS[c.optimizer]()
      expectCurve(await train({ net: c.net, head: { ...head, last }, optimizer, dtype }), c, dtype)
      // A loss without a fused way takes the layer's output, too.
      const loss: Loss = { ...losses[c.loss as 'binaryCrossentropy'], fused: undefined }
      const again = await train({ net: c.net, head: { ...head, loss }, optimizer: OPTIMIZERS[c.optimizer](), dtype })
      expectCurve(again, c, dtype)
    })
  })

  it('covers every initialiser by name', () => {
    const names = fixture.initializers.map((c) => c.initializer)
    expect(names.sort()).toEqual(
      'glorotNormal glorotUniform heNormal heUniform lecunNormal lecunUniform normal uniform zeros'.split(' '),
    )
  })

  it.each(fixture.metrics)('metrics of 50 rows in batches of 16: $loss', async ({ loss, values }) => {
    const head = HEADS[loss]()
    const all: Record<string, MetricName[]> = {
      sparseCategoricalCrossentropy: ['accuracy'],
      categoricalCrossentropy: ['accuracy', 'meanSquaredError'],
      binaryCrossentropy: ['accuracy', 'binaryAccuracy', 'meanSquaredError'],
      'one binaryCrossentropy': ['accuracy', 'binaryAccuracy', 'meanSquaredError'],
      meanSquaredError: ['meanSquaredError'],
    }
    const model = new Sequential({
      input: [7],
      layers: [new Affine(5), new Tanh(), new Affine(head.outputs), ...head.last],
      dtype: 'float64',
    })
    model.setWeights(parameters(7, 5, head.outputs))
    model.compile({ loss: head.loss, metrics: all[loss] })
    const data = { x: inputs(50, 7, 'float64'), y: head.targets(50) }
    for (const batchSize of [1, 16, 49, 50, undefined]) {
      const got = await model.evaluate(data, batchSize ? { batchSize } : {})
      expect(Object.keys(got)).toEqual(['loss', ...all[loss]])
      expect(relativeError(Object.values(got), values)).toBeLessThan(1e-6) // Keras's means are in float32
    }
  })
})
