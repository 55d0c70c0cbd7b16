import { expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { eachBackend } from './backends.js'

// What needs a gradient, and where backward() writes it.
const leaf = (...values: number[]) => lw.tensor(values, { dtype: 'float64', requiresGrad: true })
const values = (...numbers: number[]) => lw.tensor(numbers, { dtype: 'float64' })
const gradOf = (t: lw.Tensor) => t.grad?.toArray()

eachBackend(() => {
  it('what was frozen as it was used gets none, nor what is by now; as in PyTorch', () => {
    const [a, b] = [leaf(1, 2), leaf(3, 4)]
    b.requiresGrad = false
    const loss = lw.sum(lw.multiply(a, b))
    b.requiresGrad = true
    lw.backward(loss)
    expect([gradOf(a), gradOf(b)]).toEqual([
      [3, 4],
      [0, 0],
    ])
    const second = lw.sum(lw.multiply(a, b))
    a.requiresGrad = false
    lw.backward(second)
    expect([gradOf(a), gradOf(b)]).toEqual([
      [3, 4],
      [1, 2],
    ])
  })

  it('a grad of another shape or dtype is refused before anything is written', () => {
    const memory = values(1, 2, 3, 4)
    for (const grad of [memory.slice(0, 3), memory.slice(0, 1), memory.slice(0, 2).reshape([2, 1]), lw.zeros([2]), 5]) {
      const [w, v] = [leaf(1, 2), leaf(3, 4)]
      w.grad = grad as lw.Tensor
      expect(() => lw.backward(lw.sum(lw.multiply(v, w)))).toThrow(/^backward: expected/)
      expect(gradOf(v)).toEqual([0, 0])
    }
    expect(memory.toArray()).toEqual([1, 2, 3, 4])
    const w = leaf(1, 2)
    w.grad = memory.slice(1, 3)
    lw.backward(lw.sum(lw.square(w)))
    expect(memory.toArray()).toEqual([1, 2, 4, 4])
  })

  it('it is written over, as any tensor is, by the next backward()', () => {
    const [w, v] = [leaf(2, 3), leaf(1, 1)]
    lw.backward(lw.sum(lw.square(w)))
    const g = w.grad as lw.Tensor
    const loss = lw.sum(lw.multiply(v, g))
    const free = lw.sum(lw.add(v, g)) // reads no values
    lw.backward(lw.sum(w))
    expect(() => lw.backward(loss)).toThrow(/written over since/)
    lw.backward(free)
    expect(gradOf(v)).toEqual([1, 1])
  })

  it('a result that lies in it is read as it was', () => {
    const w = leaf(1, 2)
    const y = lw.exp(values(0, 0))
    for (const op of [lw.exp, lw.sqrt, lw.tanh]) {
      const twin = leaf(1, 2)
      lw.backward(lw.sum(lw.add(lw.square(op(twin)), twin)))
      w.grad = y
      lw.backward(lw.sum(lw.add(lw.square(op(w, y)), w)))
      expect(gradOf(w)).toEqual(gradOf(twin))
    }
  })

  it('zeroGrad is a command', () => {
    const layer = new lw.Affine(1)
    const store = lw.build(layer, [2], { dtype: 'float64' })
    const x = values(1, 2).reshape([1, 2])
    const step = lw.record(() => lw.backward(lw.sum(layer.forward(x))))
    const zero = lw.record(() => store.zeroGrad())
    step.replay()
    expect(layer.weight.value.grad?.toArray()).toEqual([[1], [2]])
    zero.replay()
    expect(store.gradients.data.every((v) => v === 0)).toBe(true)
    const read = lw.sum(lw.multiply(layer.weight.value, layer.weight.value.grad as lw.Tensor))
    store.zeroGrad()
    expect(() => lw.backward(read)).toThrow(/written over since/)
  })
})
