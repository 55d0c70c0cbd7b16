import { describe, expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { Tensor, tensor } from '../src/index.js'
import { eachBackend } from './backends.js'

// A function of the package, as a method of its first argument, and with a place to write to: the same bits.

const values = [-1.5, 0.25, 2, -0, 0.75, 3.5]
const matrix = (dtype: lw.FloatDType = 'float32') => tensor(values, { shape: [2, 3], dtype })

/** What follows the first argument. Methods that have no `out`, or no derivative, are marked. */
const CALLS: [name: string, rest: unknown[], out: boolean][] = [
  ...['negate', 'exp', 'log', 'sqrt', 'square', 'abs', 'sigmoid', 'tanh', 'relu', 'softmax', 'logSoftmax'].map(
    (name): [string, unknown[], boolean] => [name, [], true],
  ),
  ...['add', 'subtract', 'multiply', 'divide', 'maximum', 'minimum'].map((name): [string, unknown[], boolean] => [
    name,
    [tensor([2, -3, 0.5])],
    true,
  ]),
  ['matmul', [tensor([[1], [2], [3]]), {}], true],
  ['transpose', [], true],
  ['clip', [-1, 1], true],
  ['leakyRelu', [0.3], true],
  ['sum', [0, {}], true],
  ['mean', [[0, 1], {}], true],
  ['max', [1, { keepDims: true }], true],
  ['copy', [], true],
  ['greater', [tensor([2, -3, 0.5])], false],
  ['argmax', [0], false],
  ['cast', ['float64'], false],
  ['reshape', [[3, 2]], false],
  ['flatten', [], false],
  ['slice', [1, 2], false],
]
type Call = (...a: unknown[]) => Tensor
const functions = lw as unknown as Record<string, Call>
const methods = (x: Tensor) => x as unknown as Record<string, Call>

eachBackend(() => {
  it.each(CALLS)('%s', (name, rest, hasOut) => {
    const x = matrix()
    const y = functions[name](x, ...rest)
    const same = methods(x)[name](...rest)
    expect([same.shape, same.dtype, same.data]).toEqual([y.shape, y.dtype, y.data])
    if (!hasOut) return
    const out = lw.full(y.shape, 77)
    expect(functions[name](x, ...rest, out)).toBe(out)
    expect(out.data).toEqual(y.data)
    // What is written to a place of one's own has the same derivative.
    const gradients = [undefined, lw.full(y.shape, 77)].map((place) => {
      const leaf = tensor(values.map(Math.abs), { shape: [2, 3], requiresGrad: true })
      lw.backward(lw.sum(lw.square(functions[name](leaf, ...rest, place))))
      return leaf.grad?.data
    })
    expect(gradients[1]).toEqual(gradients[0])
    expect(gradients[0]?.some((v) => v !== 0)).toBe(true)
  })

  it('scale and affine write to a place, too', () => {
    const [x, w, b] = [matrix(), tensor([[1], [2], [3]]), tensor([4])]
    const out = lw.zeros([2, 3])
    expect(lw.scale(x, 2, 1, out)).toBe(out)
    expect(out.toArray()).toEqual([
      [-2, 1.5, 5],
      [1, 2.5, 8],
    ])
    const y = lw.zeros([2, 1])
    expect(lw.affine(x, w, b, y)).toBe(y)
    expect(y.toArray()).toEqual([[9], [16]])
  })
})

describe('a tensor', () => {
  it('has a method for every function whose first argument is one, but for losses and commands with places', () => {
    const known = CALLS.map(([name]) => name)
    const own = Object.getOwnPropertyNames(Tensor.prototype).filter((name) => functions[name] !== undefined)
    expect(own.sort()).toEqual(known.sort())
  })

  it('knows its rank and size, and describes itself', () => {
    expect([matrix().rank, tensor(3).rank, lw.zeros([2, 0, 4]).rank]).toEqual([2, 0, 3])
    expect([matrix().size, tensor(3).size, lw.zeros([2, 0, 4]).size]).toEqual([6, 1, 0])
    expect(matrix('float64').describe()).toBe('Tensor float64 [2, 3]')
    expect(String(tensor(3))).toBe('Tensor float32 []')
  })

  it('backendInfo says what computes', () => {
    const info = lw.backendInfo()
    expect(['native', 'js']).toContain(info.backend)
    expect(info.threads).toBeGreaterThanOrEqual(1)
    expect(info.reason).not.toBe('')
  })
})
