import { describe, expect, it } from 'vitest'
import type { Tensor } from '../src/index.js'
import * as lw from '../src/index.js'

// Traps of objects: modules that contain themselves, instances that no constructor made.

describe('instances', () => {
  it('a module that contains itself is refused, by name, instead of filling the stack', () => {
    class Block extends lw.Module {
      inner: lw.Module | undefined
      override build(input: lw.Shape) {
        return this.inner?.build(input) ?? input
      }
      forward(x: Tensor) {
        return this.inner?.forward(x) ?? x
      }
    }
    const own = new Block()
    own.inner = own
    const refusal = 'allParameters: expected modules that do not contain themselves, received '
    expect(() => lw.build(own, [4])).toThrow(lw.StateError)
    expect(() => own.allParameters()).toThrow(`${refusal}Block > Block`)
    expect(() => new lw.Sequential({ input: [4], layers: [own] })).toThrow(`${refusal}Sequential > Block > Block`)

    const block = new Block()
    const model = new lw.Sequential({ input: [4], layers: [new lw.Affine(4), block] }).compile({ loss: 'mse' })
    block.inner = model
    expect(() => model.allParameters()).toThrow(`${refusal}Sequential > Block > Sequential`)
    expect(() => model.summary()).toThrow(refusal)
    expect(() => model.predict(lw.zeros([2, 4]))).toThrow('forward: expected modules that do not contain themselves')
    block.inner = undefined
    expect(model.predict(lw.zeros([2, 4])).shape).toEqual([2, 4])
  })

  it('a module that is shared is none that contains itself', () => {
    const shared = new lw.Sequential({ input: [4], layers: [new lw.Affine(4)] })
    class Twice extends lw.Module {
      parts = [shared, shared]
      forward(x: Tensor) {
        return shared.forward(shared.forward(x))
      }
    }
    expect(new Twice().allParameters()).toHaveLength(2)
    expect(new Twice().forward(lw.zeros([2, 4])).shape).toEqual([2, 4])
  })

  it('an instance that no constructor made is refused: as an argument, and as what a method is called on', () => {
    const fake = <T>(Class: { prototype: T }): T => Object.create(Class.prototype as object)
    const tensor = fake(lw.Tensor)
    expect(() => lw.add(lw.zeros([2]), tensor)).toThrow('add: expected a tensor, received Tensor without values')
    expect(() => tensor.data).toThrow('data: expected a tensor, received Tensor without values')
    expect(() => lw.build(fake(lw.Relu), [2])).toThrow('build: expected a Module, received Relu')
    const model = new lw.Sequential({ input: [2], layers: [new lw.Relu()] })
    const adam = { optimizer: fake(lw.Adam), loss: 'mse' } as const
    expect(() => model.compile(adam)).toThrow('compile: expected an Optimizer or one of')
    const refusal =
      'summary: expected an instance of Sequential that its constructor made, received Sequential without fields'
    expect(() => fake(lw.Sequential).summary()).toThrow(refusal)
  })
})
