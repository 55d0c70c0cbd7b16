import { expect, it } from 'vitest'
import * as lw from '../../src/index.js'
import { eachBackend } from '../backends.js'

// What programs that were ported from other libraries do, and expect.

const x = () => lw.uniform(lw.randomState(1), [12, 2])
const column = lw.tensor(
  Float32Array.from({ length: 12 }, (_, i) => i / 6),
  { shape: [12, 1] },
)

/** Multiplies by averages that no optimizer changes. */
class Keep extends lw.Module {
  average!: lw.Parameter
  override build(input: lw.Shape): lw.Shape {
    this.average = this.parameter('average', input, 'ones', { trained: false })
    return input
  }
  override forward(t: lw.Tensor): lw.Tensor {
    return lw.multiply(t, this.average.value)
  }
}

eachBackend(() => {
  it('thawing a part leaves what is not trained as it is', async () => {
    for (const optimizer of [
      new lw.AdamW({ learningRate: 0.1, weightDecay: 0.5 }),
      new lw.SGD({ learningRate: 0.1 }),
    ]) {
      const layers = [new Keep(), new lw.Affine(1)]
      const model = new lw.Sequential({ input: [2], layers, seed: 1 }).compile({ loss: 'mse', optimizer })
      for (const wanted of [false, true]) for (const p of model.allParameters()) p.value.requiresGrad = wanted
      const before = model.getWeights()[1].toArray()
      await model.fit({ x: x(), y: column }, { epochs: 2 })
      expect(model.getWeights()[0].toArray()).toEqual([1, 1])
      expect(model.getWeights()[1].toArray()).not.toEqual(before)
    }
  })

  it('one number a row is not broadcast against a column of several', async () => {
    const train = (call: lw.Loss['call'], y = column.reshape([12])) => {
      const model = new lw.Sequential({ input: [2], layers: [new lw.Affine(2)], seed: 1 })
      model.compile({ loss: { name: 'own', targets: 'any', call }, metrics: [{ name: 'same', call }] })
      return model.fit({ x: x(), y })
    }
    const apart = (p: lw.Tensor, t: lw.Tensor) => lw.mean(lw.square(lw.subtract(p, t)))
    const first = (p: lw.Tensor) => lw.slice(p, 0, 1, 1)
    for (const call of [
      (p, t) => apart(first(p), t),
      (p, t) => apart(t, first(p)),
      (p, t) => apart(first(p), t.reshape([12])),
    ] as lw.Loss['call'][])
      await expect(train(call)).rejects.toThrow(
        /^subtract: expected targets \[12, 1\] \(reshape\(t, \[-1, 1\]\)\) beside a column \[12, 1\]: those of \[12\] are broadcast/,
      )
    const right = [
      await train((p, t) => apart(first(p), t.reshape([-1, 1]))),
      await train((p, t) => apart(lw.sum(first(p), 1), t)),
      await train((p, t) => apart(first(p), t), column),
    ]
    for (const { history } of right) expect(history).toEqual(right[0].history)
    // Each target beside each, as a loss that compares rows wants it.
    await train((p, t) => lw.add(apart(t.reshape([-1, 1]), t), lw.sum(p)))
    expect(lw.add(lw.zeros([3, 1]), lw.zeros([3])).shape).toEqual([3, 3])
  })

  it('class numbers come as int32, whatever they were', async () => {
    const weights = lw.tensor([1, 5])
    const seen: string[] = []
    const weighted = (p: lw.Tensor, t: lw.Tensor) => {
      seen.push(t.dtype)
      const right = lw.sum(lw.multiply(lw.oneHot(t, 2, p.dtype), lw.log(p)), 1)
      return lw.negate(lw.mean(lw.multiply(right, lw.gatherRows(weights, t))))
    }
    const numbers = Array.from({ length: 12 }, (_, i) => i % 2)
    const losses: unknown[] = []
    for (const y of [numbers, Uint8Array.from(numbers), Int32Array.from(numbers), Float32Array.from(numbers)]) {
      const model = new lw.Sequential({ input: [2], layers: [new lw.Affine(2), new lw.Softmax()], seed: 1 })
      model.compile({ loss: { name: 'weighted', targets: 'index', call: weighted } })
      losses.push((await model.fit({ x: x(), y })).history.loss)
    }
    expect(new Set(seen)).toEqual(new Set(['int32']))
    expect(losses).toEqual(losses.map(() => losses[0]))
  })

  it('a loss that compares rows is validated in batches of a size that is given', async () => {
    const sizes: number[] = []
    const mask = lw.full([4, 4], 0.5)
    const apart = (p: lw.Tensor, t: lw.Tensor) => {
      sizes.push(p.shape[0])
      const difference = lw.subtract(lw.subtract(p, lw.transpose(p)), lw.subtract(t, lw.transpose(t)))
      return lw.mean(lw.multiply(lw.square(difference), mask))
    }
    const model = new lw.Sequential({ input: [2], layers: [new lw.Affine(1)], seed: 1 })
    model.compile({ loss: { name: 'apart', targets: 'dense', call: apart } })
    const data = { x: x(), y: column }
    const train = (validationBatchSize?: number) =>
      model.fit(data, { batchSize: 4, validation: data, validationBatchSize, shuffle: false })
    await expect(train()).rejects.toThrow(/^fit: expected validation, in batches of 12: .*received .*\[12, 12\]/)
    for (const wrong of [0, 1.5]) await expect(train(wrong)).rejects.toThrow(/^fit: expected validationBatchSize to be/)
    sizes.length = 0
    const { valLoss } = (await train(4)).history
    expect(sizes).toEqual([4, 4])
    expect(valLoss).toEqual([(await model.evaluate(data, { batchSize: 4 })).loss])
  })

  it('a result is no leaf, and its copy may be one', () => {
    const leaf = lw.tensor([1, 2], { requiresGrad: true })
    const inner = lw.square(leaf)
    expect(() => {
      inner.requiresGrad = true
    }).toThrow(
      'requiresGrad: expected a tensor without history (a copy made within noGrad), received Tensor float32 [2]',
    )
    inner.requiresGrad = false
    const copy = lw.noGrad(() => lw.copy(inner))
    copy.requiresGrad = true
    lw.backward(lw.sum(lw.square(copy)))
    expect(copy.grad?.toArray()).toEqual([2, 8])
  })

  it("begins with another model's weights", async () => {
    const other = new lw.Sequential({ input: [2], layers: [new lw.Affine(1)], seed: 3 })
    const layer = new lw.Affine(1, { weightInitializer: (p) => lw.copy(other.allParameters()[0].value, p) })
    const model = new lw.Sequential({ input: [2], layers: [layer], seed: 1 }).compile({ loss: 'mse' })
    expect(layer.weight.value.toArray()).toEqual(other.allParameters()[0].value.toArray())
    await model.fit({ x: x(), y: column })
    expect(layer.weight.value.toArray()).not.toEqual(other.allParameters()[0].value.toArray())
    expect(other.store.gradients.toTypedArray().every((g) => g === 0)).toBe(true)
  })

  it('numbers are drawn in the dtype of a tensor', () => {
    const like: lw.Tensor = lw.zeros([2, 3], { dtype: 'float64' })
    expect(lw.uniform(lw.randomState(1), like.shape, 0, 1, { dtype: like.dtype }).dtype).toBe('float64')
    expect(lw.oneHot(lw.tensor(Int32Array.of(1)), 2, like.dtype).dtype).toBe('float64')
    const bytes: lw.DType = 'uint8'
    expect(() => lw.normal(lw.randomState(1), [2], 0, 1, { dtype: bytes })).toThrow(lw.LanewiseError)
  })
})
