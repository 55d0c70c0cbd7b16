import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import {
  backward,
  concat,
  copy,
  full,
  gatherRows,
  mean,
  multiply,
  noGrad,
  normal,
  permutation,
  randomState,
  record,
  reshape,
  slice,
  sum,
  tensor,
  uniform,
  zeros,
} from '../src/index.js'
import { backendNames, eachBackend, useBackend } from './backends.js'

// Corners of tensors' own methods, and of random streams.

eachBackend(() => {
  it('item() of a tensor with a divisor is the quotient', () => {
    expect(tensor(Uint8Array.of(51), { divisor: 255 }).item()).toBe(0.2)
  })

  it('a view made within noGrad has no history', () => {
    const x = tensor([1, 2], { requiresGrad: true })
    for (const view of [() => slice(x, 0, 1), () => reshape(x, [2, 1])])
      expect(() => backward(sum(noGrad(view)))).toThrow('a tensor without history')
  })

  it('an array that holds itself is described all the same', () => {
    const endless: unknown[] = []
    endless.push(endless)
    expect(() => sum(tensor([1]), 0, endless as never)).toThrow('received [[[[…]]]]')
  })

  it('a number reaches its op with all of its bits', () => {
    expect(full([1], Math.PI, 'float64').item()).toBe(Math.PI)
  })

  it('a tensor may be shown while recording, without its values', () => {
    const x = tensor([1, 2])
    let shown = ''
    record(() => {
      shown = inspect(multiply(x, 2))
    })
    expect(shown).toBe('Tensor float32 [2]')
  })

  it('set() refuses values of another divisor, and takes quotients where it has none', () => {
    const bytes = () => tensor(Uint8Array.of(100), { divisor: 255 })
    expect(() => bytes().set(tensor(Uint8Array.of(50), { divisor: 100 }))).toThrow(/divisor 255 or 1/)
    expect(bytes().set(tensor(Uint8Array.of(50))).data[0]).toBe(50)
    expect(
      tensor([0])
        .set(tensor(Uint8Array.of(50), { divisor: 100 }))
        .item(),
    ).toBe(0.5)
  })

  it('set() of nothing, from an array that was transferred away', () => {
    const gone = new Float32Array(2)
    structuredClone(gone, { transfer: [gone.buffer] })
    expect(zeros([0]).set(gone).size).toBe(0)
  })

  it('gathers no rows, wherever the cursor is, of any width, and backward()', () => {
    for (const width of [3, 255, 256, 300]) {
      const x = uniform(randomState(1), [5, width])
      x.requiresGrad = true
      const none = gatherRows(x, tensor(Int32Array.of(0, 1, 2)), { cursor: tensor(Int32Array.of(4)), count: 0 })
      expect(none.shape).toEqual([0, width])
      backward(sum(none))
      expect(new Set(x.grad?.data)).toEqual(new Set([0]))
    }
  })

  it('means of long columns are as near as those of long rows', () => {
    const rows = 300_000
    const years = Float32Array.from({ length: 2 * rows }, (_, i) => (i % 2 ? 1 : 1990 + ((i >> 1) % 35)))
    const [mean0, mean1] = mean(tensor(years, { shape: [rows, 2] }), 0).data
    expect(Math.abs((mean0 as number) - 2006.9995)).toBeLessThan(0.001)
    expect(mean1).toBe(1)
  })

  it('slices and joins bytes and whole numbers along any axis, images of one divisor as well', () => {
    const images = tensor(
      Uint8Array.from({ length: 12 }, (_, i) => i),
      { divisor: 255 },
    ).reshape([2, 3, 2])
    const [left, rest] = [slice(images, 0, 1, 1), slice(images, 1, 3, 1)]
    expect([...left.data]).toEqual([0, 1, 6, 7])
    expect([left.shape, left.dtype, left.divisor]).toEqual([[2, 1, 2], 'uint8', 255])
    const whole = concat([left, rest], 1)
    expect([whole.shape, whole.dtype, whole.divisor]).toEqual([[2, 3, 2], 'uint8', 255])
    expect([...whole.data]).toEqual([...images.data])
    expect(copy(images).divisor).toBe(255)
    const row = tensor([1, 2, 3])
    slice(row, 1, 3, -1).data[0] = 5 // of one dimension a view, as of the first
    expect(row.toArray()).toEqual([1, 5, 3])
    const numbers = tensor(Int32Array.of(1, -2, 3, 4)).reshape([2, 2])
    expect(concat([slice(numbers, 1, 2, -1), numbers], 1).toArray()).toEqual([
      [-2, 1, -2],
      [4, 3, 4],
    ])
  })

  it('uniform never reaches its upper bound, where float32 would round to it', () => {
    const { data } = uniform(randomState(1), [1000], 1, 1 + 2 ** -23)
    expect(new Set(data)).toEqual(new Set([1]))
  })
})

it('random streams go on in step where the low word of the counter overflows', () => {
  const drawn = backendNames.map((name) => {
    useBackend(name)
    const state = randomState(5)
    const far = () => state.set(Int32Array.of(5, 0, -2, 7)) // two blocks before
    const values = [uniform(far(), [9]), normal(far(), [9]), permutation(far(), 20)].map((t) => [...t.data])
    return [values, [...state.data]]
  })
  for (const other of drawn) expect(other).toEqual(drawn[0])
  useBackend('js')
  const state = randomState(5).set(Int32Array.of(5, 0, -1, 7))
  const [, , second] = uniform(state, [4], 0, 1, { dtype: 'float64' }).data
  expect([...state.data]).toEqual([5, 0, 1, 8])
  expect(uniform(state.set(Int32Array.of(5, 0, 0, 8)), [1], 0, 1, { dtype: 'float64' }).data[0]).toBe(second)
})
