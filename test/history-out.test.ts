import { expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { eachBackend } from './backends.js'

// What an op's `out` may be, and where what was written to a part of a buffer has its history.
const leaf = (...values: number[]) => lw.tensor(values, { dtype: 'float64', requiresGrad: true })
const values = (...numbers: number[]) => lw.tensor(numbers, { dtype: 'float64' })
const gradOf = (t: lw.Tensor) => t.grad?.toArray()

eachBackend(() => {
  it('a result is read where it was written: the whole of a slice, or another view, has no history of it', () => {
    const p = leaf(1, 2)
    for (const [write, read] of [
      [(b) => b.slice(0, 2), (b) => b],
      [(b) => b.slice(0, 2), (b) => b.slice(1, 3)],
      [(b) => b.slice(0, 2), (b) => b.slice(0, 2)],
      [(b) => b.slice(0, 2).reshape([1, 2]), (b) => b.reshape([1, 3])],
      [(b) => b.slice(1, 3), (b) => lw.concat([b, p])],
    ] as [(b: lw.Tensor) => lw.Tensor, (b: lw.Tensor) => lw.Tensor][]) {
      const buffer = lw.zeros([3], { dtype: 'float64' })
      const out = write(buffer)
      const y = lw.multiply(p.reshape(out.shape), 3, out)
      const other = lw.sum(lw.square(p))
      expect(() => lw.backward(lw.add(lw.sum(lw.square(read(buffer))), other))).toThrow(
        'results read where they were written',
      )
      lw.backward(lw.add(lw.sum(y), other)) // as it is, it has its history
      expect(gradOf(p)).toEqual([5, 7])
      lw.fill(buffer, 1) // without history again
      lw.backward(lw.add(lw.sum(read(buffer)), other))
      expect(p.grad?.data.every((g) => g >= 2)).toBe(true)
    }
  })

  it('a view made within noGrad is a constant, whatever was written before; so is a slice that was written over', () => {
    const [w, x] = [leaf(1, 2), values(3, 4)]
    const h = lw.zeros([2], { dtype: 'float64' })
    for (let i = 0; i < 3; i++) {
      lw.multiply(x, w, h)
      const detached = lw.noGrad(() => lw.reshape(h, [2]))
      lw.backward(lw.sum(lw.multiply(detached, w)))
      expect(gradOf(w)).toEqual([3, 8])
    }
    const joined = lw.noGrad(() => lw.concat([lw.exp(w), w]).slice(2))
    lw.backward(lw.sum(lw.multiply(joined, w)))
    expect(gradOf(w)).toEqual([1, 2])
    const buffer = lw.zeros([4], { dtype: 'float64' })
    lw.multiply(x, w, buffer.slice(0, 2))
    for (const from of [0, 2]) buffer.slice(from, from + 2).set([5, 6])
    lw.backward(lw.sum(lw.multiply(buffer.slice(0, 2), w)))
    expect(gradOf(w)).toEqual([5, 6])
    lw.multiply(x, w, buffer.slice(0, 2))
    lw.backward(lw.sum(lw.multiply(buffer.slice(2), w))) // its neighbour
    expect(gradOf(w)).toEqual([5, 6])
  })

  it('neither a leaf nor a view of one is to be an out', () => {
    for (const view of [
      (w: lw.Tensor) => w,
      (w: lw.Tensor) => w.reshape([2]),
      (w: lw.Tensor) => w.slice(0, 2).reshape([2, 1]),
    ]) {
      const w = leaf(1, 2)
      const out = view(w)
      const h = lw.tanh(leaf(3, 4)).reshape(out.shape)
      expect(() => lw.exp(h, out)).toThrow(
        /^exp: expected out .*which requires a gradient, or is a view of one that does$/,
      )
      expect([...w.data]).toEqual([1, 2])
    }
  })
})
