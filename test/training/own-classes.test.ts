import { describe, expect, it } from 'vitest'
import * as lw from '../../src/index.js'
import { eachBackend } from '../backends.js'
import { addonOf, isasHere, within } from '../isas.js'

// Classes of one's own, and uses that training must not get wrong in silence.

const rows = (m: number, n: number, seed = 1) => lw.uniform(lw.randomState(seed), [m, n], 0, 255)
const labels = (m: number, classes: number) => lw.tensor(Int32Array.from({ length: m }, (_, i) => (i * 7) % classes))

class Pixels extends lw.Flatten {
  override forward(x: lw.Tensor): lw.Tensor {
    return lw.scale(super.forward(x), 1 / 255)
  }
}
class Cool extends lw.Softmax {
  override forward(x: lw.Tensor): lw.Tensor {
    return lw.softmax(lw.scale(x, 0.1))
  }
}
class CoolSigmoid extends lw.Sigmoid {
  override forward(x: lw.Tensor): lw.Tensor {
    return lw.sigmoid(lw.scale(x, 0.1))
  }
}
class Shifted extends lw.Sequential {
  override forward(x: lw.Tensor): lw.Tensor {
    return lw.scale(super.forward(x), 0.5, 1)
  }
}

eachBackend(() => {
  it('a module of parts without a build of their own needs none', () => {
    class Twice extends lw.Module {
      parts = [new lw.Relu(), new lw.Tanh()]
      override forward(x: lw.Tensor): lw.Tensor {
        return this.parts.reduce((y, part) => part.forward(y), x)
      }
    }
    const model = new lw.Sequential({ input: [3], layers: [new lw.Affine(2), new Twice()], seed: 1 })
    expect(model.predict(lw.zeros([4, 3])).toArray()).toEqual(Array(4).fill([0, 0]))
  })

  it('predict and evaluate predict, also within whileTraining; a promise and other options of parameter are refused', async () => {
    class Doubled extends lw.Module {
      override forward(x: lw.Tensor): lw.Tensor {
        return lw.isTraining() ? lw.scale(x, 2) : x
      }
    }
    const model = new lw.Sequential({ input: [1], layers: [new Doubled()] }).compile({ loss: 'mse' })
    const row = lw.tensor([[1]])
    expect(lw.whileTraining(() => [model.forward(row).item(), model.predict(row).item()])).toEqual([2, 1])
    let evaluated: Promise<lw.Figures> | undefined
    lw.whileTraining(() => {
      evaluated = model.evaluate({ x: row, y: lw.tensor([[0]]) })
    })
    expect((await evaluated)?.loss).toBe(1)
    expect(() => lw.whileTraining(async () => 1)).toThrow(/whileTraining: expected a synchronous function/)
    for (const options of [{ trainable: false }, { trained: 'no' }, false]) {
      class A extends lw.Module {
        override build(input: lw.Shape): lw.Shape {
          this.parameter('a', input, 'zeros', options as never)
          return input
        }
        override forward(x: lw.Tensor): lw.Tensor {
          return x
        }
      }
      expect(() => lw.build(new A(), [1])).toThrow(
        /^A\.a: expected (options among trained|trained: true or false|an object)/,
      )
    }
  })

  it('a module with parts and no build is told so', () => {
    class Net extends lw.Module {
      hidden = new lw.Affine(2)
      override forward(x: lw.Tensor): lw.Tensor {
        return this.hidden.forward(x)
      }
    }
    expect(() => lw.build(new Net(), [3])).toThrow(
      /Net.build: expected a method that calls build of its parts \(Affine/,
    )
  })

  it('a last layer that computes in its own way is not computed within the loss', async () => {
    const x = lw.scale(rows(40, 6), 1 / 25)
    const sparse = new lw.Sequential({ input: [6], layers: [new lw.Affine(4), new Cool()], seed: 2 })
    sparse.compile({ loss: 'sparseCategoricalCrossentropy' })
    const y = labels(40, 4)
    const { loss } = await sparse.evaluate({ x, y })
    expect(loss).toBeCloseTo(lw.crossEntropy(sparse.predict(x), y).item(), 5)
    const binary = new lw.Sequential({ input: [6], layers: [new lw.Affine(1), new CoolSigmoid()], seed: 2 })
    binary.compile({ loss: 'binaryCrossentropy' })
    const t = lw.cast(labels(40, 2), 'float32')
    const result = await binary.evaluate({ x, y: t })
    expect(result.loss).toBeCloseTo(lw.binaryCrossEntropy(binary.predict(x), lw.reshape(t, [40, 1])).item(), 5)
  })

  it('categorical losses divide rows by their sums, as Keras does, and refuse a last layer that gives no probabilities', async () => {
    const p = lw.tensor([
      [2, 3, 0.5],
      [0.2, 1, 0.4],
    ])
    // Keras 3.15 on PyTorch and on JAX
    const { sparseCategoricalCrossentropy, categoricalCrossentropy } = lw.losses
    expect(sparseCategoricalCrossentropy.call(p, lw.tensor(Int32Array.of(1, 0))).item()).toBeCloseTo(1.342789, 5)
    const rows = lw.oneHot(lw.tensor(Int32Array.of(1, 0)), 3, 'float32')
    expect(categoricalCrossentropy.call(p, rows).item()).toBeCloseTo(1.342789, 5)
    for (const last of [new lw.Affine(3), new lw.Relu(), new lw.Tanh(), new lw.LeakyRelu()]) {
      const model = new lw.Sequential({ input: [4], layers: [new lw.Affine(3), last] })
      for (const loss of ['sparseCategoricalCrossentropy', 'categoricalCrossentropy'] as const)
        expect(() => model.compile({ loss })).toThrow(
          `compile: expected Softmax as the last layer, for ${loss}, received`,
        )
      expect(() => model.compile({ loss: 'binaryCrossentropy' })).toThrow('Sigmoid as the last layer')
      model.compile({ loss: 'meanSquaredError' })
    }
  })

  it("an optimizer of one's own follows the learning rate by this.rate; the number is an error while recording", async () => {
    class Descent extends lw.Optimizer {
      protected readonly slotCount = 0
      protected emit(store: lw.ParameterStore): void {
        const step = lw.multiply(store.gradients, lw.cast(this.rate, store.dtype))
        lw.subtract(store.values, step, store.values)
      }
    }
    class Frozen extends Descent {
      protected override emit(store: lw.ParameterStore): void {
        lw.subtract(store.values, lw.scale(store.gradients, this.learningRate), store.values)
      }
    }
    const data = { x: lw.scale(rows(40, 3), 1 / 255), y: lw.zeros([40, 2]) }
    const weights = async (optimizer: lw.Optimizer) => {
      const model = new lw.Sequential({ input: [3], layers: [new lw.Affine(2)], seed: 3 })
      model.compile({ loss: 'meanSquaredError', optimizer })
      const onEpochEnd = () => {
        optimizer.learningRate /= 2
      }
      await model.fit(data, { epochs: 3, callbacks: [{ onEpochEnd }] })
      return model.getWeights().flatMap((w) => Array.from(w.data))
    }
    const own = await weights(new Descent(0.1))
    const plain = await weights(new lw.SGD({ learningRate: 0.1 }))
    for (const [i, w] of own.entries()) expect(w).toBeCloseTo(plain[i], 6)
    await expect(weights(new Frozen(0.1))).rejects.toThrow(
      'learningRate: expected the tensor this.rate inside record()',
    )
  })

  it("a loss of one's own may have targets of any shape, such as weights beside them", async () => {
    const x = lw.scale(rows(40, 3), 1 / 255)
    const y = Array.from({ length: 40 }, (_, i) => [i % 3, i % 2])
    const weighted: lw.Loss = {
      name: 'weighted',
      targets: 'any',
      call: (p, t) => lw.mean(lw.multiply(lw.square(lw.subtract(p, t.slice(0, 1, 1))), t.slice(1, 2, 1))),
    }
    const model = new lw.Sequential({ input: [3], layers: [new lw.Affine(1)], seed: 1 })
    model.compile({ loss: weighted, optimizer: new lw.SGD({ learningRate: 0.05 }) })
    const p = model.predict(x).toArray<number[][]>()
    const wanted = y.reduce((sum, [t, w], i) => sum + w * (p[i][0] - t) ** 2, 0) / 40
    expect((await model.evaluate({ x, y })).loss).toBeCloseTo(wanted, 5)
    const { history } = await model.fit({ x, y }, { epochs: 5, validation: 0.2 })
    expect(history.loss[4]).toBeLessThan(history.loss[0])
    await expect(model.fit({ x, y: y.slice(1) })).rejects.toThrow('y with 40 rows')
  })

  it('a layer that returns nothing is named', async () => {
    class Forgetful extends lw.Module {
      forward(): lw.Tensor {
        return undefined as never
      }
    }
    const model = new lw.Sequential({ input: [3], layers: [new Forgetful(), new lw.Affine(1)] })
    expect(() => model.predict(lw.zeros([2, 3]))).toThrow(
      'Forgetful.forward: expected to return a tensor, received undefined',
    )
  })

  it('a copy of a loss with a call of its own is computed by that', async () => {
    const { binaryCrossentropy, sparseCategoricalCrossentropy } = lw.losses
    const x = lw.scale(rows(40, 6), 1 / 25)
    for (const [loss, last, units, y] of [
      [binaryCrossentropy, lw.Sigmoid, 1, lw.cast(labels(40, 2), 'float32')],
      [sparseCategoricalCrossentropy, lw.Softmax, 3, labels(40, 3)],
    ] as const) {
      const model = new lw.Sequential({ input: [6], layers: [new lw.Affine(units), new last()], seed: 2 })
      const evaluate = async (l: lw.Loss) => (await model.compile({ loss: l }).evaluate({ x, y })).loss
      const tenfold: lw.Loss = { ...loss, call: (p, t) => lw.scale(loss.call(p, t), 10) }
      expect((await evaluate(tenfold)) / (await evaluate(loss))).toBeCloseTo(10, 2)
    }
  })

  it('a module may do otherwise in training, such as dropout', async () => {
    class Dropout extends lw.Module {
      private readonly state = lw.randomState(5)
      constructor(private readonly rate: number) {
        super()
      }
      forward(x: lw.Tensor): lw.Tensor {
        if (!lw.isTraining()) return x
        const kept = lw.clip(lw.scale(lw.uniform(this.state, x.shape), 1e9, -1e9 * this.rate), 0, 1)
        return lw.multiply(x, lw.scale(kept, 1 / (1 - this.rate)))
      }
    }
    const data = { x: lw.scale(rows(64, 20), 1 / 255), y: lw.zeros([64, 1]) }
    const layers = [new lw.Affine(1, { biasInitializer: 'zeros' })]
    const model = new lw.Sequential({ input: [20], layers: [new Dropout(0.5), ...layers], seed: 2 })
    const plain = new lw.Sequential({ input: [20], layers: [new lw.Affine(1)], seed: 2 })
    for (const m of [model, plain]) m.compile({ loss: 'mse', optimizer: new lw.SGD({ learningRate: 0 }) })
    expect(await model.evaluate(data)).toEqual(await plain.evaluate(data))
    expect(model.predict(data.x).data).toEqual(plain.predict(data.x).data)
    const { history } = await model.fit(data, { epochs: 2, batchSize: 64, validation: data })
    expect(history.valLoss[0]).toBe(history.valLoss[1])
    expect(history.loss[0]).not.toBe(history.valLoss[0])
    expect(history.loss[0]).not.toBe(history.loss[1]) // other numbers are dropped in each step
    expect(lw.isTraining()).toBe(false)
    // In a loop of one's own, a step within a step too.
    const told = lw.whileTraining(() => [lw.whileTraining(lw.isTraining), lw.isTraining()])
    expect([...told, lw.isTraining()]).toEqual([true, true, false])
  })

  it('a model with a forward of its own is trained by it', async () => {
    const model = new Shifted({ input: [3], layers: [new lw.Affine(2)], seed: 3 })
    model.compile({ loss: 'meanSquaredError', optimizer: new lw.SGD({ learningRate: 0.1 }) })
    const x = lw.scale(rows(20, 3), 1 / 255)
    const y = lw.zeros([20, 2])
    const { loss } = await model.evaluate({ x, y })
    expect(loss).toBeCloseTo(lw.meanSquaredError(model.predict(x), y).item(), 5)
    await model.fit({ x, y }, { epochs: 3000 })
    expect(lw.max(lw.abs(model.predict(x))).item()).toBeLessThan(0.05)
  })

  it('a parameter that takes no part any more stays as it is', async () => {
    class Two extends lw.Module {
      on = true
      a = new lw.Affine(2)
      b = new lw.Affine(2)
      override build(input: lw.Shape): lw.Shape {
        this.a.build(input)
        return this.b.build(input)
      }
      forward(x: lw.Tensor): lw.Tensor {
        return this.on ? lw.add(this.a.forward(x), this.b.forward(x)) : this.a.forward(x)
      }
    }
    const two = new Two()
    const model = new lw.Sequential({ input: [3], layers: [two], seed: 4 })
    model.compile({ loss: 'meanSquaredError', optimizer: new lw.SGD({ learningRate: 0.05 }) })
    const data = { x: lw.scale(rows(20, 3), 1 / 255), y: lw.full([20, 2], 3) }
    await model.fit(data, { epochs: 1 })
    two.on = false
    const before = two.b.weight.value.toArray()
    const moved = two.a.weight.value.toArray()
    await model.fit(data, { epochs: 5 })
    expect(two.b.weight.value.toArray()).toEqual(before)
    expect(two.a.weight.value.toArray()).not.toEqual(moved)
  })

  it('gradients that were put elsewhere are an error', async () => {
    const model = new lw.Sequential({ input: [3], layers: [new lw.Affine(2)] })
    model.compile({ loss: 'meanSquaredError' })
    model.store.parameters[0].value.grad = undefined
    const fit = model.fit({ x: rows(4, 3), y: lw.zeros([4, 2]) })
    await expect(fit).rejects.toThrow('step: expected gradients where build() put them')
  })

  it('backward refuses values that were written over', () => {
    const x = lw.tensor([0.5, 1], { requiresGrad: true })
    const buffer = lw.zeros([2])
    const h = lw.square(x, buffer)
    const y = lw.scale(lw.exp(h), 2, 0, buffer)
    expect(() => lw.backward(lw.sum(y))).toThrow(
      'backward: expected values as they were used, received Tensor float32 [2]',
    )
    const unused = lw.sum(lw.exp(lw.square(x, buffer)))
    lw.scale(x, 2, 0, buffer)
    expect(() => lw.backward(unused)).toThrow(lw.StateError)
    const within = lw.sum(lw.exp(lw.square(x, buffer)))
    lw.noGrad(() => lw.scale(x, 2, 0, buffer))
    expect(() => lw.backward(within)).toThrow(lw.StateError)
    for (let i = 0; i < 3; i++) lw.backward(lw.sum(lw.exp(lw.square(x, buffer)))) // anew in each step is right
    expect((x.grad as lw.Tensor).data[0]).toBeCloseTo(Math.exp(0.25), 5)
  })

  it('training does not go on into what the data were computed from', async () => {
    const encoder = new lw.Sequential({ input: [3], layers: [new lw.Affine(2)], seed: 1 })
    const make = () => new lw.Sequential({ input: [2], layers: [new lw.Affine(1)], seed: 2 })
    const [a, b] = [make(), make()]
    const [z, y] = [lw.scale(rows(8, 3), 1 / 255), lw.zeros([8, 1])]
    encoder.store.gradients.data.fill(7)
    const x = encoder.forward(z)
    for (const [model, data] of [
      [a, { x, y }],
      [b, { x: x.toArray() as number[][], y }],
    ] as const) {
      model.compile({ loss: 'meanSquaredError' })
      await model.fit(data, { epochs: 3 })
    }
    expect(a.snapshot()).toEqual(b.snapshot())
    expect(new Set(encoder.store.gradients.data)).toEqual(new Set([7]))
  })

  it('setWeights takes the model’s own tensors in another order, and no holes', () => {
    const model = new lw.Sequential({ input: [2], layers: [new lw.Affine(2), new lw.Affine(2)], seed: 5 })
    const [w1, b1, w2, b2] = model.store.parameters.map((p) => p.value)
    const [first, second] = [w1.toArray(), w2.toArray()]
    model.setWeights([w2, b1, w1, b2])
    expect([w1.toArray(), w2.toArray()]).toEqual([second, first])
    const holes = [lw.zeros([2, 2])]
    holes.length = 4
    expect(() => model.setWeights(holes)).toThrow(lw.TypeMismatchError)
    expect(w1.toArray()).toEqual(second)
  })

  it('callbacks may have fields of any name, hooks have theirs', async () => {
    const model = new lw.Sequential({ input: [1], layers: [new lw.Affine(1)] })
    model.compile({ loss: 'meanSquaredError' })
    const data = { x: [[1]], y: [[1]] }
    let done = 0
    class Own {
      constructor(readonly onDone: () => void) {}
      onTrainEnd() {
        this.onDone()
      }
    }
    await model.fit(data, { callbacks: [new Own(() => done++)] })
    expect(done).toBe(1)
    class Wrong {
      onEpochEnds() {}
    }
    await expect(model.fit(data, { callbacks: [new Wrong()] as lw.Callback[] })).rejects.toThrow('"onEpochEnds"')
    const on_epoch_end = () => {}
    await expect(model.fit(data, { callbacks: [{ on_epoch_end } as lw.Callback] })).rejects.toThrow('"on_epoch_end"')
    const metric = (name: string) => ({ name, call: lw.meanSquaredError })
    expect(() => model.compile({ loss: 'mse', metrics: [metric('loss')] })).toThrow('a metric with a name of its own')
  })
})

describe.skipIf(isasHere().length === 0)('by several threads and by one', () => {
  it('a first layer that computes in its own way', async () => {
    const train = async () => {
      const layers = [new Pixels(), new lw.Affine(20), new lw.Softmax()]
      const model = new lw.Sequential({ input: [28, 28], layers, seed: 6 })
      model.compile({ loss: 'sparseCategoricalCrossentropy' })
      const x = lw.reshape(rows(64, 784), [64, 28, 28])
      const { history } = await model.fit({ x, y: labels(64, 20) }, { epochs: 2 })
      expect(history.loss[1]).toBeLessThan(5)
      return model.snapshot()
    }
    const isa = isasHere().at(-1) as string
    expect(await within(addonOf(isa, 2), train)).toEqual(await within(addonOf(isa, 1), train))
  })
})

it('an initializer that fails leaves the layers free', () => {
  let fails = true
  const moody = (p: lw.Tensor) => {
    if (fails) throw new Error('not today')
    p.data.fill(1)
  }
  const layers = [new lw.Affine(2), new lw.Affine(2, { weightInitializer: moody })]
  expect(() => new lw.Sequential({ input: [2], layers })).toThrow('not today')
  fails = false
  expect(new lw.Sequential({ input: [2], layers }).getWeights()[2].data).toEqual(new Float32Array(4).fill(1))
})
