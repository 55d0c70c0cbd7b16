import { expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { eachBackend } from './backends.js'

// Every trap has its error, which names the op, what it expected and what it received.
const f = (...shape: number[]) => lw.zeros(shape)
const d = (...shape: number[]) => lw.zeros(shape, { dtype: 'float64' })
const ints = (...v: number[]) => lw.tensor(Int32Array.from(v))
type Trap = [what: string, () => unknown, new (...a: never[]) => Error, message: string]

const WRONG: Trap[] = [
  ['matmul size', () => lw.matmul(f(60_000, 1), f(1, 60_000)), lw.ShapeError, 'at most 2147483647 elements'],
  [
    'oneHot of none',
    () => lw.oneHot(ints(), 2 ** 32),
    lw.ShapeError,
    'at most 2147483647 elements, if sizes of 0 were 1',
  ],
  ['softmax of none', () => lw.softmax(lw.zeros([65536, 65536, 0])), lw.ShapeError, 'if sizes of 0 were 1'],
  ['oneHot size', () => lw.oneHot(ints(1), 2 ** 40), lw.ShapeError, 'at most 2147483647 elements'],
  [
    'matmul',
    () => lw.matmul(f(32, 784), f(50, 10)),
    lw.ShapeError,
    'matmul: expected inner sizes that agree, received [32, 784] x [50, 10]',
  ],
  ['matmul ᵀ', () => lw.matmul(f(2, 3), f(3, 4), { transposeA: true }), lw.ShapeError, '[2, 3]ᵀ x [3, 4]'],
  ['matmul rank', () => lw.matmul(f(3), f(3, 4)), lw.ShapeError, 'two matrices, received [3] x [3, 4]'],
  [
    'matmul dtype',
    () => lw.matmul(f(2, 2), d(2, 2)),
    lw.TypeMismatchError,
    'float32 as the first operand has (cast it first), received Tensor float64 [2, 2]',
  ],
  ['matmul ints', () => lw.matmul(ints(1), f(1, 1)), lw.TypeMismatchError, 'cast it first'],
  [
    'matmul out',
    () => lw.matmul(f(2, 2), f(2, 2), {}, f(2, 3)),
    lw.ShapeError,
    'out to be float32 [2, 2], received Tensor float32 [2, 3]',
  ],
  [
    'matmul onto itself',
    () => {
      const a = f(2, 2)
      lw.matmul(a, f(2, 2), {}, a)
    },
    lw.ValueError,
    'matmul: expected c and a to be apart in memory',
  ],
  [
    'affine',
    () => lw.affine(f(2, 3), f(4, 5), f(5)),
    lw.ShapeError,
    'affine: expected x [rows, …, k] and w [k, n], received [2, 3] and [4, 5]',
  ],
  ['affine bias', () => lw.affine(f(2, 3), f(3, 5), f(4)), lw.ShapeError, 'b of shape [5], received [4]'],
  ['affine rank 3', () => lw.affine(f(2, 2, 3), f(4, 5), f(5)), lw.ShapeError, 'affine'],
  ['transpose', () => lw.transpose(f(2, 2, 2)), lw.ShapeError, 'a matrix, received [2, 2, 2]'],
  ...(['add', 'subtract', 'multiply', 'divide', 'maximum', 'minimum', 'greater'] as const).flatMap((name): Trap[] => [
    [
      name,
      () => lw[name](f(2, 3), f(2)),
      lw.ShapeError,
      `${name}: expected shapes that broadcast, received [2, 3] and [2]`,
    ],
    [`${name} dtype`, () => lw[name](f(2), d(2)), lw.TypeMismatchError, `${name}: expected float32`],
    [`${name} of numbers`, () => lw[name](1, 2), lw.TypeMismatchError, 'at least one tensor, received 1 and 2'],
    [
      `${name} overlapping`,
      () => {
        const x = f(4)
        lw[name](lw.slice(x, 0, 3), 1, lw.slice(x, 1, 4))
      },
      lw.ValueError,
      `${name}: expected y and a to be apart or the same in memory`,
    ],
  ]),
  [
    'where',
    () => lw.where(f(2, 3), f(2), f(3)),
    lw.ShapeError,
    'where: expected shapes that broadcast, received [2] and [3]',
  ],
  [
    'where of int32',
    () => lw.where(ints(1), f(1), f(1)),
    lw.TypeMismatchError,
    'where: expected a condition in uint8 or float32, received Tensor int32 [1]',
  ],
  [
    'where of a list',
    () => lw.where([1] as never, f(1), f(1)),
    lw.TypeMismatchError,
    'where: expected a tensor as condition, received',
  ],
  ...(
    [
      'exp',
      'log',
      'sqrt',
      'square',
      'abs',
      'negate',
      'sigmoid',
      'tanh',
      'relu',
      'leakyRelu',
      'softmax',
      'logSoftmax',
      'sum',
      'mean',
      'max',
      'argmax',
    ] as const
  ).map(
    (name): Trap => [
      `${name} of int32`,
      () => lw[name](ints(1, 2)),
      lw.TypeMismatchError,
      `${name}: expected a float32 or float64 tensor (cast it first), received Tensor int32 [2]`,
    ],
  ),
  [
    'bytes that count as 0 to 1',
    () => lw.divide(lw.tensor(new Uint8Array(4), { shape: [2, 2], divisor: 255 }), 255),
    lw.TypeMismatchError,
    'divide: expected a float32 or float64 tensor (cast it first: that divides by 255), received Tensor uint8 / 255 [2, 2]',
  ],
  [
    'float labels',
    () => lw.crossEntropy(f(3, 2), f(3)),
    lw.TypeMismatchError,
    'crossEntropy: expected labels [3], int32 or uint8, or one-hot rows [3, 2], received Tensor float32 [3]',
  ],
  ['clip', () => lw.clip(f(2), 3, 1), lw.ValueError, 'clip: expected low <= high, received 3 and 1'],
  ['scale', () => lw.scale(f(2), NaN), lw.ValueError, 'alpha to be a number, received NaN'],
  ['sum axis', () => lw.sum(f(2, 3), 2), lw.ShapeError, 'sum: expected an axis from -2 to 1, received 2'],
  ['sum axes', () => lw.sum(f(2, 3), [0, -2]), lw.ShapeError, 'different axes'],
  [
    'sum options',
    () => lw.sum(f(2, 3), 0, true as never),
    lw.TypeMismatchError,
    'sum: expected an object with options (keepDims), received true',
  ],
  ['max of nothing', () => lw.max(f(0)), lw.ShapeError, 'at least one element to reduce'],
  ['argmax of nothing', () => lw.argmax(f(3, 0)), lw.ShapeError, 'at least one element'],
  ['reshape', () => lw.reshape(f(2, 3), [4]), lw.ShapeError, 'a shape of 6 elements, received [4]'],
  ['reshape -1', () => lw.reshape(f(2, 3), [4, -1]), lw.ShapeError, 'sizes that divide 6'],
  ['reshape -1 twice', () => lw.reshape(f(2, 3), [-1, -1]), lw.ShapeError, 'reshape'],
  ['slice', () => lw.slice(f(3), 2, 5), lw.ValueError, 'slice: expected 0 <= start <= end <= 3, received 2 to 5'],
  ['slice of a number', () => lw.slice(lw.tensor(1), 0), lw.ShapeError, 'at least one dimension'],
  ['flatten', () => lw.flatten(lw.tensor(1)), lw.ShapeError, 'at least one dimension'],
  [
    'cast',
    () => lw.cast(f(1), 'float16' as never),
    lw.TypeMismatchError,
    'a dtype (float32, float64, int32, uint8), received "float16"',
  ],
  ['copy', () => lw.copy(f(2), f(3)), lw.ShapeError, 'copy: expected out of shape [2]'],
  [
    'copy onto itself',
    () => {
      const x = f(2)
      lw.copy(x, x)
    },
    lw.ValueError,
    'apart in memory',
  ],
  [
    'oneHot floats',
    () => lw.oneHot(f(2), 3),
    lw.TypeMismatchError,
    'int32 or uint8 labels, received Tensor float32 [2]',
  ],
  ['oneHot classes', () => lw.oneHot(ints(0), 0), lw.ValueError, 'a whole number of classes >= 1'],
  ['oneHot label', () => lw.oneHot(ints(0, 3), 3), lw.IndexError, 'oneHot'],
  ['gatherRows index', () => lw.gatherRows(f(3, 2), ints(0, 3)), lw.IndexError, 'gatherRows'],
  ['gatherRows negative', () => lw.gatherRows(f(3, 2), ints(-1)), lw.IndexError, '-1'],
  ['gatherRows cursor', () => lw.gatherRows(f(3, 2), ints(0, 1), { cursor: ints(1) }), lw.IndexError, 'gatherRows'],
  [
    'gatherRows dtype',
    () => lw.gatherRows(f(3, 2), ints(0), { dtype: 'int32' }),
    lw.TypeMismatchError,
    'gatherRows: expected float32 or float64, received "int32"',
  ],
  ['gatherRows count', () => lw.gatherRows(f(3, 2), ints(0), { count: 2 }), lw.ValueError, 'a count from 0 to 1'],
  [
    'meanSquaredError',
    () => lw.meanSquaredError(f(2, 1), f(2)),
    lw.ShapeError,
    'meanSquaredError: expected equal shapes, received [2, 1] and [2]',
  ],
  [
    'meanAbsoluteError',
    () => lw.meanAbsoluteError(f(2, 1), f(2)),
    lw.ShapeError,
    'meanAbsoluteError: expected equal shapes, received [2, 1] and [2]',
  ],
  ['binaryCrossEntropy', () => lw.binaryCrossEntropy(f(2), f(3)), lw.ShapeError, 'equal shapes'],
  [
    'crossEntropy rank',
    () => lw.crossEntropy(f(3), ints(1)),
    lw.ShapeError,
    'predictions [rows, classes], received [3]',
  ],
  ['crossEntropy rows', () => lw.crossEntropy(f(3, 2), ints(1, 0)), lw.ShapeError, 'labels of shape [3], received [2]'],
  ['crossEntropy label', () => lw.crossEntropy(f(2, 2), ints(1, 2)), lw.IndexError, 'crossEntropy'],
  [
    'softmaxCrossEntropy label',
    () => lw.softmaxCrossEntropy(f(2, 2), ints(1, -1)),
    lw.IndexError,
    'softmaxCrossEntropy',
  ],
  ['accuracy of no classes', () => lw.accuracy(f(2, 0), ints(0, 0)), lw.ShapeError, 'at least one class'],
  ['put', () => lw.put(f(2), lw.tensor([1]), ints(2)), lw.IndexError, 'put'],
  ['put dtype', () => lw.put(f(2), d(1), ints(0)), lw.TypeMismatchError, 'put: expected a log of float64 or float64'],
  ['advance', () => lw.advance(f(1), 1), lw.TypeMismatchError, 'advance: expected one int32'],
  ['advance by', () => lw.advance(ints(0), -1), lw.ValueError, 'a whole number >= 0, received -1'],
  ['randomState', () => lw.randomState(-1), lw.ValueError, 'randomState: expected a seed'],
  ['uniform', () => lw.uniform(lw.randomState(0), [2], 1, 0), lw.ValueError, 'low <= high, received 1 and 0'],
  ['normal state', () => lw.normal(f(4), [2]), lw.TypeMismatchError, 'a state made by randomState()'],
  [
    'tensor ragged',
    () => lw.tensor([[1, 2], [3]]),
    lw.ShapeError,
    'tensor: expected equal lengths at depth 1 (2), received 1 at [1]',
  ],
  ['tensor text', () => lw.tensor(['1'] as never), lw.TypeMismatchError, 'numbers at depth 1, received "1" at [0]'],
  [
    'tensor shape',
    () => lw.tensor([1, 2, 3], { shape: [2, 2] }),
    lw.ShapeError,
    '4 values for shape [2, 2], received 3',
  ],
  [
    'tensor int32',
    () => lw.tensor([1.5], { dtype: 'int32' }),
    lw.ValueError,
    'whole numbers from -2147483648 to 2147483647 for int32, received 1.5 at 0',
  ],
  ['tensor uint8', () => lw.tensor([0, 256], { dtype: 'uint8' }), lw.ValueError, '256 at 1'],
  ['tensor divisor', () => lw.tensor([1], { divisor: 255 }), lw.TypeMismatchError, 'dtype uint8'],
  [
    'tensor requiresGrad',
    () => lw.tensor(Int32Array.of(1), { requiresGrad: true }),
    lw.TypeMismatchError,
    'a float tensor',
  ],
  [
    'requiresGrad of labels',
    () => Object.assign(lw.tensor(Int32Array.of(1)), { requiresGrad: true }),
    lw.TypeMismatchError,
    'requiresGrad: expected a float tensor, received Tensor int32 [1]',
  ],
  [
    'requiresGrad as text',
    () => Object.assign(f(2), { requiresGrad: 'yes' }),
    lw.TypeMismatchError,
    'requiresGrad: true or false, received "yes"',
  ],
  ['zeros', () => lw.zeros([-1]), lw.ShapeError, 'zeros: expected a shape'],
  ['zeros of a number', () => lw.zeros(3 as never), lw.ShapeError, 'whole numbers >= 0, such as [3], received 3'],
  ['zeros rank', () => lw.zeros([1, 1, 1, 1, 1, 1, 1]), lw.ShapeError, 'at most 6'],
  ['zeros size', () => lw.zeros([2 ** 20, 2 ** 20]), lw.ShapeError, 'at most 2147483647 elements'],
  ['set', () => f(2).set([1, 2, 3]), lw.ShapeError, 'set: expected values of shape [2], received [3]'],
  ['item', () => f(2).item(), lw.ShapeError, 'item: expected a tensor of one element, received [2]'],
  ['backward', () => lw.backward(lw.square(f(2))), lw.ShapeError, 'a loss of one element'],
  ['backward without history', () => lw.backward(lw.tensor(1)), lw.StateError, 'requiresGrad'],
  ['noGrad async', () => lw.noGrad(async () => 1), lw.StateError, 'a synchronous function'],
  [
    'Adam by position',
    () => new lw.Adam(0.01 as never),
    lw.TypeMismatchError,
    'Adam: expected an object with options (learningRate, beta1, beta2, epsilon, weightDecay), received 0.01',
  ],
  [
    'learning rate',
    () => new lw.SGD({ learningRate: -1 }),
    lw.ValueError,
    'learningRate from 0 to 1000000, received -1',
  ],
  ['momentum', () => new lw.SGD({ momentum: 2 }), lw.ValueError, 'momentum from 0 to 1, received 2'],
  ['Affine', () => new lw.Affine(0), lw.ValueError, 'a whole number of units >= 1'],
  ['Sequential', () => new lw.Sequential({ input: [2], layers: [] }), lw.TypeMismatchError, 'at least one Module'],
  [
    'a module twice',
    () => {
      const a = new lw.Affine(2)
      for (const _ of [1, 2]) new lw.Sequential({ input: [2], layers: [a] })
    },
    lw.StateError,
    'modules that belong to no other model',
  ],
  ['unbuilt', () => new lw.Affine(2).forward(f(1, 1)), lw.StateError, 'a built model (see build)'],
]

eachBackend(() => {
  it.each(WRONG)('%s', (_what, wrong, error, message) => {
    expect(wrong).toThrow(error)
    expect(wrong).toThrow(message)
    expect(wrong).toThrow(lw.LanewiseError)
  })

  it('a wrong call leaves results and memory as they were', () => {
    const x = lw.tensor([1, 2, 3])
    expect(() => x.set([[1, 2, 3]])).toThrow(lw.ShapeError)
    expect(() => lw.add(x, 1, lw.zeros([2]))).toThrow(lw.ShapeError)
    expect(x.toArray()).toEqual([1, 2, 3])
    expect(lw.add(x, 1).toArray()).toEqual([2, 3, 4])
  })
})
