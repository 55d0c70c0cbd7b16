import { expect, it } from 'vitest'
import * as lw from '../../src/index.js'
import { eachBackend } from '../backends.js'

// What a class or function of one's own may get wrong, and would train on without a word.

const x = () => lw.uniform(lw.randomState(1), [6, 2])
const y = () =>
  lw.tensor(
    Float32Array.from({ length: 6 }, (_, i) => i / 6),
    { shape: [6, 1] },
  )
const model = () => new lw.Sequential({ input: [2], layers: [new lw.Affine(1)], seed: 1 })
const train = (m: lw.Sequential) => m.fit({ x: x(), y: y() }, { epochs: 1, batchSize: 3 })

eachBackend(() => {
  it('two parameters of one name in two fields would be one', () => {
    class Pair extends lw.Module {
      a!: lw.Parameter
      b!: lw.Parameter
      constructor(private readonly second: string) {
        super()
      }
      override build(input: lw.Shape): lw.Shape {
        this.a = this.parameter('w', input, 'ones')
        this.b = this.parameter(this.second, input, 'zeros')
        return input
      }
      override forward(t: lw.Tensor): lw.Tensor {
        return lw.add(lw.multiply(t, this.a.value), this.b.value)
      }
    }
    expect(() => lw.build(new Pair('w'), [2])).toThrow(
      'build: expected parameters of Pair with names of their own, received two that are Pair.w',
    )
    expect(lw.build(new Pair('v'), [2]).count).toBe(4)
  })

  it.each(['predictions', 'targets', 'a view of them'])('a loss or metric that writes to %s', async (what) => {
    const spoil = (p: lw.Tensor, t: lw.Tensor): lw.Tensor => {
      lw.noGrad(() => lw.fill(what === 'targets' ? t : what === 'predictions' ? p : p.slice(0, 1), 0))
      return lw.meanSquaredError(p, t)
    }
    const inLoss = model().compile({ loss: { name: 'mine', targets: 'dense', call: spoil } })
    const leave = /to leave predictions and targets as they are, received one that writes to them/
    await expect(train(inLoss)).rejects.toThrow(leave)
    const inMetric = model().compile({ loss: 'mse', metrics: [{ name: 'mine', call: spoil }] })
    await expect(train(inMetric)).rejects.toThrow(leave)
    await expect(inMetric.evaluate({ x: x(), y: y() })).rejects.toThrow(leave)
    expect((await train(model().compile({ loss: 'mse' }))).epoch).toEqual([1])
  })

  it('an optimizer that updates nothing', async () => {
    class Lazy extends lw.Optimizer {
      protected readonly slotCount = 0
      protected emit(store: lw.ParameterStore): void {
        lw.subtract(store.values, lw.multiply(store.gradients, lw.cast(this.rate, store.dtype)))
      }
    }
    class Parts extends lw.Optimizer {
      protected readonly slotCount = 0
      protected emit(store: lw.ParameterStore): void {
        for (const { value } of store.parameters) lw.scale(value, 0.5, 0, value)
      }
    }
    const lazy = model().compile({ loss: 'mse', optimizer: new Lazy(0.1) })
    await expect(train(lazy)).rejects.toThrow(
      'Lazy.emit: expected an op that writes to store.values (out), received none',
    )
    const halved = model().compile({ loss: 'mse', optimizer: new Parts(0.1) })
    const before = halved.snapshot()
    await train(halved)
    expect(halved.snapshot()).toEqual(before.map((v) => v / 4))
  })

  it('an out that was refused, or had a bad index, and its history', () => {
    const p = lw.tensor([[1, 2]], { requiresGrad: true })
    const h = lw.multiply(p, 3)
    const loss = lw.sum(lw.square(h))
    expect(() => lw.oneHot(lw.tensor(Int32Array.of(1)), 3, 'float32', h)).toThrow(lw.ShapeError)
    expect(() => lw.gatherRows(h, lw.tensor(Int32Array.of(0)), {}, h)).toThrow(lw.LanewiseError)
    lw.backward(loss)
    expect(p.grad?.toArray()).toEqual([[18, 36]])
    for (const write of [
      () => lw.oneHot(lw.tensor(Int32Array.of(2)), 2, 'float32', h),
      () => lw.gatherRows(lw.zeros([1, 2]), lw.tensor(Int32Array.of(5)), {}, h),
    ]) {
      const again = lw.sum(lw.square(h))
      expect(write).toThrow(lw.IndexError)
      expect(() => lw.backward(again)).toThrow(lw.StateError)
    }
  })

  it('options name the call that they are of', () => {
    for (const [make, op] of [
      [() => new lw.Sequential({ input: [1], layers: [new lw.Affine(1)], seed: -1 }), 'Sequential'],
      [() => lw.build(new lw.Affine(1), [1], { seed: 0.5 }), 'build'],
      [() => lw.full([2], 'a' as never), 'full'],
      [() => lw.full([2], 0.5, 'int32'), 'full'],
      [() => lw.permutation(lw.randomState(1), 4, lw.zeros([2, 2], { dtype: 'int32' })), 'permutation'],
    ] as [() => unknown, string][])
      expect(make).toThrow(new RegExp(`^${op}: expected`))
  })

  it('permutation, fill and an update do not write to what a fit uses', async () => {
    const optimizer = new lw.Adam()
    const m = model().compile({ loss: 'mse', optimizer })
    const order = lw.zeros([6], { dtype: 'int32' })
    let refused = 0
    const running = m.fit({ x: x(), y: y() }, { epochs: 3, batchSize: 3 })
    for (const write of [
      () => lw.permutation(lw.randomState(1), 1, optimizer.state(m.store).step),
      () => lw.fill(m.store.values, 0),
      () => new lw.SGD().step(m.store),
    ])
      try {
        write()
      } catch (error) {
        if (error instanceof lw.StateError) refused++
      }
    await running
    expect(refused).toBe(3)
    expect([...lw.permutation(lw.randomState(1), 6, order).data].sort()).toEqual([0, 1, 2, 3, 4, 5])
  })
})
