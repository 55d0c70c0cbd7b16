import { expect, it } from 'vitest'
import {
  Adam,
  Affine,
  backward,
  build,
  Module,
  meanSquaredError,
  type Optimizer,
  type ParameterStore,
  RMSProp,
  SGD,
  type Tensor,
} from '../../src/index.js'
import { eachBackend } from '../backends.js'
import { inputs } from './formulas.js'

// What a loop of one's own uses: an optimizer's memory, gradients that stay, parts of a module.

/** Two branches, of which a step may use one. */
class Branches extends Module {
  readonly left = new Affine(2)
  readonly right = new Affine(2)
  readonly both = [this.left, this.right]
  override build(input: readonly number[]): readonly number[] {
    this.left.build(input)
    return this.right.build(input)
  }
  forward(x: Tensor): Tensor {
    return this.left.forward(x)
  }
}

const x = () => inputs(10, 3)
const y = () => inputs(10, 2)
const bits = (store: ParameterStore) => Array.from(store.values.data)

function steps(net: Branches, store: ParameterStore, optimizer: Optimizer, count: number): void {
  for (let i = 0; i < count; i++) {
    backward(meanSquaredError(net.forward(x()), y()))
    optimizer.step(store)
  }
}

eachBackend(() => {
  it.each([
    ['momentum', () => new SGD({ learningRate: 0.05, momentum: 0.9 })],
    ['rmsprop', () => new RMSProp({ learningRate: 0.01 })],
    ['adam', () => new Adam({ learningRate: 0.01 })],
  ])('%s: reset() makes the next step a first one', (_name, make) => {
    const net = new Branches()
    const store = build(net, [3], { seed: 1 })
    const start = store.values.data.slice()
    const optimizer = make()
    steps(net, store, optimizer, 3)
    const first = bits(store)
    store.values.set(start)
    steps(net, store, optimizer, 3)
    expect(bits(store)).not.toEqual(first) // it still has its momenta
    store.values.set(start)
    optimizer.reset(store)
    steps(net, store, optimizer, 3)
    expect(bits(store)).toEqual(first)
  })

  it('one optimizer of two models keeps them apart', () => {
    const alone = [1, 2].map((seed) => {
      const net = new Branches()
      const store = build(net, [3], { seed })
      steps(net, store, new Adam(), 4)
      return bits(store)
    })
    const optimizer = new Adam()
    const nets = [1, 2].map((seed) => {
      const net = new Branches()
      return { net, store: build(net, [3], { seed }) }
    })
    for (let i = 0; i < 4; i++) for (const { net, store } of nets) steps(net, store, optimizer, 1)
    expect(nets.map(({ store }) => bits(store))).toEqual(alone)
  })

  it('a gradient of a step that a parameter took no part in is the one before, until zeroGrad()', () => {
    const net = new Branches()
    const store = build(net, [3], { seed: 1 })
    backward(meanSquaredError(net.right.forward(x()), y()))
    const { grad } = net.right.weight.value
    const before = Array.from(grad?.data ?? [])
    expect(before.every((v) => v !== 0)).toBe(true)
    backward(meanSquaredError(net.forward(x()), y()))
    expect(Array.from(grad?.data ?? [])).toEqual(before)
    store.zeroGrad()
    expect(store.gradients.data.every((v) => v === 0)).toBe(true)
    backward(meanSquaredError(net.forward(x()), y()))
    const held = Array.from(net.right.weight.value.data)
    const moved = Array.from(net.left.weight.value.data)
    new SGD({ learningRate: 0.1 }).step(store)
    expect(Array.from(net.right.weight.value.data)).toEqual(held)
    expect(Array.from(net.left.weight.value.data)).not.toEqual(moved)
  })

  it('a part held twice has its parameters once', () => {
    const net = new Branches()
    const store = build(net, [3])
    expect(net.children()).toEqual([net.left, net.right, net.left, net.right])
    expect(net.allParameters()).toEqual([net.left.weight, net.left.bias, net.right.weight, net.right.bias])
    expect(store.count).toBe(2 * (3 * 2 + 2))
  })
})
