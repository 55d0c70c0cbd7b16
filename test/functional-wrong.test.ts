import { describe, expect, it } from 'vitest'
import {
  accuracy,
  affineBackward,
  affineForward,
  crossEntropyError,
  gradients,
  initParams,
  loss,
  meanSquaredError,
  oneHot,
  type Params,
  predict,
  sigmoid,
  softmax,
  trainStep,
  updateParams,
} from '../src/functional.js'
import {
  IndexError,
  type LanewiseError,
  record,
  ShapeError,
  StateError,
  TypeMismatchError,
  tensor,
  ValueError,
  zeros,
} from '../src/index.js'
import { eachBackend } from './backends.js'

eachBackend(() => {
  describe('from scratch: wrong use', () => {
    const params = () => initParams({ input: 4, hidden: 3, output: 2 })
    const X = () => zeros([5, 4])
    const t = [0, 1, 0, 1, 0]
    const endless: unknown[] = []
    endless.push(endless)
    const wrong: [string, new (...args: never[]) => LanewiseError, () => unknown][] = [
      [
        'affineForward: expected X [..., k] and W [k, n], received [5, 4] and [3, 2]',
        ShapeError,
        () => affineForward(X(), zeros([3, 2]), [0, 0]),
      ],
      ['affine: expected b of shape [2], received [3]', ShapeError, () => affineForward(X(), zeros([4, 2]), [0, 0, 0])],
      [
        'affineForward: expected X [..., k] and W [k, n], received [] and [4, 2]',
        ShapeError,
        () => affineForward(1, zeros([4, 2]), [0, 0]),
      ],
      [
        'affineForward: expected X of dtype float64',
        TypeMismatchError,
        () => affineForward(X(), zeros([4, 2], { dtype: 'float64' }), [0, 0]),
      ],
      [
        'affineForward: expected X of dtype float32',
        TypeMismatchError,
        () => affineForward(zeros([5, 4], { dtype: 'int32' }), zeros([4, 2]), [0, 0]),
      ],
      [
        'affineBackward: expected dy of shape [5, 2], received [5, 3]',
        ShapeError,
        () => affineBackward(zeros([5, 3]), affineForward(X(), zeros([4, 2]), [0, 0]).cache),
      ],
      [
        'affineBackward: expected the cache that affineForward returned, received undefined',
        TypeMismatchError,
        () => affineBackward(X(), undefined as never),
      ],
      [
        'sigmoid: expected x of dtype float32 (cast it first), received Tensor int32 [2]',
        TypeMismatchError,
        () => sigmoid(tensor(Int32Array.of(1, 2))),
      ],
      ['softmax: expected x: a number, nested arrays', TypeMismatchError, () => softmax('abc' as never)],
      ['oneHot: expected labels: whole numbers', ValueError, () => oneHot([0.5], 3)],
      ['oneHot: expected ', IndexError, () => oneHot([3], 3)],
      ['oneHot: expected int32 or uint8 labels', TypeMismatchError, () => oneHot(tensor([1, 2]), 3)],
      [
        'crossEntropyError: expected t: labels [2], int32 or uint8, or one-hot rows [2, 3]',
        ShapeError,
        () => crossEntropyError(zeros([2, 3]), [0]),
      ],
      ['crossEntropyError: expected t: labels [2]', ShapeError, () => crossEntropyError(zeros([2, 3]), zeros([2]))],
      [
        'crossEntropyError: expected y [classes] or [rows, classes], received [2, 3, 4]',
        ShapeError,
        () => crossEntropyError(zeros([2, 3, 4]), [0]),
      ],
      [
        'crossEntropyError: expected labels t, received undefined',
        TypeMismatchError,
        () => crossEntropyError(zeros([2, 3]), undefined as never),
      ],
      ['crossEntropy: expected ', IndexError, () => crossEntropyError(zeros([2, 3]), [0, 3])],
      [
        'crossEntropyError: expected t: at most 6 dimensions',
        ShapeError,
        () => crossEntropyError([[0.5, 0.5]], endless as never),
      ],
      [
        'meanSquaredError: expected equal shapes, received [2] and [3]',
        ShapeError,
        () => meanSquaredError([1, 2], [1, 2, 3]),
      ],
      ['initParams: expected hidden: a whole number >= 1, received 0', ValueError, () => initParams({ hidden: 0 })],
      ['initParams: expected a standard deviation >= 0, received -1', ValueError, () => initParams({ std: -1 })],
      [
        'initParams: expected dtype float32 or float64',
        TypeMismatchError,
        () => initParams({ dtype: 'int32' as never }),
      ],
      [
        'predict: expected params.W1: a float32 or float64 tensor, received undefined',
        TypeMismatchError,
        () => predict({} as Params, X()),
      ],
      [
        'predict: expected X of dtype float32',
        TypeMismatchError,
        () => predict(params(), zeros([5, 4], { dtype: 'float64' })),
      ],
      [
        'loss: expected X [..., input], W1 [input, hidden], b1 [hidden], W2 [hidden, output], b2 [output], received X [5, 3], W1 [4, 3], b1 [3], W2 [3, 2], b2 [2]',
        ShapeError,
        () => loss(params(), zeros([5, 3]), t),
      ],
      [
        'predict: expected X [..., input], W1 [input, hidden], b1 [hidden], W2 [hidden, output], b2 [output], received X [5, 4], W1 [4, 3], b1 [3], W2 [4, 3], b2 [2]',
        ShapeError,
        () => predict({ ...params(), W2: params().W1 }, X()),
      ],
      ['gradients: expected t: labels [5]', ShapeError, () => gradients(params(), X(), [0, 1])],
      ['oneHot: expected ', IndexError, () => gradients(params(), X(), [0, 1, 0, 1, 2])],
      [
        'updateParams: expected grads.dW1: a tensor float32 [4, 3], received undefined',
        TypeMismatchError,
        () => updateParams(params(), {} as never, 0.1),
      ],
      [
        'updateParams: expected grads.db1: a tensor float32 [3], received Tensor float32 [2]',
        ShapeError,
        () => updateParams(params(), { ...gradients(params(), X(), t), db1: zeros([2]) }, 0.1),
      ],
      [
        'updateParams: expected a learning rate: a finite number or a float tensor of one, received NaN',
        ValueError,
        () => trainStep(params(), X(), t, Number.NaN),
      ],
      ['updateParams: expected a learning rate', ValueError, () => trainStep(params(), X(), t, zeros([2]))],
      ['accuracy: expected t: labels [5]', ShapeError, () => accuracy(params(), X(), [0])],
      [
        'predict: expected X: no values from the host inside record()',
        StateError,
        () => {
          const p = params()
          record(() => predict(p, [[1, 2, 3, 4]]))
        },
      ],
    ]
    it.each(wrong)('%s', (message, type, fn) => {
      let error: unknown
      try {
        fn()
      } catch (e) {
        error = e
      }
      expect(error).toBeInstanceOf(type)
      expect((error as Error).message.slice(0, message.length)).toBe(message)
    })
  })
})
