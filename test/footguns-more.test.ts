import { describe, expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { eachBackend } from './backends.js'

// Further traps, in the manner of footguns.test.ts: commands with places, streams of random numbers, data sets.
const f = (...shape: number[]) => lw.zeros(shape)
const d = (...shape: number[]) => lw.zeros(shape, { dtype: 'float64' })
const ints = (...v: number[]) => lw.tensor(Int32Array.from(v))
const bytes = (...v: number[]) => lw.tensor(Uint8Array.from(v))
type Trap = [what: string, () => unknown, new (...a: never[]) => Error, message: string]

const compiledWith = (name: string, loss: lw.Loss = lw.losses.meanSquaredError) =>
  new lw.Sequential({ input: [2], layers: [new lw.Affine(1)] }).compile({
    loss,
    metrics: [
      { name, call: lw.meanSquaredError },
      { name: 'F1', call: lw.meanSquaredError },
    ],
  })

const WRONG: Trap[] = [
  ['a loss of whole numbers', () => lw.backward(ints(1)), lw.TypeMismatchError, 'a float loss, received int32'],
  ['a negative deviation', () => lw.normal(lw.randomState(1), [2], 0, -1), lw.ValueError, 'a standard deviation >= 0'],
  ['half an int', () => lw.full([2], 1.5, 'int32'), lw.ValueError, 'whole numbers from -2147483648 to 2147483647'],
  [
    'a byte of 300',
    () => lw.fill(bytes(0), 300),
    lw.ValueError,
    'fill: expected whole numbers from 0 to 255 for uint8',
  ],
  [
    'an initializer that was not called',
    () => lw.build(new lw.Affine(2, { weightInitializer: lw.initializers.heNormal as never }), [2]),
    lw.TypeMismatchError,
    'weight: expected an initializer that fills the parameter (heNormal(), not heNormal)',
  ],
  [
    'an initializer that makes a tensor of its own',
    () => lw.build(new lw.Affine(2, { weightInitializer: (p, s) => lw.uniform(s, p.shape) }), [2]),
    lw.TypeMismatchError,
    'an initializer that fills the parameter',
  ],
  ['nothing to join', () => lw.concat([]), lw.TypeMismatchError, 'concat: expected an array of tensors, received []'],
  [
    'rows of two lengths',
    () => lw.concat([f(1, 2), f(1, 3)]),
    lw.ShapeError,
    '[1, 2] but along axis 0, received [1, 3]',
  ],
  ['matrix and vector', () => lw.concat([f(1, 2), f(2)], 1), lw.ShapeError, '[1, 2] but along axis 1, received [2]'],
  ['two dtypes', () => lw.concat([f(2), d(2)]), lw.TypeMismatchError, 'concat: expected tensors of one dtype'],
  ['columns there are not', () => lw.slice(f(2, 3), 1, 4, 1), lw.ValueError, '0 <= start <= end <= 3, received 1 to 4'],
  ['one output a row', () => lw.accuracy(f(3, 1), f(3, 1)), lw.ShapeError, 'at least two classes (binaryAccuracy'],
  ['no divisor', () => lw.tensor(Uint8Array.of(1), { divisor: 0 }), lw.ValueError, 'a divisor above 0, received 0'],
  ['infinite divisor', () => lw.tensor(Uint8Array.of(1), { divisor: Infinity }), lw.ValueError, 'a divisor above 0'],
  ['divisor of floats', () => lw.tensor([1], { divisor: 2 }), lw.TypeMismatchError, 'dtype uint8'],
  ['no tensor', () => lw.exp([1, 2] as never), lw.TypeMismatchError, 'exp: expected a tensor'],
  ['cursor of floats', () => lw.gatherRows(f(3), ints(0), { cursor: f(1) }), lw.TypeMismatchError, 'one int32'],
  ['two cursors', () => lw.gatherRows(f(3), ints(0), { cursor: ints(0, 1) }), lw.TypeMismatchError, 'one int32'],
  ['byte indices', () => lw.gatherRows(f(3), bytes(0)), lw.TypeMismatchError, 'int32 indices'],
  ['float labels', () => lw.oneHot(f(3), 4), lw.TypeMismatchError, 'oneHot: expected int32 or uint8 labels'],
  ['labels of rank 2', () => lw.oneHot(ints(0, 1).reshape([2, 1]), 4), lw.ShapeError, 'labels of shape [2]'],
  ['threshold', () => lw.binaryAccuracy(f(2), f(2), Number.NaN), lw.ValueError, 'a threshold, received NaN'],
  ['fill with text', () => lw.fill(f(2), '1' as never), lw.TypeMismatchError, 'fill: expected a number'],
  ['put two', () => lw.put(d(3), f(2), ints(0)), lw.ShapeError, 'put: expected one value'],
  ['put at a float', () => lw.put(d(3), f(1), f(1)), lw.TypeMismatchError, 'one int32 position'],
  ['put in another type', () => lw.put(f(3), d(1), ints(0)), lw.TypeMismatchError, 'a log of float64 or float64'],
  ['stream', () => lw.randomState(1, 2048), lw.ValueError, 'a stream from 0 to 2047, received 2048'],
  ['stream below 0', () => lw.randomState(1, -1), lw.ValueError, 'a stream from 0 to 2047, received -1'],
  [
    'seed',
    () => lw.randomState(2 ** 53),
    lw.ValueError,
    'a whole number from 0 to 2^53 − 1, received 9007199254740992',
  ],
  ['no axis', () => lw.argmax(f(), 0), lw.ShapeError, 'a tensor with an axis, received []'],
  [
    'uniform, too far apart',
    () => lw.uniform(lw.randomState(1), [2], -1e308, 1e308, { dtype: 'float64' }),
    lw.ValueError,
    'limits, and a difference',
  ],
  [
    'uniform, too large',
    () => lw.uniform(lw.randomState(1), [2], 1e39, 2e39),
    lw.ValueError,
    'limits, and a difference',
  ],
  [
    'uniform, low too far',
    () => lw.uniform(lw.randomState(1), [2], -4e38, -3.9e38),
    lw.ValueError,
    'of at most 3.4028234663852886e+38, received -4e+38 and -3.9e+38',
  ],
  [
    'uniform, high too far',
    () => lw.uniform(lw.randomState(1), [2], 3.9e38, 4e38),
    lw.ValueError,
    'limits, and a difference',
  ],
  [
    'too many parameters',
    () => lw.build(new lw.Affine(1), [2 ** 31 - 1]),
    lw.ShapeError,
    'at most 2147483647 parameters',
  ],
  [
    'too many parameters, counted with the gaps between them',
    () => lw.build(new lw.Affine(1), [2 ** 31 - 17]),
    lw.ShapeError,
    'at most 2147483647 parameters',
  ],
  [
    'indices of two dimensions',
    () => lw.gatherRows(f(2, 2), lw.tensor([[0, 1]], { dtype: 'int32' })),
    lw.ShapeError,
    'indices of one dimension',
  ],
  ['metrics that meet the loss', () => compiledWith('Loss'), lw.ValueError, '"valLoss" twice'],
  ['metrics that meet', () => compiledWith('f1'), lw.ValueError, '"valF1" twice'],
  [
    'a loss of unknown targets',
    () => compiledWith('mse', { name: 'mine', call: lw.meanSquaredError } as never),
    lw.ValueError,
    "targets 'index', 'dense' or 'any'",
  ],
  ['uniform ends', () => lw.uniform(lw.randomState(1), [2], 0, Number.NaN), lw.ValueError, 'a finite'],
  ['normal spread', () => lw.normal(lw.randomState(1), [2], 0, Infinity), lw.ValueError, 'a finite'],
  ['no state', () => lw.uniform(ints(1, 2), [2]), lw.TypeMismatchError, 'a state made by randomState()'],
  ['value before build', () => new lw.Parameter('w', [2], () => {}).value, lw.StateError, 'w: expected a built model'],
  ['forward before build', () => new lw.Affine(2).forward(f(1, 2)), lw.StateError, 'a layer without weights'],
]

eachBackend(() => {
  it.each(WRONG)('%s', (_what, fn, type, message) => {
    expect(fn).toThrow(type)
    expect(fn).toThrow(message)
  })

  it('put refuses a place outside of the log, and writes nothing', () => {
    const log = d(3)
    for (const at of [3, -1, 2 ** 31 - 1]) expect(() => lw.put(log, lw.tensor([7]), ints(at))).toThrow(lw.IndexError)
    expect(log.toArray()).toEqual([0, 0, 0])
    lw.put(log, lw.tensor([7]), ints(2))
    expect(log.toArray()).toEqual([0, 0, 7])
  })

  it('a count of rows to gather may be 0', () => {
    expect(lw.gatherRows(f(3, 2), ints(0, 1), { count: 0 }).shape).toEqual([0, 2])
  })

  it('no more steps are replayed than can be counted', async () => {
    const x = f(1)
    const tape = lw.record(() => lw.fill(x, 1))
    for (const steps of [2 ** 31, -1, 0.5]) {
      expect(() => tape.replay(steps)).toThrow(lw.ValueError)
      await expect(tape.replayAsync(steps)).rejects.toThrow(lw.ValueError)
    }
  })

  it('limits of uniform may be equal, and as far apart as the type goes', () => {
    const state = lw.randomState(1)
    const most = (2 - 2 ** -23) * 2 ** 127
    expect(lw.uniform(state, [2], 3, 3).toArray()).toEqual([3, 3])
    for (const x of [
      lw.uniform(state, [9], 0, most),
      lw.uniform(state, [9], -most, 0),
      lw.uniform(state, [9], -1e300, Number.MAX_VALUE - 1e300, { dtype: 'float64' }),
    ])
      expect(x.data.every(Number.isFinite)).toBe(true)
  })

  it('a number counts as one row of one: its softmax is 1', () => {
    expect(lw.softmax(lw.tensor(5)).item()).toBe(1)
    expect(lw.logSoftmax(lw.tensor(5)).item()).toBe(0)
  })
})

describe('data sets', () => {
  const model = (units: number) => {
    const layers = [new lw.Affine(units)]
    return new lw.Sequential({ input: [3], layers }).compile({ loss: 'meanSquaredError' })
  }
  it.each([
    [2, [5], 'targets [5, 2] for meanSquaredError, received [5]'],
    [2, [5, 3], 'targets [5, 2] for meanSquaredError, received [5, 3]'],
    [1, [5, 2], 'targets [5, 1] for meanSquaredError, received [5, 2]'],
    [1, [5, 1, 1], 'targets [5, 1] for meanSquaredError, received [5, 1, 1]'],
  ])('%i outputs and targets %j', async (units, shape, message) => {
    const data = { x: f(5, 3), y: f(...shape) }
    await expect(model(units).fit(data)).rejects.toThrow(lw.ShapeError)
    await expect(model(units).evaluate(data)).rejects.toThrow(message)
  })
})
