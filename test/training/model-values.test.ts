import { expect, it } from 'vitest'
import { Adam, AdamW, Affine, RMSProp, Sequential, SGD, Sigmoid, tensor } from '../../src/index.js'
import { eachBackend } from '../backends.js'

// What a model takes, keeps, and refuses.

it('the default learning rates', () => {
  const optimizers = [new SGD(), new RMSProp(), new Adam(), new AdamW()]
  expect(optimizers.map((o) => o.learningRate)).toEqual([0.01, 0.001, 0.001, 0.001])
})

eachBackend(() => {
  const wide = () => new Sequential({ input: [2], layers: [new Affine(1)], seed: 1, dtype: 'float64' })

  it('a float64 model takes nested arrays as float64: weights by JSON, rows of predict and of fit', async () => {
    const [a, b] = [wide(), wide()]
    const weights = JSON.parse(JSON.stringify(a.getWeights()))
    b.setWeights(weights)
    expect(JSON.parse(JSON.stringify(b.getWeights()))).toEqual(weights)
    const x = [[0.1, 0.2]]
    const y = [[0.3]]
    const [x64, y64] = [x, y].map((v) => tensor(v, { dtype: 'float64' }))
    expect(a.predict(x).toArray()).toEqual(a.predict(x64).toArray())
    await a.compile({ loss: 'mse', optimizer: 'sgd' }).fit({ x, y })
    await b.compile({ loss: 'mse', optimizer: 'sgd' }).fit({ x: x64, y: y64 })
    expect(b.snapshot()).toEqual(a.snapshot())
  })

  it('a first affine layer over the last of several dimensions trains', async () => {
    // As long rows as those which fit lets the layer gather itself where there are several threads.
    const model = new Sequential({ input: [2, 256], layers: [new Affine(4)], seed: 1 })
    const x = tensor(
      Float32Array.from({ length: 4 * 512 }, (_, i) => Math.sin(i)),
      { shape: [4, 2, 256] },
    )
    const y = tensor(new Float32Array(32), { shape: [4, 2, 4] })
    const mean = model.predict(x).square().mean().item()
    const { steps } = await model.compile({ loss: 'mse', optimizer: 'sgd' }).fit({ x, y }, { batchSize: 4 })
    expect(steps.loss[0]).toBeCloseTo(mean, 5)
  })

  it('setWeights changes nothing where a later flat array does not fit', () => {
    const model = new Sequential({ input: [2], layers: [new Affine(1)] })
    const before = model.snapshot()
    expect(() => model.setWeights([new Float32Array([7, 7]), new Float32Array(3)])).toThrow(
      /Affine.bias of shape \[1\]/,
    )
    expect(model.snapshot()).toEqual(before)
  })

  it('a model keeps its layers, whatever becomes of the list', () => {
    const layers = [new Affine(2), new Sigmoid()]
    const model = new Sequential({ input: [2], layers })
    const before = model.predict([[1, 2]]).toArray()
    layers.pop()
    expect(model.predict([[1, 2]]).toArray()).toEqual(before)
  })
})
