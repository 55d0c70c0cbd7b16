import { deserialize, serialize } from 'node:v8'
import { expect, it } from 'vitest'
import * as lw from '../../src/index.js'
import { eachBackend } from '../backends.js'

// Parameters that are not trained or frozen, and what optimizers keep for all of them.

const rows = (m: number, n: number, seed = 1) => lw.uniform(lw.randomState(seed), [m, n], 0, 255)

/** Counts rows in what is not trained. */
class Counter extends lw.Module {
  readonly affine = new lw.Affine(2)
  seen!: lw.Parameter
  override build(input: lw.Shape): lw.Shape {
    this.seen = this.parameter('seen', [1], 'zeros', { trained: false })
    return this.affine.build(input)
  }
  override forward(x: lw.Tensor): lw.Tensor {
    if (lw.isTraining()) lw.noGrad(() => lw.scale(this.seen.value, 1, x.shape[0], this.seen.value))
    return this.affine.forward(x)
  }
}

eachBackend(() => {
  it('an optimizer that clips gradients, and halves its rate at each step', async () => {
    class Own extends lw.SGD {
      protected override emit(store: lw.ParameterStore, state: lw.OptimizerState): void {
        const norm = lw.sqrt(lw.sum(lw.square(store.gradients)))
        lw.multiply(store.gradients, lw.divide(0.5, lw.maximum(norm, 0.5)), store.gradients)
        lw.scale(this.rate, 0.5, 0, this.rate)
        super.emit(store, state)
      }
    }
    const model = new lw.Sequential({ input: [2], layers: [new lw.Affine(1)], seed: 1 })
    const weights = model.getWeights().flatMap((t) => [...t.data])
    const x = [
      [1, 2],
      [0.1, -0.1],
      [-3, 1],
    ]
    const y = [[3], [0.2], [-1]]
    model.compile({ loss: 'mse', optimizer: new Own({ learningRate: 0.2 }) })
    await model.fit({ x, y }, { batchSize: 1, shuffle: false })
    let [rate, clipped] = [0.2, 0]
    for (const [i, [a, b]] of x.entries()) {
      const dy = 2 * (weights[0] * a + weights[1] * b + weights[2] - y[i][0])
      const gradients = [dy * a, dy * b, dy]
      const norm = Math.hypot(...gradients)
      rate /= 2
      if (norm > 0.5) clipped++
      gradients.forEach((g, j) => {
        weights[j] -= rate * g * (0.5 / Math.max(norm, 0.5))
      })
    }
    expect(clipped).toBeGreaterThan(0)
    const got = model.getWeights().flatMap((t) => [...t.data])
    for (const [j, w] of got.entries()) expect(w).toBeCloseTo(weights[j], 6)
  })

  it('an optimizer may go by single parameters, of which several stay', () => {
    class Plain extends lw.Optimizer {
      protected readonly slotCount = 0
      protected override emit(store: lw.ParameterStore): void {
        for (const { value } of store.parameters)
          lw.subtract(value, lw.scale(value.grad as lw.Tensor, this.learningRate), value)
      }
    }
    const { store } = new lw.Sequential({ input: [2], layers: [new lw.Affine(2), new lw.Affine(2)], seed: 1 })
    lw.fill(store.gradients, 1)
    const [first, second, third, last] = store.parameters.map((p) => p.value)
    for (const t of [first, second, third]) t.requiresGrad = false
    lw.fill(second, 7)
    const before = [first, third, last].map((t) => [...t.data])
    new Plain(0.5).step(store)
    expect([[...first.data], [...second.data], [...third.data]]).toEqual([before[0], [7, 7], before[1]])
    expect([...last.data]).toEqual(before[2].map((v) => v - 0.5))
  })

  it('large parameters are each updated once, and what lies between them, in whatever order a store has them', () => {
    class Mixed extends lw.Module {
      override build(input: lw.Shape): lw.Shape {
        for (const [i, shape] of [[300, 301], [7], [3, 5], [400, 200], [66_000], [2]].entries())
          this.parameter(`p${i}`, shape, 'ones')
        return input
      }
      override forward(x: lw.Tensor): lw.Tensor {
        return x
      }
    }
    for (const arrange of [(all: lw.Parameter[]) => all, (all: lw.Parameter[]) => all.reverse()]) {
      const built = lw.build(new Mixed(), [1], { seed: 1 })
      const store = new lw.ParameterStore(arrange([...built.parameters]), built.values, built.gradients, 'float32')
      for (const [i, { value }] of built.parameters.entries()) lw.fill(value.grad as lw.Tensor, i + 1)
      const optimizer = new lw.SGD({ learningRate: 0.5, momentum: 0.5 })
      optimizer.step(store)
      optimizer.step(store)
      // v = -lr g, then -1.5 lr g
      for (const [i, { value }] of built.parameters.entries())
        expect(new Set(value.data)).toEqual(new Set([1 - 1.25 * (i + 1)]))
    }
  })

  it('what is not trained is kept with the weights, and no optimizer moves it', async () => {
    for (const optimizer of [new lw.AdamW({ weightDecay: 0.1 }), new lw.SGD({ learningRate: 0.1, momentum: 0.9 })]) {
      const make = () => new lw.Sequential({ input: [3], layers: [new Counter()], seed: 1 })
      const model = make()
      model.compile({ loss: 'mse', optimizer })
      const callbacks = [new lw.EarlyStopping({ monitor: 'loss', mode: 'max', patience: 3 })]
      await model.fit(
        { x: lw.scale(rows(10, 3), 1 / 255), y: lw.zeros([10, 2]) },
        { epochs: 4, batchSize: 4, callbacks },
      )
      const [seen] = model.getWeights()
      expect(seen.item()).toBe(10) // of the best epoch, which was the first
      const other = make()
      other.setWeights(model.getWeights())
      expect(other.getWeights()[0].item()).toBe(10)
    }
  })

  it('a parameter without requiresGrad stays, whatever momentum, decay and the last gradient say', async () => {
    for (const optimizer of [new lw.AdamW({ weightDecay: 0.1 }), new lw.SGD({ learningRate: 0.1, momentum: 0.9 })]) {
      const layers = [new lw.Affine(3), new lw.Tanh(), new lw.Affine(1)]
      const model = new lw.Sequential({ input: [4], layers, seed: 1 })
      model.compile({ loss: 'mse', optimizer })
      const data = { x: lw.scale(rows(20, 4), 1 / 255), y: lw.zeros([20, 1]) }
      await model.fit(data, { epochs: 2 })
      const [first, , , last] = model.allParameters()
      first.value.requiresGrad = false
      const before = [...first.value.data]
      const moved = [...last.value.data]
      await model.fit(data, { epochs: 3 })
      optimizer.step(model.store)
      expect([...first.value.data]).toEqual(before)
      expect([...last.value.data]).not.toEqual(moved)
    }
  })

  it('what an optimizer keeps for a parameter that is frozen for a while stays, as in PyTorch', () => {
    class Two extends lw.Module {
      a!: lw.Parameter
      b!: lw.Parameter
      override build(input: lw.Shape): lw.Shape {
        this.a = this.parameter('a', [1], 'ones')
        this.b = this.parameter('b', [1], 'ones')
        return input
      }
      override forward(): lw.Tensor {
        return lw.sum(lw.add(lw.square(this.a.value), lw.square(this.b.value)))
      }
    }
    const net = new Two()
    const store = lw.build(net, [1], { dtype: 'float64' })
    const sgd = new lw.SGD({ learningRate: 0.1, momentum: 0.9 })
    const step = () => {
      lw.backward(net.forward())
      sgd.step(store)
    }
    step()
    net.a.value.requiresGrad = false
    for (let i = 0; i < 50; i++) step()
    net.a.value.requiresGrad = true
    step()
    expect(net.a.value.item()).toBeCloseTo(0.46, 12) // 0.8 - 0.1 · (0.9 · 2 + 1.6)
  })

  it('saves and loads weights as README says, to the bit', () => {
    const make = () => new lw.Sequential({ input: [4], layers: [new lw.Affine(3), new lw.Affine(1)], seed: 1 })
    const [model, loaded] = [make(), make()]
    model.setWeights([new Float32Array(12).fill(-0), [1e-40, Number.NaN, -Infinity], [[0.1], [0.2], [0.3]], [-0]])
    loaded.setWeights(deserialize(serialize(model.getWeights().map((w) => w.toTypedArray()))))
    expect(loaded.snapshot()).toEqual(model.snapshot())
    expect(Object.is(loaded.getWeights()[0].data[5], -0)).toBe(true)
  })

  it('goes on from weights, optimizer state and order of rows that went through JSON', async () => {
    const make = (optimizer: lw.Optimizer) =>
      new lw.Sequential({ input: [4], layers: [new lw.Affine(3), new lw.Tanh(), new lw.Affine(1)], seed: 1 }).compile({
        loss: 'mse',
        optimizer,
      })
    const data = { x: lw.scale(rows(20, 4), 1 / 255), y: lw.zeros([20, 1]) }
    const options = { epochs: 3, batchSize: 6 }
    for (const optimizer of [() => new lw.Adam(), () => new lw.SGD({ momentum: 0.9, nesterov: true })]) {
      const first = optimizer()
      const model = make(first)
      await model.fit(data, options)
      const { slots, step } = first.state(model.store)
      const saved = JSON.parse(JSON.stringify({ weights: model.getWeights(), slots, step, order: model.shuffleState }))
      await model.fit(data, options)
      const second = optimizer()
      const other = make(second)
      other.setWeights(saved.weights)
      const state = second.state(other.store)
      for (const [i, slot] of state.slots.entries()) slot.set(saved.slots[i])
      state.step.set(saved.step)
      other.shuffleState.set(saved.order)
      await other.fit(data, options)
      expect([...other.snapshot()]).toEqual([...model.snapshot()])
    }
  })

  it.each(['float32', 'float64'] as const)('parameters and gradients of %s begin on cache lines', (dtype) => {
    const bytes = dtype === 'float32' ? 4 : 8
    const store = new lw.Sequential({ input: [7], layers: [new lw.Affine(3), new lw.Affine(5)], dtype }).store
    const parts = store.parameters.flatMap(({ value }) => [value, value.grad as lw.Tensor])
    expect(parts.map(({ offset }) => (offset * bytes) % 64)).toEqual(parts.map(() => 0))
  })

  it('the momenta of a parameter that stays do, too', () => {
    for (const momentum of [0.5, 0]) {
      const optimizer = momentum ? new lw.SGD({ learningRate: 1, momentum }) : new lw.Adam({ learningRate: 1 })
      const { store } = new lw.Sequential({
        input: [2],
        layers: [new lw.Affine(2), new lw.Affine(2)],
        dtype: 'float64',
      })
      lw.fill(store.gradients, 1)
      optimizer.step(store)
      const { slots } = optimizer.state(store)
      const [, , still, moving] = store.parameters.map((p) => p.value)
      const of = (t: lw.Tensor) => slots.map((slot) => [...slot.data.subarray(t.offset, t.offset + t.size)])
      const before = [of(still), of(moving)]
      still.requiresGrad = false
      optimizer.step(store)
      expect(of(still)).toEqual(before[0])
      expect(of(moving)).not.toEqual(before[1])
    }
  })

  it("Adam's count of steps may run over", () => {
    const adam = new lw.Adam({ learningRate: 0.1 })
    const store = lw.build(new lw.Affine(1), [1], { seed: 1 })
    const step = lw.record(() => adam.step(store))
    lw.fill(store.gradients, 1)
    adam.state(store).step.set([2 ** 31 - 3])
    const before = [...store.values.data]
    step.replay(5)
    for (const [i, w] of store.values.data.entries()) {
      expect(w).toBeLessThan(before[i])
      expect(w).toBeGreaterThan(before[i] - 3)
    }
  })

  it('a callback freezes and thaws what the next epochs train', async () => {
    const first = new lw.Affine(3)
    const model = new lw.Sequential({ input: [2], layers: [first, new lw.Affine(1)], seed: 1 })
    model.compile({ loss: 'mse', optimizer: new lw.Adam({ learningRate: 0.1 }) })
    const weights: number[][] = []
    const onEpochEnd = (epoch: number) => {
      weights.push([...first.weight.value.data])
      first.weight.value.requiresGrad = epoch > 2
    }
    // 5 rows: the last batch of an epoch is smaller.
    await model.fit(
      { x: rows(5, 2), y: [[1], [2], [3], [4], [5]] },
      { epochs: 5, batchSize: 2, callbacks: [{ onEpochEnd }] },
    )
    const moved = weights.slice(1).map((w, i) => w.some((value, j) => value !== weights[i][j]))
    expect(moved).toEqual([false, false, true, true])
    first.weight.value.requiresGrad = true
    const freeze = {
      onEpochEnd() {
        first.weight.value.requiresGrad = false
      },
    }
    await model.fit({ x: rows(5, 2), y: [[1], [2], [3], [4], [5]] }, { epochs: 2, callbacks: [freeze] })
    expect(first.weight.value.grad?.data.every((g) => g === 0)).toBe(true) // or others that are scaled with it would be wrong
  })
})
