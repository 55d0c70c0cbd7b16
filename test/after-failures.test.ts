import { describe, expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { eachBackend } from './backends.js'

// What failed leaves nothing behind; what would write into a training is refused.

eachBackend(() => {
  it('a tape whose labels were bad replays once they are right', () => {
    const [x, labels] = [lw.zeros([2, 3]), lw.tensor(Int32Array.of(1, 9))]
    let loss: lw.Tensor | undefined
    const tape = lw.record(() => {
      loss = lw.softmaxCrossEntropy(x, labels).loss
    })
    for (const bad of [9, 4, -1]) {
      labels.set([1, bad])
      expect(() => tape.replay()).toThrow(lw.IndexError)
    }
    labels.set([1, 2])
    tape.replay(2)
    expect(loss?.item()).toBeCloseTo(Math.log(3), 6)
  })

  it('a step that an optimizer does not finish is not counted', () => {
    class Once extends lw.Adam {
      failures = 1
      protected override emit(store: lw.ParameterStore, state: lw.OptimizerState): void {
        if (this.failures-- > 0) throw new Error('not now')
        super.emit(store, state)
      }
    }
    const layer = new lw.Affine(1)
    const store = lw.build(layer, [1])
    const adam = new Once()
    expect(() => adam.step(store)).toThrow('not now')
    expect(adam.state(store).step.item()).toBe(0)
    adam.step(store)
    expect(adam.state(store).step.item()).toBe(1)
  })

  it('replay() of a tape that writes a model’s weights is refused while that trains', async () => {
    const model = new lw.Sequential({ input: [2], layers: [new lw.Affine(1)] }).compile({ loss: 'mse' })
    const [{ value }] = model.store.parameters
    const tape = lw.record(() => lw.noGrad(() => lw.scale(value, 2, 0, value)))
    const x = lw.uniform(lw.randomState(1), [50_000, 2])
    const fit = model.fit({ x, y: lw.zeros([50_000, 1]) }, { epochs: 5 })
    expect(() => tape.replay()).toThrow(lw.StateError)
    await fit
    tape.replay()
  })

  it('an op that writes to no elements writes over nothing', () => {
    const w = lw.tensor([1, 2, 3], { requiresGrad: true })
    const x = lw.tensor([1, 1, 1])
    lw.copy(lw.tensor([5]), x.slice(0, 1))
    const loss = lw.sum(lw.multiply(w, x))
    lw.copy(lw.zeros([0]), x.slice(0, 0))
    lw.backward(loss)
    expect(w.grad?.toArray()).toEqual([5, 1, 1])
    const again = lw.sum(lw.multiply(w, x))
    lw.copy(lw.tensor([6]), x.slice(2, 3))
    expect(() => lw.backward(again)).toThrow(lw.StateError)
  })
})

describe('fit', () => {
  it('evaluates in batches of 256 where nothing else is asked', async () => {
    const sizes: number[] = []
    const loss: lw.Loss = {
      name: 'seen',
      targets: 'dense',
      call(p, t) {
        sizes.push(p.shape[0])
        return lw.meanSquaredError(p, t)
      },
    }
    const model = new lw.Sequential({ input: [1], layers: [new lw.Affine(1)] }).compile({ loss })
    await model.evaluate({ x: lw.zeros([300, 1]), y: lw.zeros([300, 1]) })
    expect(sizes).toEqual([256, 44])
  })

  it('warns once where both losses become NaN, whichever is first', async () => {
    const warnings: Error[] = []
    const hear = (warning: Error) => warnings.push(warning)
    process.on('warning', hear)
    try {
      const rate = new lw.SGD({ learningRate: 0.1 })
      const model = new lw.Sequential({ input: [1], layers: [new lw.Affine(1)] })
      model.compile({ optimizer: rate, loss: 'mse' })
      const x = lw.tensor([[1], [2]])
      const validation = { x: lw.tensor([[Number.NaN]]), y: lw.tensor([[1]]) }
      const onEpochEnd = () => {
        x.set([[Number.NaN], [1]])
      }
      const history = await model.fit(
        { x, y: lw.zeros([2, 1]) },
        { epochs: 2, validation, callbacks: [{ onEpochEnd }] },
      )
      expect([history.valNonFinite?.epoch, history.nonFinite?.epoch]).toEqual([1, 2])
      await new Promise((resolve) => setImmediate(resolve))
      expect(warnings.map(({ message }) => message.slice(0, 27))).toEqual(['fit: the validation loss is'])
    } finally {
      process.off('warning', hear)
    }
  })
})
