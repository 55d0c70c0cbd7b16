import vm from 'node:vm'
import { describe, expect, it } from 'vitest'
import { allocating, checkWhole, MemoryError, describe as show, ValueError, withMemoryError } from '../src/errors.js'
import { oneHot as oneHotOf } from '../src/functional.js'
import * as lw from '../src/index.js'

const fails = (error: unknown) => () =>
  withMemoryError('op', 'memory', () => {
    throw error
  })

describe('withMemoryError', () => {
  it.each([
    Object.assign(new Error('none left'), { code: 'LANEWISE_MEMORY' }),
    new RangeError('Array buffer allocation failed'),
    new RangeError('Invalid typed array length: 99'),
    vm.runInNewContext("new RangeError('Invalid array length')"),
    new RangeError('Out of memory'), // Bun
  ])('%s, for want of memory', (error) => {
    expect(fails(error)).toThrow(MemoryError)
    expect(fails(error)).toThrow(`op: expected memory, received ${error.message}`)
  })

  it.each([new RangeError('Maximum call stack size exceeded'), new Error('allocation'), undefined, 'allocation'])(
    '%s, which is passed on',
    (error) => {
      let thrown: unknown
      try {
        fails(error)()
      } catch (e) {
        thrown = e
      }
      expect(thrown).toBe(error)
    },
  )

  it('gives what was made, and says how much was asked', () => {
    expect(allocating('op', 8, () => 3)).toBe(3)
    const full = () =>
      allocating('op', 8, () => {
        throw new RangeError('Array buffer allocation failed')
      })
    expect(full).toThrow('op: expected 8 bytes of memory, received Array buffer allocation failed')
  })
})

it('checkWhole takes both ends', () => {
  for (const n of [0, 1, 5]) expect(checkWhole('op', 'a count', n, 0, 5)).toBe(n)
  expect(checkWhole('op', 'a count', 2 ** 52, 1)).toBe(2 ** 52)
  for (const n of [-1, 6, 0.5, Number.NaN, Infinity, '1', 1n, null])
    expect(() => checkWhole('op', 'a count', n, 0, 5)).toThrow(ValueError)
  expect(() => checkWhole('op', 'a count', Infinity, 0)).toThrow('op: expected a count, received Infinity')
})

it('describe names the keys of a plain object, and tells classes from functions', () => {
  expect(show({ xs: 1, ys: 2 })).toBe('{ xs, ys }')
  expect(show([{ input: 1 }])).toBe('[{ input }]')
  expect(show({ ['k'.repeat(99)]: 1 })).toHaveLength(64)
  expect(show(Object.create(null))).toBe('object')
  expect(show(lw.Adam)).toBe('class Adam')
  expect(show(lw.relu)).toBe('function relu')
})

// What people write who come from NumPy, Keras, PyTorch or tfjs.
const x = lw.tensor([
  [1, 2],
  [3, 4],
])
const out = lw.zeros([2, 2])
const model = (layers: lw.Module[], options: object) =>
  new lw.Sequential({ input: [2], layers }).compile({ loss: 'binaryCrossentropy', ...options })
const affine = (weightInitializer: unknown) => () =>
  model([new lw.Affine(3, { weightInitializer } as never)], { loss: 'mse' })
class Torch extends lw.Module {
  w = lw.tensor([[1]], { requiresGrad: true })
  forward(input: lw.Tensor) {
    return lw.matmul(input, this.w)
  }
}
class Late extends lw.Module {
  w = lw.zeros([1])
  override build(input: lw.Shape) {
    this.w = lw.zeros([input[0], 1], { requiresGrad: true })
    return [1]
  }
  forward = (input: lw.Tensor) => lw.matmul(input, this.w)
}
class Listed extends lw.Module {
  scales = [lw.zeros([2], { requiresGrad: true })]
  forward = (input: lw.Tensor) => lw.multiply(input, this.scales[0])
}
class Ring extends lw.Module {
  child: (lw.Affine & { parent?: lw.Module }) | undefined
  override build(input: lw.Shape) {
    this.child = new lw.Affine(2)
    this.child.parent = this
    return this.child.build(input)
  }
  forward = (input: lw.Tensor) => (this.child as lw.Affine).forward(input)
}
class Wide extends lw.Module {
  override build = () => [7]
  forward = (input: lw.Tensor) => input
}
const one = () => [new lw.Affine(1), new lw.Softmax()]
const sigmoid = () => model([new lw.Affine(1), new lw.Sigmoid()], {})

const MISTAKES: [what: string, call: () => unknown, message: string][] = [
  [
    'out where options are',
    () => lw.matmul(x, x, out as never),
    'matmul: expected an object with options (transposeA, transposeB), before an out, received Tensor float32 [2, 2]',
  ],
  [
    'the same of sum',
    () => lw.sum(x, 0, out as never),
    'sum: expected an object with options (keepDims), before an out',
  ],
  [
    'a signal as options',
    () => lw.record(() => lw.sum(x)).replayAsync(1, AbortSignal.abort() as never),
    'replayAsync: expected an object with options (signal, onProgress), received AbortSignal',
  ],
  ['a Map as options', () => new lw.SGD(new Map() as never), 'nesterov, weightDecay), received Map'],
  [
    'AdamW(0.01)',
    () => new lw.AdamW(0.01 as never),
    'AdamW: expected an object with options (learningRate, beta1, beta2, epsilon, weightDecay), received 0.01',
  ],
  [
    'a tensor that was cloned',
    () => lw.sum(structuredClone(lw.tensor([1]))),
    'expected a tensor, received a clone of a Tensor (of a toTypedArray() of it tensor() makes one)',
  ],
  ['axis as an option', () => lw.argmax(x, { axis: 1 } as never), 'expected an axis from -2 to 1, received { axis }'],
  ['softmax of an axis', () => lw.softmax(x, -1 as never), 'a tensor as out (the axis is the last), received -1'],
  ['a label', () => lw.oneHot(lw.tensor(Int32Array.of(0, 3)), 3), 'oneHot: expected t[1] from 0 to 2, received 3'],
  [
    'labels of text',
    () => oneHotOf(['0'] as never, 2),
    'oneHot: expected labels: numbers at depth 1, received "0" at [0]',
  ],
  ['nesterov alone', () => new lw.SGD({ nesterov: true }), 'SGD: expected a momentum above 0 for nesterov, received 0'],
  ['a class for an optimizer', () => model(one(), { optimizer: lw.Adam }), 'received class Adam'],
  [
    'softmax of one output',
    () => model(one(), { loss: 'mse' }),
    'compile: expected Sigmoid and binaryCrossentropy for one output, received Softmax and meanSquaredError',
  ],
  [
    'classes of one output',
    () => model([new lw.Affine(1), new lw.Sigmoid()], { loss: 'categoricalCrossentropy' }),
    'for one output, received Sigmoid and categoricalCrossentropy',
  ],
  [
    'input: 784',
    () => new lw.Sequential({ input: 784 as never, layers: one() }),
    'Sequential.input: expected a shape: an array',
  ],
  ['a value for an initializer', affine(() => 0.5), 'an initializer that fills the parameter'],
  ['nested arrays for one', affine(() => [[1, 2, 3]]), 'an initializer that fills the parameter'],
  [
    'values not written',
    affine((p: lw.Tensor) => p.data.map(() => 1)),
    'fills the parameter (heNormal(), not heNormal), received Float32Array of 6',
  ],
  [
    'a parameter as in PyTorch',
    () => lw.build(new Torch(), [1]),
    'build: expected this.parameter() in build() of Torch, received a field with Tensor float32 [1, 1]',
  ],
  [
    'one that build() makes',
    () => lw.build(new Late(), [1]),
    'build: expected this.parameter() in build() of Late, received a field with Tensor float32 [1, 1]',
  ],
  [
    'a module that contains itself from build() on',
    () => lw.build(new Ring(), [3]),
    'modules that do not contain themselves, received Ring > Affine > Ring',
  ],
  [
    'several in an array',
    () => lw.build(new Listed(), [1]),
    'build: expected this.parameter() in build() of Listed, received a field with Tensor float32 [2]',
  ],
  [
    'the same within a model',
    () => model([new Torch()], { loss: 'mse' }),
    'expected this.parameter() in build() of Torch',
  ],
  [
    'another shape than build said',
    () => new lw.Sequential({ input: [2], layers: [new Wide()] }).predict(x),
    'predict: expected forward to give [2, 7] for 2 rows, as build says, received [2, 2]',
  ],
  ['fit with a signal', () => sigmoid().fit({ x, y: [0, 1] }, AbortSignal.abort() as never), 'received AbortSignal'],
  [
    'xs and ys',
    () => sigmoid().fit({ xs: x, ys: [0, 1] } as never),
    'fit: expected data { x, y }, received { xs, ys }',
  ],
  [
    'a callback’s class',
    () => sigmoid().fit({ x, y: [0, 1] }, { callbacks: [lw.EarlyStopping as never] }),
    'fit: expected callbacks: objects with hooks, received class EarlyStopping',
  ],
  [
    'labels -1 and 1',
    () => sigmoid().fit({ x, y: [1, -1] }),
    'fit: expected targets from 0 to 1 for binaryCrossentropy, received -1',
  ],
  [
    'one-hot rows with a number below 0',
    () =>
      model([new lw.Affine(2), new lw.Softmax()], { loss: 'categoricalCrossentropy' }).fit({
        x,
        y: [
          [3, 0],
          [-1, 2],
        ],
      }),
    'fit: expected targets from 0 on for categoricalCrossentropy, received -1 at 2',
  ],
  [
    'labels that stand for quotients',
    () =>
      model([new lw.Affine(2), new lw.Softmax()], { loss: 'sparseCategoricalCrossentropy' }).fit({
        x,
        y: lw.tensor([0, 1], { dtype: 'uint8', divisor: 2 }),
      }),
    'fit: expected labels without a divisor for sparseCategoricalCrossentropy, received Tensor uint8 / 2 [2]',
  ],
  ['bytes', () => sigmoid().evaluate({ x, y: [0, 255] }), 'evaluate: expected targets from 0 to 1'],
  [
    'no number',
    () => sigmoid().fit({ x, y: [0, Number.NaN] }),
    'targets from 0 to 1 for binaryCrossentropy, received NaN',
  ],
  [
    'class numbers for one-hot rows',
    () => model([new lw.Affine(3), new lw.Softmax()], { loss: 'categoricalCrossentropy' }).fit({ x, y: [0, 1] }),
    'targets [2, 3] for categoricalCrossentropy (for class numbers take sparseCategoricalCrossentropy), received [2]',
  ],
]

it.each(MISTAKES)('%s', async (_what, call, message) => {
  await expect(async () => await call()).rejects.toThrow(message)
  await expect(async () => await call()).rejects.toThrow(lw.LanewiseError)
})

it('what is near to them is right', async () => {
  class Options {
    get learningRate() {
      return 0.5
    }
  }
  expect(new lw.SGD(new Options()).learningRate).toBe(0.5)
  expect(new lw.SGD(Object.create(null)).learningRate).toBe(0.01)
  for (const fill of [(p: lw.Tensor) => p.data.fill(0), (p: lw.Tensor) => lw.fill(p, 0), () => {}]) affine(fill)()
  expect(affine((p: lw.Tensor) => (p.data[0] = 5))().getWeights()[0].data[0]).toBe(5)
  const soft = lw.tensor(Uint8Array.of(0, 51), { divisor: 255 })
  expect((await sigmoid().evaluate({ x, y: soft })).loss).toBeGreaterThan(0)
  const { history } = await model([new lw.Affine(2)], { loss: 'mse', metrics: ['mse'] }).fit({ x, y: out })
  expect(Object.keys(history)).toEqual(['loss', 'meanSquaredError'])
})

it.each<[object, string, string]>([
  [new lw.AdamW(), 'lr', 'AdamW.lr: expected learningRate to be set, received 0.1'],
  [new lw.SGD(), 'learning_rate', 'SGD.learning_rate: expected learningRate to be set'],
  [new lw.Affine(1), 'trainable', 'Affine.trainable: expected value.requiresGrad of its parameters to be set'],
  [new lw.Parameter('p', [1], () => {}), 'requiresGrad', 'expected value.requiresGrad to be set'],
  [new lw.Parameter('p', [1], () => {}), 'trained', 'expected value.requiresGrad to be set'],
  [sigmoid(), 'stop_training', 'Sequential.stop_training: expected stopTraining to be set'],
])('%s.%s = …', (of, name, message) => {
  expect(() => Object.assign(of, { [name]: 0.1 })).toThrow(message)
  expect(Object.hasOwn(of, name)).toBe(false)
})

// What looks like a mistake of the above, and is none.
describe('right all the same', () => {
  it('a subclass of an optimizer with a field of that name, options of a class', () => {
    class Slow extends lw.Adam {
      lr: number
      constructor(given: { lr: number }) {
        super({ learningRate: given.lr })
        this.lr = given.lr
      }
    }
    expect([new Slow({ lr: 0.5 }).lr, new Slow({ lr: 0.5 }).learningRate]).toEqual([0.5, 0.5])
    class Options {
      get learningRate() {
        return 0.5
      }
    }
    for (const Class of [lw.Adam, lw.AdamW]) expect(new Class(new Options()).learningRate).toBe(0.5)
    for (const signal of [new AbortController().signal, new Map()])
      expect(() => new lw.AdamW(signal as never)).toThrow('AdamW: expected an object with options')
  })

  it("a module that holds another model's weight", () => {
    const [base, x1] = [new lw.Sequential({ input: [1], layers: [new lw.Affine(1)], seed: 1 }), lw.tensor([[2]])]
    class Scaled extends lw.Module {
      readonly w = base.layers[0].allParameters()[0].value
      forward(x: lw.Tensor) {
        return lw.matmul(x, this.w)
      }
    }
    expect(new lw.Sequential({ input: [1], layers: [new Scaled()] }).predict(x1).item()).toBe(base.predict(x1).item())
  })

  it('binary targets that rounding took past 1, and losses with a call of their own', async () => {
    const targets = [[1.0000001], [-1e-7]]
    expect((await sigmoid().evaluate({ x, y: targets })).loss).toBeGreaterThan(0)
    const call = (p: lw.Tensor) => lw.mean(p)
    const own = model([new lw.Affine(1), new lw.Sigmoid()], { loss: { ...lw.losses.binaryCrossentropy, call } })
    expect((await own.evaluate({ x, y: [[-1], [7]] })).loss).toBeGreaterThan(0)
    model([new lw.Affine(1), new lw.Sigmoid()], { loss: { ...lw.losses.categoricalCrossentropy, name: 'focal', call } })
  })
})
