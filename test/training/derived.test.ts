import { expect, it } from 'vitest'
import * as lw from '../../src/index.js'
import { eachBackend } from '../backends.js'

// Classes derived from lanewise's: their fields and methods may have any names but those of public ones.

eachBackend(() => {
  it('a layer derived from Affine may have options, and the initializer that it was given holds', () => {
    class Dense extends lw.Affine {
      options: { dropout: number }
      constructor(units: number, options: { dropout: number }) {
        super(units, { weightInitializer: 'ones' })
        this.options = options
      }
    }
    const model = new lw.Sequential({ input: [2], layers: [new Dense(2, { dropout: 0.5 })] })
    expect(model.getWeights()[0].toArray()).toEqual([
      [1, 1],
      [1, 1],
    ])
  })

  it('a model, an optimizer and an EarlyStopping may have fields of any name', async () => {
    class Model extends lw.Sequential {
      network = 1
      made = 2
      checkIdle = 3
      exclusively = 4
      checkNotRecording = 5
      task = 6
    }
    class Clipped extends lw.SGD {
      update = 'own'
      states = 1
      stateOf = 2
      flags = 3
      doubles = 4
    }
    class Patient extends lw.EarlyStopping {
      sign = -1
      weights = 'none'
      model = 'none'
      restoring = false
    }
    const x = lw.uniform(lw.randomState(1), [20, 3])
    const run = async (Net: typeof lw.Sequential, SGD: typeof lw.SGD, Stop: typeof lw.EarlyStopping) => {
      const model = new Net({ input: [3], layers: [new lw.Affine(1)], seed: 2 })
      model.compile({ optimizer: new SGD({ learningRate: 0.1, momentum: 0.5 }), loss: 'mse' })
      const stop = new Stop({ monitor: 'loss', patience: 3 })
      await model.fit({ x, y: lw.zeros([20, 1]) }, { epochs: 5, callbacks: [stop] })
      const { loss } = await model.evaluate({ x, y: lw.zeros([20, 1]) })
      return [loss, stop.bestEpoch, model.summary(), ...model.getWeights().map((w) => w.toArray())]
    }
    const plain = await run(lw.Sequential, lw.SGD, lw.EarlyStopping)
    expect(plain[1]).toBe(5)
    expect(await run(Model, Clipped, Patient)).toEqual(plain)
  })

  it('a method without its object is an error that says so', async () => {
    const model = new lw.Sequential({ input: [1], layers: [new lw.Affine(1)] }).compile({ loss: 'mse' })
    const { predict, evaluate, summary } = model
    const made = /expected an instance of \w+ that its constructor made, received undefined/
    expect(() => predict([[1]])).toThrow(made)
    expect(() => summary()).toThrow(made)
    await expect(evaluate({ x: [[1]], y: [[1]] })).rejects.toThrow(made)
    const { step } = new lw.SGD()
    expect(() => step(model.store)).toThrow(made)
    const { onEpochEnd } = new lw.EarlyStopping()
    expect(() => onEpochEnd(1, { valLoss: 1 }, model)).toThrow(made)
    const { forward } = new lw.Affine(1)
    expect(() => forward(lw.zeros([1, 1]))).toThrow(lw.StateError)
  })
})

it('EarlyStopping: a patience of whole epochs, which a subclass may set; what it has not is refused', () => {
  class Patient extends lw.EarlyStopping {
    constructor() {
      super({ monitor: 'loss' })
      Object.assign(this, { patience: 3 })
    }
  }
  const model = new lw.Sequential({ input: [1], layers: [new lw.Affine(1)] })
  const stop = new Patient()
  expect([stop.monitor, stop.patience, stop.minDelta]).toEqual(['loss', 3, 0])
  stop.onTrainBegin(model)
  const stopped = [1, 2, 3, 4].map((epoch) => {
    stop.onEpochEnd(epoch, { loss: 1 }, model)
    return model.stopTraining
  })
  expect(stopped).toEqual([false, false, false, true])
  expect(() => Object.assign(new lw.EarlyStopping(), { mode: 'max' })).toThrow(
    'EarlyStopping.mode: expected a new EarlyStopping with it, received "max"',
  )
  for (const patience of [0.5, Number.NaN, -1])
    expect(() => new lw.EarlyStopping({ patience })).toThrow('EarlyStopping: expected a patience of whole epochs >= 0')
})

it('a proxy of a model, an optimizer or an EarlyStopping, as frameworks of pages make them, is as good', async () => {
  const model = new lw.Sequential({ input: [1], layers: [new lw.Affine(1)], seed: 1 })
  const sgd = new lw.SGD({ learningRate: 0.1, momentum: 0.9 })
  const [shown, optimizer, stop] = [model, sgd, new lw.EarlyStopping({ monitor: 'loss' })].map(
    (o) => new Proxy(o, {}),
  ) as [lw.Sequential, lw.SGD, lw.EarlyStopping]
  shown.compile({ optimizer, loss: 'mse' })
  await shown.fit({ x: [[1]], y: [[2]] }, { epochs: 2, callbacks: [stop] })
  expect(shown.predict([[1]]).toArray()).toEqual(model.predict([[1]]).toArray())
  expect(optimizer.state(model.store)).toBe(sgd.state(model.store))
})

it('a factory of initializers without options takes none', () => {
  const { heNormal, zeros } = lw.initializers as unknown as Record<string, (o?: unknown) => lw.Initializer>
  expect(() => heNormal({ seed: 1 })).toThrow('heNormal: expected no arguments, received { seed }')
  expect(() => zeros([3])).toThrow('zeros: expected no arguments, received [3]')
  expect(heNormal(undefined)).toBeTypeOf('function')
  expect(heNormal.name).toBe('heNormal')
  // Itself in place of what it makes is told apart where it is used.
  const layer = new lw.Affine(2, { weightInitializer: heNormal as unknown as lw.Initializer })
  expect(() => new lw.Sequential({ input: [2], layers: [layer] })).toThrow('heNormal(), not heNormal')
})

it('a dtype that does not fit is a TypeMismatchError, a shape a ShapeError', () => {
  const a = lw.zeros([2, 2])
  const wide = lw.zeros([2, 2], { dtype: 'float64' })
  expect(() => lw.add(a, a, wide)).toThrow(lw.TypeMismatchError)
  expect(() => lw.matmul(a, a, {}, wide)).toThrow(lw.TypeMismatchError)
  expect(() => lw.add(a, a, lw.zeros([2, 3]))).toThrow(lw.ShapeError)
  expect(() => lw.permutation(lw.randomState(1), 4, lw.zeros([4]))).toThrow(lw.TypeMismatchError)
  expect(() => lw.softmaxCrossEntropy(a, lw.zeros([2]))).toThrow(lw.TypeMismatchError)
  expect(() => lw.softmaxCrossEntropy(a, lw.zeros([3]))).toThrow(lw.ShapeError)
  const leaf = lw.zeros([2])
  leaf.requiresGrad = true
  leaf.grad = lw.zeros([2], { dtype: 'float64' })
  expect(() => lw.backward(lw.sum(leaf))).toThrow(lw.TypeMismatchError)
  for (const n of [-1, 1.5, '3' as unknown as number])
    expect(() => lw.permutation(lw.randomState(1), n)).toThrow('permutation: expected n from 0 to 2147483647')
})
