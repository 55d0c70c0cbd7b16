import { describe, expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { empty } from '../src/tensor.js'
import { addonOf, hash, isasHere, within } from './isas.js'

// Arrays beyond the caches take ways of their own (kFar, native/kernels/elements.h).

/** Numbers that nothing rounds to the same, from -8 to 8. */
function filled(shape: number[], dtype: lw.DType, factor: number): lw.Tensor {
  const x = lw.zeros(shape, { dtype })
  const data = x.data
  for (let i = 0; i < data.length; i++) data[i] = ((i * factor) % 1_000_003) / 62_500 - 8
  return x
}

// Node 20's typed arrays of bytes end at 4 GiB. Nothing touches the memory.
it.skipIf(isasHere().length === 0)('a tensor of more than 4 GiB', () => {
  const x = within(addonOf(isasHere()[0], 1), () => empty('test', [1_100_000_000], 'float32'))
  expect([x.size, x.data.length]).toEqual([1_100_000_000, 1_100_000_000])
})

// Results go past the caches (put): whole registers and tails, rows that begin where registers do and rows that do not, in place, by threads.
describe.skipIf(isasHere().length < 3)('results of more than 32 MB', () => {
  const M = 17_001
  const N = 513
  const cases: [string, lw.DType, () => lw.Tensor][] = (['float32', 'float64'] as const).flatMap(
    (dtype): typeof cases => {
      const rows = dtype === 'float32' ? M : (M + 1) / 2
      const of = (shape: number[], factor: number) => filled(shape, dtype, factor)
      return [
        ['relu', dtype, () => lw.relu(of([rows * N], 7919))],
        ['exp', dtype, () => lw.exp(of([rows, N], 7919))],
        ['a sum', dtype, () => lw.add(of([rows, N], 7919), of([rows, N], 104_729))],
        ['a sum in place', dtype, () => lw.add(...inPlace(of([rows, N], 7919), of([rows, N], 104_729)))],
        ['a function in place', dtype, () => lw.sigmoid(...twice(of([rows, N], 7919)))],
        ['a gradient', dtype, () => lw.sigmoidGrad(of([rows, N], 7919), of([rows, N], 104_729))],
        ['a bias for odd rows', dtype, () => lw.add(of([rows, N], 7919), of([N], 104_729))],
        ['a bias for whole rows', dtype, () => lw.add(of([rows, 512], 7919), of([512], 104_729))],
        ['a bias for short rows', dtype, () => lw.add(of([rows * 5, 101], 7919), of([101], 104_729))],
        ['a factor for each of few columns', dtype, () => lw.multiply(of([101], 104_729), of([rows * 5, 101], 7919))],
        ['a factor for each row', dtype, () => lw.multiply(of([rows, N], 7919), of([rows, 1], 104_729))],
        ['sums of columns', dtype, () => lw.sum(of([rows, N], 7919), 0)],
        ['sums of wide columns', dtype, () => lw.sum(of([500, rows + 2], 7919), 0)],
        ['means of columns', dtype, () => lw.mean(of([2, rows, 257], 7919), 1)],
        ['maxima of columns', dtype, () => lw.max(of([501, rows + 2], 7919), 0)],
        ['a copy to the middle of a line', dtype, () => copied(of([rows * N], 7919), 3)],
        ['rows joined', dtype, () => lw.concat([of([rows, N], 7919), of([rows, 70], 104_729), of([rows, 3], 31)], 1)],
        ['parts of rows', dtype, () => lw.slice(of([rows, N + 33], 7919), 5, N + 5, 1)],
        ['sums of rows of 10', dtype, () => lw.sum(of([rows * 50, 10], 7919), 1)],
        ['sums of 10 columns', dtype, () => lw.sum(of([rows * 50, 10], 7919), 0)],
        ['maxima of rows', dtype, () => lw.max(of([rows, N], 7919), 1)],
        ['argmax of 10', dtype, () => lw.argmax(of([rows * 50, 10], 7919), 1)],
        ['argmax of 513', dtype, () => lw.argmax(of([rows, N], 7919), 1)],
        ['softmax of 10', dtype, () => lw.softmax(of([rows * 50 + 3, 10], 7919))],
        ['argmax of 50', dtype, () => lw.argmax(of([rows * 10, 50], 7919), 1)],
        ['softmax of 513', dtype, () => lw.softmax(of([rows, N], 7919))],
        ['softmax of 512', dtype, () => lw.softmax(of([rows, 512], 7919))],
        ['softmax of 512 in place', dtype, () => lw.softmax(...twice(of([rows, 512], 7919)))],
        ['logSoftmax of 512', dtype, () => lw.logSoftmax(of([rows, 512], 7919))],
        ['one-hot rows of 10', dtype, () => lw.oneHot(labels(rows * 50 + 3, 10), 10, dtype)],
        ['cross-entropy of 10', dtype, () => entropy(of([rows * 50 + 3, 10], 7919))],
        ['cross-entropy of 512', dtype, () => entropy(of([rows, 512], 7919))],
      ]
    },
  )
  const labels = (rows: number, classes: number) =>
    lw.tensor(Int32Array.from({ length: rows }, (_, i) => (i * 7919) % classes))
  /** The gradient, what it is computed from, and the loss. */
  const entropy = (x: lw.Tensor) => {
    x.requiresGrad = true
    x.grad = lw.zeros(x.shape, { dtype: x.dtype })
    const { loss, probabilities } = lw.softmaxCrossEntropy(x, labels(x.shape[0], x.shape[1]))
    lw.backward(loss)
    const { grad } = x
    return lw.noGrad(() => lw.add(lw.add(grad, probabilities), loss))
  }
  const copied = (x: lw.Tensor, at: number) => {
    const y = lw.zeros([x.size + at], { dtype: x.dtype })
    lw.copy(x, y.slice(at, x.size + at))
    return y
  }
  const inPlace = (a: lw.Tensor, b: lw.Tensor) => [a, b, a] as const
  const twice = (a: lw.Tensor) => [a, a] as const

  for (const columns of [784, 100]) {
    cases.push([
      `rows of ${columns} bytes`,
      'float32',
      () => {
        const rows = Math.ceil(9_000_000 / columns)
        const bytes = Uint8Array.from({ length: rows * columns }, (_, i) => (i * 7919) % 251)
        const source = lw.tensor(bytes, { shape: [rows, columns], dtype: 'uint8', divisor: 255 })
        const cursor = lw.zeros([1], { dtype: 'int32' })
        return lw.gatherRows(
          source,
          lw.permutation(lw.randomState(2), rows),
          { cursor, dtype: 'float32' },
          lw.zeros([rows, columns]),
        )
      },
    ])
  }

  it.each(cases)('%s, %s: the bits of AVX2 on one thread, which has no such way', (_, __, compute) => {
    const expected = within(addonOf('avx2', 1), () => hash(compute()))
    for (const threads of [1, 3])
      expect(
        within(addonOf('avx512', threads), () => hash(compute())),
        `${threads} threads`,
      ).toBe(expected)
  })
})

// One way where rows of the result are whole lines, one for all others; whole bands and lines, and what is left of them.
describe.skipIf(isasHere().length === 0)('arrays of more than 32 MB', () => {
  it.each([
    ['float32', 3001, 2903],
    ['float32', 2992, 2903],
    ['float32', 64, 140_001],
    ['float32', 61, 140_001],
    ['float32', 900_000, 10],
    ['float32', 900_001, 10],
    ['float64', 2049, 2050],
    ['float64', 2056, 2050],
    ['float64', 140_003, 31],
  ] as const)('transpose of %s %i × %i', (dtype, m, n) => {
    const x = lw.zeros([m, n], { dtype })
    const from = x.data as Float32Array | Float64Array
    for (let i = 0; i < from.length; i++) from[i] = (i * 7919) % 16_777_213
    const y = lw.transpose(x)
    expect(y.shape).toEqual([n, m])
    const to = y.data as Float32Array | Float64Array
    for (const isa of isasHere()) {
      for (const threads of [1, 3]) {
        to.fill(-1)
        within(addonOf(isa, threads), () => lw.transpose(x, y))
        let wrong = 0
        for (let j = 0; j < n; j++) for (let i = 0; i < m; i++) if (to[j * m + i] !== from[i * n + j]) wrong++
        expect(wrong, `${isa}, ${threads} threads`).toBe(0)
      }
    }
  })
})
