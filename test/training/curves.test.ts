import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  Affine,
  type FloatDType,
  type Module,
  Relu,
  Sequential,
  Sigmoid,
  Softmax,
  Tanh,
  type Tensor,
  tensor,
} from '../../src/index.js'
import { eachBackend } from '../backends.js'
import { classes, inputs, numbers, OPTIMIZERS, oneHotRows, parameters, relativeError } from './formulas.js'

// By Keras 3, see fixtures/make-training-curves.py: 37 rows in batches of 8, the last of 5; 4 epochs are 20 steps.
interface Curve {
  losses: number[]
  /** 40 of all weights after the last step. */
  weights: number[]
}
interface Case extends Record<FloatDType, Curve> {
  optimizer: keyof typeof OPTIMIZERS
  loss: 'sparseCategoricalCrossentropy' | 'categoricalCrossentropy' | 'binaryCrossentropy' | 'meanSquaredError'
  net: [keyof typeof ACTIVATIONS, number, number]
}
const fixture = path.join(__dirname, '../fixtures/training-curves.json')
const cases: Case[] = JSON.parse(readFileSync(fixture, 'utf8')).curves

const ACTIVATIONS = { tanh: Tanh, relu: Relu, sigmoid: Sigmoid }
const ROWS = 37

interface Head {
  outputs: number
  layers: () => Module[]
  targets: (dtype: FloatDType) => Tensor
}
const HEADS: Record<Case['loss'], Head> = {
  sparseCategoricalCrossentropy: { outputs: 3, layers: () => [new Softmax()], targets: () => tensor(classes(ROWS)) },
  categoricalCrossentropy: {
    outputs: 3,
    layers: () => [new Softmax()],
    targets: () => tensor(oneHotRows(ROWS), { shape: [ROWS, 3] }),
  },
  binaryCrossentropy: {
    outputs: 2,
    layers: () => [new Sigmoid()],
    targets: () =>
      tensor(
        numbers(ROWS * 2, 9, 1).map((v) => (v > 0 ? 1 : 0)),
        { shape: [ROWS, 2] },
      ),
  },
  meanSquaredError: {
    outputs: 3,
    layers: () => [],
    targets: (dtype) => tensor(numbers(ROWS * 3, 9, 504), { shape: [ROWS, 3], dtype }),
  },
}

async function curve(c: Case, dtype: FloatDType): Promise<Curve> {
  const [activation, columns, hidden] = c.net
  const { outputs, layers, targets } = HEADS[c.loss]
  const model = new Sequential({
    input: [columns],
    layers: [new Affine(hidden), new ACTIVATIONS[activation](), new Affine(outputs), ...layers()],
    dtype,
  })
  model.setWeights(parameters(columns, hidden, outputs))
  model.compile({ optimizer: OPTIMIZERS[c.optimizer](), loss: c.loss })
  const data = { x: inputs(ROWS, columns, dtype), y: targets(dtype) }
  const { steps } = await model.fit(data, { epochs: 4, batchSize: 8, shuffle: false })
  const flat = model.getWeights().flatMap((w) => Array.from(w.data))
  const weights = Array.from({ length: 40 }, (_, k) => flat[Math.floor((k * flat.length) / 40)])
  return { losses: steps.loss, weights }
}

const TOLERANCE: Record<FloatDType, number> = { float32: 1e-5, float64: 1e-10 }

describe('20 steps of training as Keras 3 takes them', () => {
  it('every optimizer meets every loss', () => {
    const pairs = new Set(cases.map((c) => `${c.optimizer} ${c.loss}`))
    expect(pairs.size).toBe(Object.keys(OPTIMIZERS).length * Object.keys(HEADS).length)
    expect(new Set(cases.map((c) => `${c.optimizer} ${c.net[0]}`)).size).toBe(Object.keys(OPTIMIZERS).length * 3)
  })

  eachBackend(() => {
    describe.each(['float32', 'float64'] as const)('%s', (dtype) => {
      it.each(cases)('$optimizer, $loss, $net.0', async (c) => {
        const got = await curve(c, dtype)
        const wanted = c[dtype]
        expect(wanted.losses).toHaveLength(20)
        expect(relativeError(got.losses, wanted.losses)).toBeLessThan(TOLERANCE[dtype])
        // Keras's float32 is up to 6e-6 off here (Adam's powers of beta in float32); ours are in float64.
        expect(relativeError(got.losses, c.float64.losses)).toBeLessThan(dtype === 'float32' ? 1e-6 : 1e-10)
        // Weights near 0 are sums of larger ones: they are held against the initial values' size.
        expect(relativeError(got.weights, wanted.weights, 0.25)).toBeLessThan(TOLERANCE[dtype])
      })
    })
  })
})
