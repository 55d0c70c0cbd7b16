import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import {
  Adam,
  Affine,
  Flatten,
  initializers,
  LeakyRelu,
  Module,
  type Parameter,
  Relu,
  Sequential,
  SGD,
  type Shape,
  ShapeError,
  Softmax,
  StateError,
  Tanh,
  type Tensor,
  TypeMismatchError,
  tensor,
  zeros,
} from '../../src/index.js'
import { eachBackend } from '../backends.js'
import { classes, inputs, relativeError } from './formulas.js'

const loss = 'sparseCategoricalCrossentropy'
const rows = () => ({ x: inputs(50, 7), y: tensor(classes(50)) })
const flat = (model: Sequential) => model.getWeights().flatMap((w) => Array.from(w.data))

/** x times a gain for each column: a module with a parameter of its own, and one that holds others. */
class Gain extends Module {
  gain!: Parameter
  override build(input: Shape): Shape {
    this.gain = this.parameter('gain', input, initializers.constant(1))
    return input
  }
  forward(x: Tensor): Tensor {
    return x.multiply(this.gain.value)
  }
}

class Residual extends Module {
  private readonly inner = [new Affine(7), new Tanh()]
  private readonly gain = new Gain()
  override build(input: Shape): Shape {
    return this.gain.build(this.inner.reduce((shape, part) => part.build(shape), input))
  }
  forward(x: Tensor): Tensor {
    return x.add(this.gain.forward(this.inner.reduce((y, part) => part.forward(y), x)))
  }
}

eachBackend(() => {
  it('Affine keeps the dimensions before the last', () => {
    const model = new Sequential({ input: [3, 4], layers: [new Affine(2)] })
    expect(model.output).toEqual([3, 2])
    expect(model.predict(zeros([5, 3, 4])).shape).toEqual([5, 3, 2])
  })

  describe('a Sequential', () => {
    it('sums itself up', () => {
      const model = new Sequential({
        input: [28, 28],
        layers: [new Flatten(), new Affine(50), new LeakyRelu(), new Affine(10), new Softmax()],
      })
      expect([inspect(model), inspect(Object.create(Sequential.prototype))]).toEqual([model.summary(), 'Sequential'])
      expect(model.summary().split('\n')).toEqual([
        'Layer      Output       Parameters',
        '----------------------------------',
        'Flatten    [rows, 784]           0',
        'Affine     [rows, 50]       39,250',
        'LeakyRelu  [rows, 50]            0',
        'Affine     [rows, 10]          510',
        'Softmax    [rows, 10]            0',
        '----------------------------------',
        'Total parameters: 39,760',
      ])
      expect(model.output).toEqual([10])
      expect(model.countParameters()).toBe(39760)
    })

    it('predicts as forward does, over more rows than it takes at once, and takes no gradient', () => {
      const model = new Sequential({ input: [7], layers: [new Affine(5), new Tanh(), new Affine(3), new Softmax()] })
      const x = inputs(600, 7)
      const all = model.predict(x)
      expect(all.shape).toEqual([600, 3])
      expect(all.node).toBeUndefined()
      for (const from of [0, 255, 256, 599]) {
        const part = model.forward(x.slice(from, from + 1))
        expect(relativeError(part.data, all.slice(from, from + 1).data)).toBeLessThan(1e-6)
      }
      const sums = all.sum(1).data as Float32Array
      expect(Math.max(...sums.map((s) => Math.abs(s - 1)))).toBeLessThan(1e-6)
      expect(model.predict([[1, 2, 3, 4, 5, 6, 7]]).shape).toEqual([1, 3])
      expect(model.predict(inputs(0, 7)).shape).toEqual([0, 3])
      expect(() => model.predict([1, 2, 3, 4, 5, 6, 7])).toThrow(ShapeError)
    })

    it('gives copies of its weights and takes them back, also from another dtype and flat', async () => {
      const make = (dtype?: 'float64') =>
        new Sequential({ input: [7], layers: [new Affine(5), new Affine(3), new Softmax()], ...(dtype && { dtype }) })
      const model = make()
      const saved = model.getWeights()
      expect(saved.map((w) => w.shape)).toEqual([[7, 5], [5], [5, 3], [3]])
      await model.compile({ optimizer: new Adam(), loss }).fit(rows())
      expect(flat(model)).not.toEqual(saved.flatMap((w) => Array.from(w.data)))
      model.setWeights(saved)
      expect(model.getWeights().map((w) => w.toArray())).toEqual(saved.map((w) => w.toArray()))
      saved[0].data.fill(9)
      expect(flat(model)).not.toContain(9)
      const wide = make('float64')
      wide.setWeights(model.getWeights())
      expect(wide.getWeights().map((w) => w.toArray())).toEqual(model.getWeights().map((w) => w.toArray()))
      wide.setWeights(model.getWeights().map((w) => w.toTypedArray()))
      wide.setWeights(model.getWeights().map((w) => w.toArray()))
      expect(flat(wide)).toEqual(flat(model))
      expect(() => model.setWeights(saved.slice(1))).toThrow(/setWeights: expected 4 tensors/)
      expect(() => model.setWeights([saved[2], ...saved.slice(1)])).toThrow(
        /Affine.weight of shape \[7, 5\] at \[0\], received \[5, 3\]/,
      )
    })

    it('refuses what is no list of layers', () => {
      for (const layers of [undefined, [], [new Affine(1), 'relu'], new Affine(2), [undefined]]) {
        expect(() => new Sequential({ input: [2], layers: layers as never })).toThrow(TypeMismatchError)
      }
      for (const input of [undefined, 5, [1.5], [-1], ['2']]) {
        expect(() => new Sequential({ input: input as never, layers: [new Affine(1)] })).toThrow(
          /^Sequential.input: expected/,
        )
      }
      expect(() => new Sequential({ input: [], layers: [new Affine(1)] })).toThrow(ShapeError)
    })

    it('with nothing to train says so or runs', async () => {
      const model = new Sequential({ input: [3], layers: [new Softmax()] }).compile({ loss })
      const data = { x: inputs(5, 3), y: tensor(classes(5)) }
      expect(model.predict(data.x).shape).toEqual([5, 3])
      expect((await model.evaluate(data)).loss).toBeGreaterThan(0)
      await expect(model.fit(data)).rejects.toThrow(/^(backward|fit): expected/)
    })
  })

  describe('modules', () => {
    it('of one’s own train inside a Sequential, parts and all', async () => {
      const make = () =>
        new Sequential({ input: [7], layers: [new Gain(), new Residual(), new Affine(3), new Softmax()] })
      const model = make()
      expect(model.getWeights().map((w) => w.shape)).toEqual([[7], [7, 7], [7], [7], [7, 3], [3]])
      expect(model.summary()).toMatch(/^Residual {2}\[rows, 7\] {10}63$/m)
      model.compile({ optimizer: new Adam({ learningRate: 0.02 }), loss })
      const before = model.getWeights().map((w) => w.data.slice())
      const { history } = await model.fit(rows(), { epochs: 20, batchSize: 16 })
      expect(history.loss[19]).toBeLessThan(history.loss[0] - 0.05)
      model.getWeights().forEach((w, i) => {
        expect(w.data).not.toEqual(before[i])
      })
    })

    it('a layer twice in one model has one set of weights and both gradients', async () => {
      const shared = new Affine(7, { weightInitializer: initializers.normal({ stddev: 0.3 }) })
      const model = new Sequential({
        input: [7],
        layers: [shared, new Tanh(), shared, new Affine(1)],
        dtype: 'float64',
      })
      expect(model.countParameters()).toBe(56 + 8)
      const data = { x: inputs(20, 7, 'float64'), y: inputs(20, 1, 'float64') }
      model.compile({ optimizer: new SGD({ learningRate: 1e-3 }), loss: 'mse' })
      // The step against a numerical derivative of the loss by one shared weight.
      const [w, ...others] = model.getWeights()
      const at = async (delta: number) => {
        const changed = Float64Array.from(w.data)
        changed[9] += delta
        model.setWeights([changed, ...others])
        return (await model.evaluate(data)).loss
      }
      const slope = ((await at(1e-5)) - (await at(-1e-5))) / 2e-5
      model.setWeights([w, ...others])
      await model.fit(data, { batchSize: 20 })
      const step = (w.data[9] - model.getWeights()[0].data[9]) / 1e-3
      expect(relativeError([step], [slope])).toBeLessThan(1e-6)
    })

    it('a layer in two models is refused, and the first model unharmed', async () => {
      const shared = new Affine(3)
      const first = new Sequential({ input: [7], layers: [shared, new Softmax()] })
      const weights = flat(first)
      const fresh = new Affine(7)
      const again = () => new Sequential({ input: [7], layers: [fresh, new Relu(), shared, new Softmax()] })
      expect(again).toThrow(StateError)
      expect(again).toThrow(
        'build: expected modules that belong to no other model, received Affine.weight, which is built already',
      )
      const otherShape = () => new Sequential({ input: [4], layers: [shared] })
      expect(otherShape).toThrow(
        /Affine.weight: expected shape \[7, 3\] as where it was declared first, received \[4, 3\]/,
      )
      expect(flat(first)).toEqual(weights)
      await first.compile({ loss }).fit(rows())
      expect(flat(first)).not.toEqual(weights)
      expect(new Sequential({ input: [7], layers: [fresh] }).predict(inputs(2, 7)).shape).toEqual([2, 7])
    })

    it('a Sequential inside a Sequential is refused with a reason', () => {
      const inner = new Sequential({ input: [7], layers: [new Affine(5), new Tanh()] })
      const outer = () => new Sequential({ input: [7], layers: [inner, new Affine(3), new Softmax()] })
      expect(outer).toThrow(StateError)
      expect(outer).toThrow(/modules that belong to no other model/)
      expect(inner.summary().split('\n')).toHaveLength(6)
      expect(inner.predict(inputs(2, 7)).shape).toEqual([2, 5])
    })
  })
})
