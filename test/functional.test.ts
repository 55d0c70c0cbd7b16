import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
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
  sigmoidGrad,
  softmax,
  trainStep,
} from '../src/functional.js'
import { backward, type FloatDType, multiply, record, subtract, type Tensor, tensor, zeros } from '../src/index.js'
import { eachBackend } from './backends.js'

// Every figure of one step by NumPy, made by fixtures/make-from-scratch.py.
interface Whole {
  shape: number[]
  values: number[]
}
interface Digest extends Whole {
  sum: number
  magnitude: number
  norm: number
  at: number[]
}
type Figures = { labels: number[] } & Record<string, Whole | Digest>
const fixture: Record<'small' | 'full', Record<FloatDType, Figures>> & { learningRate: number } = JSON.parse(
  readFileSync(path.join(__dirname, 'fixtures', 'from-scratch.json'), 'utf8'),
)

const TOLERANCE = { float64: 1e-12, float32: 1e-5 }
const largest = { float64: 0, float32: 0 }
afterAll(() => console.info(`functional: largest relative errors against NumPy ${JSON.stringify(largest)}`))

/** ((i·7919 + salt·104729) mod 1009 − 504) / 5040, as in the script. */
function weights(shape: number[], salt: number, dtype: FloatDType): Tensor {
  const length = shape.reduce((n, d) => n * d, 1)
  const values = Array.from({ length }, (_, i) => (((i * 7919 + salt * 104729) % 1009) - 504) / 5040)
  return tensor(values, { dtype }).reshape(shape)
}

/** Bytes of images of soft rings, as in the script. */
function rings(count: number): Tensor {
  const bytes = Uint8Array.from({ length: count * 784 }, (_, at) => {
    const i = Math.floor(at / 784)
    const [x, y] = [at % 28, Math.floor((at % 784) / 28)]
    const distance = (x - (11 + i)) ** 2 + (y - (16 - i)) ** 2 - (4 + i) ** 2
    return Math.max(0, 255 - 6 * Math.abs(distance))
  })
  return tensor(bytes, { shape: [count, 784], divisor: 255 })
}

/**
 * Compares with NumPy's figure: each element relative to itself (in float32, where sums that cancel differ by NumPy's
 * own rounding too, to at least a hundredth of the largest), sums to the sum of magnitudes.
 */
function same(name: string, got: Tensor, wanted: Whole | Digest, dtype: FloatDType): void {
  const data = Float64Array.from(got.data)
  const check = (what: string, a: number, b: number, scale: number) => {
    const error = Math.abs(a - b) / (scale || 1)
    if (error > largest[dtype]) largest[dtype] = error
    expect(error, `${name} ${what}: ${a}, NumPy ${b}`).toBeLessThanOrEqual(TOLERANCE[dtype])
  }
  expect(got.shape, name).toEqual(wanted.shape)
  expect(got.dtype, name).toBe(dtype)
  const floor = dtype === 'float32' ? data.reduce((m, v) => Math.max(m, Math.abs(v)), 0) / 100 : 0
  const at = 'at' in wanted ? wanted.at : data.keys()
  for (const i of at) {
    const v = wanted.values['at' in wanted ? wanted.at.indexOf(i) : i]
    check(`at ${i}`, data[i], v, Math.max(Math.abs(v), floor))
  }
  if (!('norm' in wanted)) return
  const total = (f: (v: number) => number) => data.reduce((n, v) => n + f(v), 0)
  check(
    'sum',
    total((v) => v),
    wanted.sum,
    wanted.magnitude,
  )
  check('norm', Math.sqrt(total((v) => v * v)), wanted.norm, wanted.norm)
}

interface Case {
  params: Params
  X: Tensor
  t: Tensor
  figures: Figures
}

function smallCase(dtype: FloatDType): Case {
  const figures = fixture.small[dtype]
  const of = ({ values, shape }: Whole) => tensor(values, { dtype }).reshape(shape)
  const params = { W1: of(figures.W1), b1: of(figures.b1), W2: of(figures.W2), b2: of(figures.b2) }
  return { params, X: of(figures.X), t: tensor(figures.labels, { dtype: 'int32' }), figures }
}

function fullCase(dtype: FloatDType): Case {
  const figures = fixture.full[dtype]
  const [W1, b1] = [weights([784, 50], 1, dtype), weights([50], 2, dtype)]
  const [W2, b2] = [weights([50, 10], 3, dtype), weights([10], 4, dtype)]
  return { params: { W1, b1, W2, b2 }, X: rings(5), t: tensor(Uint8Array.from(figures.labels)), figures }
}

/** One step by hand, with the functions, as in the notebook; compares every figure. */
function wholeStep({ params, X, t, figures }: Case, dtype: FloatDType): void {
  const check = (name: string, got: Tensor) => same(name, got, figures[name], dtype)
  const N = X.shape[0]
  const first = affineForward(X, params.W1, params.b1)
  const z1 = sigmoid(first.y)
  const second = affineForward(z1, params.W2, params.b2)
  const y = softmax(second.y)
  const T = oneHot(t, y.shape[1], dtype)
  check('a1', first.y)
  check('z1', z1)
  check('a2', second.y)
  check('y', y)
  check('t', T)
  check('lossIndex', crossEntropyError(y, t))
  check('lossOneHot', crossEntropyError(y, T))
  check('meanSquaredError', meanSquaredError(y, T))
  check('sigmoidGrad', sigmoidGrad(first.y))

  const dy = subtract(y, T).divide(N)
  const back = affineBackward(dy, second.cache)
  const da1 = multiply(back.dX, sigmoidGrad(first.y))
  const front = affineBackward(da1, first.cache)
  check('dy', dy)
  check('dz1', back.dX)
  check('dW2', back.dW)
  check('db2', back.db)
  check('da1', da1)
  check('dX', front.dX)
  check('dW1', front.dW)
  check('db1', front.db)
}

function networkFunctions({ params, X, t, figures }: Case, dtype: FloatDType): void {
  const check = (name: string, got: Tensor) => same(name, got, figures[name], dtype)
  const T = oneHot(t, params.b2.size, dtype)
  check('y', predict(params, X))
  for (const labels of [t, T, Array.from(t.data)]) {
    check(labels === T ? 'lossOneHot' : 'lossIndex', loss(params, X, labels))
    expect(accuracy(params, X, labels).item()).toBeCloseTo(figures.accuracy.values[0], 6)
    const { loss: value, y, ...grads } = gradients(params, X, labels)
    check(labels === T ? 'lossOneHot' : 'lossIndex', value)
    check('y', y)
    for (const [name, g] of Object.entries(grads)) check(name, g)
  }
  const before = trainStep(params, X, t, fixture.learningRate)
  check('lossIndex', before)
  for (const name of ['W1', 'b1', 'W2', 'b2'] as const) check(`new${name}`, params[name])
  check('nextLoss', loss(params, X, t))
}

const bits = (p: Params) => Object.values(p).map((w: Tensor) => w.toTypedArray())

eachBackend(() => {
  describe.each(['float64', 'float32'] as const)('one step in %s equals NumPy', (dtype) => {
    it('7-4-3, step by step', () => wholeStep(smallCase(dtype), dtype))
    it('7-4-3, by the network functions', () => networkFunctions(smallCase(dtype), dtype))
    it('784-50-10 on five images, step by step', () => {
      const made = fullCase(dtype)
      const { at, values, sum } = made.figures.pixels as Digest
      expect(at.map((i) => made.X.data[i])).toEqual(values)
      expect(Array.from(made.X.data).reduce((n, v) => n + v, 0)).toBe(sum)
      wholeStep(made, dtype)
    })
    it('784-50-10 on five images, by the network functions', () => networkFunctions(fullCase(dtype), dtype))

    it('recorded and replayed, with the same bits as at once', () => {
      const [eager, replayed] = [smallCase(dtype), smallCase(dtype)]
      const at = [eager, replayed].map(() => zeros([1], { dtype: 'float64' }))
      const rates = at.map((r) => r.set([0.1]))
      let last: Tensor | undefined
      const tape = record(() => {
        last = trainStep(replayed.params, replayed.X, replayed.t, rates[1])
      })
      for (const rate of [0.1, 0.1, 0.5, 0.25]) {
        rates[1].set([rate])
        const now = trainStep(eager.params, eager.X, eager.t, rate)
        tape.replay()
        expect(last?.toTypedArray()).toEqual(now.toTypedArray())
        expect(bits(replayed.params)).toEqual(bits(eager.params))
      }
    })

    it('and the gradients those of backward()', () => {
      const { params, X, t, figures } = smallCase(dtype)
      for (const w of Object.values(params) as Tensor[]) {
        w.requiresGrad = true
        w.grad = zeros(w.shape, { dtype })
      }
      backward(loss(params, X, t))
      for (const name of ['W1', 'b1', 'W2', 'b2'] as const) {
        same(`d${name}`, params[name].grad as Tensor, figures[`d${name}`], dtype)
      }
      trainStep(params, X, t, 0.1)
      expect(params.W1.node).toBe(undefined)
    })

    it('the gradients are those of small differences', () => {
      const { params, X, t } = smallCase('float64')
      const grads = gradients(params, X, t)
      for (const name of ['W1', 'b1', 'W2', 'b2'] as const) {
        const { data } = params[name]
        for (let i = 0; i < data.length; i++) {
          const [value, h] = [data[i], 1e-5]
          const at = (v: number) => {
            data[i] = v
            return loss(params, X, t).item()
          }
          const slope = (at(value + h) - at(value - h)) / (2 * h)
          data[i] = value
          expect(slope).toBeCloseTo(grads[`d${name}`].data[i], 9)
        }
      }
    })
  })

  describe('inputs', () => {
    it('plain arrays and typed arrays are taken for tensors', () => {
      const { y, cache } = affineForward(
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        [
          [1, 0, 2],
          [0, 1, 3],
        ],
        [10, 20, 30],
      )
      expect(y.toArray()).toEqual([
        [11, 22, 38],
        [13, 24, 48],
        [15, 26, 58],
      ])
      const grads = affineBackward(
        [
          [1, 0, 0],
          [0, 1, 0],
          [0, 0, 1],
        ],
        cache,
      )
      expect(grads.dX.toArray()).toEqual([
        [1, 0],
        [0, 1],
        [2, 3],
      ])
      expect(grads.dW.toArray()).toEqual([
        [1, 3, 5],
        [2, 4, 6],
      ])
      expect(grads.db.toArray()).toEqual([1, 1, 1])
      expect(sigmoid(0).item()).toBe(0.5)
      expect(sigmoidGrad([0, 0]).toArray()).toEqual([0.25, 0.25])
      expect(sigmoid(Float64Array.of(1)).dtype).toBe('float64')
      expect(meanSquaredError([1, 2, 3], Float64Array.of(1, 2, 6)).item()).toBe(3)
    })

    it('a single example has one dimension', () => {
      const { params, X, t } = smallCase('float64')
      const one = X.slice(1, 2)
      const flat = one.reshape([7])
      const batch = gradients(params, one, t.slice(1, 2))
      for (const label of [
        0,
        [0],
        Int32Array.of(0),
        [1, 0, 0],
        tensor(0, { dtype: 'int32' }),
        Float64Array.of(1, 0, 0),
      ]) {
        const single = gradients(params, flat, label)
        expect(single.y.toArray()).toEqual((batch.y.toArray() as number[][])[0])
        for (const name of ['dW1', 'db1', 'dW2', 'db2', 'loss'] as const) {
          expect(single[name].toArray()).toEqual(batch[name].toArray())
        }
        expect(loss(params, flat, label).item()).toBe(batch.loss.item())
        expect(accuracy(params, flat, label).size).toBe(1)
      }
    })

    it('softmax is stable, in one and two dimensions', () => {
      expect(softmax([1000, 1000]).toArray()).toEqual([0.5, 0.5])
      expect(
        softmax([
          [-1000, 1000],
          [3, 3],
        ]).toArray(),
      ).toEqual([
        [0, 1],
        [0.5, 0.5],
      ])
      expect(sigmoid([1000, -1000]).toArray()).toEqual([1, 0])
    })

    it('labels come as class numbers or one-hot, in every guise', () => {
      const y = [
        [0.25, 0.25, 0.5],
        [0.5, 0.25, 0.25],
      ]
      const wanted = Math.log(2)
      const oneHotRows = [
        [0, 0, 1],
        [1, 0, 0],
      ]
      const flat = oneHotRows.flat()
      const guises = [
        [2, 0],
        Uint8Array.of(2, 0),
        Int32Array.of(2, 0),
        tensor([2, 0], { dtype: 'uint8' }),
        oneHotRows,
        Float32Array.from(flat),
        Uint8Array.from(flat),
        tensor(oneHotRows),
        tensor(oneHotRows, { dtype: 'uint8' }),
        tensor(oneHotRows, { dtype: 'int32' }),
      ]
      for (const t of guises) expect(crossEntropyError(y, t).item()).toBeCloseTo(wanted, 6)
      expect(oneHot([2, 0], 3).toArray()).toEqual(oneHotRows)
      expect(oneHot(Uint8Array.of(2, 0), 3, 'float64').dtype).toBe('float64')
      expect(crossEntropyError([0, 1], 0).item()).toBeCloseTo(-Math.log(1e-7), 4)
    })

    it('bytes are divided by their divisor', () => {
      const params = initParams({ input: 4, hidden: 3, output: 2, dtype: 'float64' })
      const bytes = [[0, 51, 102, 255]]
      const X = tensor(bytes, { dtype: 'uint8', divisor: 255 })
      expect(predict(params, X).toArray()).toEqual(predict(params, [[0, 51 / 255, 102 / 255, 1]]).toArray())
    })

    it('a learning rate is a number or a tensor of either dtype', () => {
      const steps = [0.5, tensor(0.5), tensor([0.5], { dtype: 'float64' })].map((rate) => {
        const { params, X, t } = smallCase('float64')
        trainStep(params, X, t, rate)
        return bits(params)
      })
      expect(steps[1]).toEqual(steps[0])
      expect(steps[2]).toEqual(steps[0])
    })
  })

  describe('initParams', () => {
    it('draws weights of the standard deviation, and zero biases, from the seed', () => {
      const { W1, b1, W2, b2 } = initParams({ seed: 3 })
      expect([W1, b1, W2, b2].map((w) => w.shape)).toEqual([[784, 50], [50], [50, 10], [10]])
      expect(Math.sqrt(W1.square().mean().item())).toBeCloseTo(0.1, 2)
      expect(Math.abs(W1.mean().item())).toBeLessThan(0.002)
      expect([b1, b2].flatMap((b) => Array.from(b.data)).every((v) => v === 0)).toBe(true)
      const wide = initParams({ seed: 3, dtype: 'float64' })
      expect(Float32Array.from(wide.W2.data)).toEqual(W2.toTypedArray())
      expect(initParams({ seed: 4 }).W1.toTypedArray()).not.toEqual(W1.toTypedArray())
    })

    it('learns: the loss on one batch falls in recorded steps', () => {
      const params = initParams({ input: 784, hidden: 20, output: 10, seed: 1 })
      const [X, t] = [rings(10).cast('float32'), tensor(Uint8Array.from({ length: 10 }, (_, i) => i))]
      const first = loss(params, X, t).item()
      record(() => trainStep(params, X, t, 1)).replay(200)
      expect(loss(params, X, t).item()).toBeLessThan(first / 10)
      expect(accuracy(params, X, t).item()).toBe(1)
    })

    it('plain numbers take the dtype of the tensor beside them, whichever side it is on', () => {
      const t = tensor([1, 4], { dtype: 'float64' })
      for (const error of [meanSquaredError([1, 2], t), meanSquaredError(t, [1, 2])]) {
        expect(error.dtype).toBe('float64')
        expect(error.item()).toBe(2)
      }
    })
  })
})
