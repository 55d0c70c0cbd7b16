import { describe, expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { eachBackend } from './backends.js'

// backward() reads values after they were used: where they are others by then it refuses, and its own writing is no such case.

const leaf = (...values: number[]) => lw.tensor(values, { dtype: 'float64', requiresGrad: true })
const values = (...numbers: number[]) => lw.tensor(numbers, { dtype: 'float64' })
const gradOf = (t: lw.Tensor) => t.grad?.toArray()

eachBackend(() => {
  describe('a tensor that was written over since is an error', () => {
    const ints = () => lw.tensor(Int32Array.of(1, 0))
    const WRITERS: Record<string, (h: lw.Tensor) => unknown> = {
      fill: (h) => lw.fill(h, 5),
      uniform: (h) => lw.uniform(lw.randomState(1), [2], 0, 1, { dtype: 'float64' }, h),
      normal: (h) => lw.normal(lw.randomState(1), [2], 0, 1, { dtype: 'float64' }, h),
      'copy of int32': (h) => lw.copy(ints(), h),
      'copy of float64': (h) => lw.copy(values(4, 4), h),
      gatherRows: (h) => lw.gatherRows(lw.tensor(Uint8Array.of(1, 2)), ints(), { dtype: 'float64' }, h),
      add: (h) => lw.noGrad(() => lw.add(h, 1, h)),
      set: (h) => h.set([5, 5]),
    }
    it.each(Object.entries(WRITERS))('by %s', (_, write) => {
      const p = leaf(1, 2)
      const h = lw.multiply(p, 3)
      const loss = lw.sum(lw.square(h))
      const constant = values(3, 4)
      const other = lw.sum(lw.multiply(p, constant))
      const target = values(1, 1)
      const third = lw.meanSquaredError(p, target)
      const fourth = lw.sum(lw.square(p))
      for (const t of [h, constant, target]) write(t)
      for (const l of [loss, other, third]) expect(() => lw.backward(l)).toThrow(/written over since/)
      lw.backward(fourth)
      expect(gradOf(p)).toEqual([2, 4])
      expect(() => lw.backward(lw.sum(h))).toThrow('without history')
    })

    it('by oneHot, as an out', () => {
      const p = lw.tensor([[1, 2]], { requiresGrad: true })
      const h = lw.multiply(p, 3)
      const loss = lw.sum(lw.square(h))
      lw.oneHot(lw.tensor(Int32Array.of(1)), 2, 'float32', h)
      expect(() => lw.backward(loss)).toThrow(/written over since/)
    })

    it('by greater, as an out', () => {
      const h = lw.multiply(leaf(1, 2), 3)
      const loss = lw.sum(lw.square(h))
      lw.greater(values(1, 2), 1, h)
      expect(() => lw.backward(loss)).toThrow(/written over since/)
    })

    it('inside record(), by a command after its use', () => {
      const p = leaf(3, 4)
      const step = () => {
        const h = lw.multiply(p, 2)
        const loss = lw.sum(lw.square(h))
        lw.fill(h, 0)
        lw.backward(loss)
      }
      expect(() => lw.record(step)).toThrow(/written over since/)
    })

    it('by an optimizer: parameters that moved between two losses of one forward pass', () => {
      const layer = new lw.Affine(2)
      const store = lw.build(layer, [2], { dtype: 'float64' })
      const z = layer.forward(lw.square(layer.forward(values(1, 2).reshape([1, 2]))))
      const second = lw.sum(z)
      lw.backward(lw.sum(lw.multiply(z, 2)))
      new lw.SGD().step(store)
      expect(() => lw.backward(second)).toThrow(/written over since/)
    })

    it('by advance: the place that rows were gathered from', () => {
      const p = lw.tensor([[1], [2], [3]], { requiresGrad: true })
      const [indices, cursor] = [lw.tensor(Int32Array.of(0, 1, 2)), lw.zeros([1], { dtype: 'int32' })]
      const loss = lw.sum(lw.gatherRows(p, indices, { cursor, count: 1 }))
      lw.advance(cursor, 1)
      expect(() => lw.backward(loss)).toThrow(/written over since/)
    })

    it('what a view was of, and all parameters at once', () => {
      const [x, w] = [values(1, 2), leaf(3, 4)]
      const viewed = lw.sum(lw.multiply(lw.reshape(lw.reshape(x, [2, 1]), [2]), w))
      x.set([5, 6])
      expect(() => lw.backward(viewed)).toThrow(/written over since/)
      const model = new lw.Sequential({ input: [2], layers: [new lw.Affine(2), new lw.Affine(1)], dtype: 'float64' })
      const loss = () => lw.sum(lw.square(model.forward(values(1, 2).reshape([1, 2]))))
      for (const write of [
        () => model.restore(model.snapshot()),
        () => lw.noGrad(() => lw.scale(model.store.values, 0.5, 0, model.store.values)),
      ]) {
        const before = loss()
        write()
        expect(() => lw.backward(before)).toThrow(/written over since/)
        lw.backward(loss())
      }
    })

    it('of a slice: the larger ones that it is a part of, and not its neighbours', () => {
      const [whole, p] = [lw.zeros([4, 2], { dtype: 'float64' }), leaf(1, 1)]
      const half = whole.slice(0, 2)
      const [first, second] = [half.slice(0, 1), half.slice(1, 2)]
      const loss = () => lw.sum(lw.multiply(second, p))
      for (const larger of [whole, half, lw.reshape(half, [4])]) {
        const before = loss()
        lw.fill(larger, 1)
        expect(() => lw.backward(before)).toThrow(/written over since/)
      }
      const apart = loss()
      first.reshape([2]).set([5, 6])
      lw.backward(apart)
      expect(gradOf(p)).toEqual([1, 1])
    })

    it('of a result by way of a view of all of it', () => {
      const w = leaf(1, 2)
      const write: ((y: lw.Tensor) => unknown)[] = [
        (y) => lw.fill(y.reshape([2, 1]), 5),
        (y) => y.reshape([2, 1]).set([[5], [6]]),
        (y) => lw.exp(values(1, 2), y.reshape([2])),
      ]
      for (const change of write) {
        const y = lw.exp(w)
        change(y)
        expect(() => lw.backward(lw.sum(y))).toThrow(/values as they were computed/)
      }
    })

    it('in part, by way of a slice', () => {
      const w = leaf(1, 2)
      const y = lw.exp(w)
      const loss = lw.sum(lw.square(y))
      y.slice(0, 1).set([5])
      expect(() => lw.backward(loss)).toThrow(/written over since/)
      const c = values(1, 2, 3)
      const product = lw.sum(lw.multiply(leaf(1, 2, 3), c))
      lw.fill(c.slice(1, 3).slice(1, 2), 0)
      expect(() => lw.backward(product)).toThrow(/values as they were used/)
    })

    it('of the table that rows were gathered from, which no derivative reads, but of the indices', () => {
      const table = lw.tensor(
        [
          [1, 2],
          [3, 4],
        ],
        { requiresGrad: true },
      )
      const indices = lw.tensor(Int32Array.of(1, 1, 0))
      const first = lw.sum(lw.square(lw.gatherRows(table, indices)))
      lw.noGrad(() => lw.scale(table, 0.5, 0, table))
      lw.backward(first)
      expect(table.grad?.toArray()).toEqual([
        [2, 4],
        [12, 16],
      ])
      const second = lw.sum(lw.gatherRows(table, indices))
      indices.set([0, 0, 0])
      expect(() => lw.backward(second)).toThrow(/values as they were used/)
    })

    it('by an op whose out is a view of what it reads', () => {
      const [w, c] = [leaf(1, 2), values(3, 4)]
      expect(() => lw.multiply(c, w, c.reshape([2]))).toThrow(/another tensor while derivatives are noted/)
      const h = lw.exp(w)
      expect(() => lw.square(h, h.reshape([2]))).toThrow(/another tensor while derivatives are noted/)
      const rows = lw.multiply(leaf(1, 2, 3, 4), 1).reshape([2, 2])
      expect(() => lw.square(rows.slice(0, 1), rows.slice(0, 1))).toThrow(/another tensor while derivatives are noted/)
      expect(() => lw.square(rows.slice(0, 1), rows.slice(1, 2))).not.toThrow()
    })

    it('a view of a leaf, made once, serves in every step', () => {
      for (const view of [(w: lw.Tensor) => w.reshape([2, 1]), (w: lw.Tensor) => w.slice(0, 2).reshape([2])]) {
        const w = leaf(1, 2)
        const v = view(w)
        for (const expected of [
          [2, 4],
          [1, 2],
          [0.5, 1],
        ]) {
          lw.backward(lw.sum(lw.square(v)))
          expect(gradOf(w)).toEqual(expected)
          lw.noGrad(() => lw.scale(w, 0.5, 0, w))
        }
        const loss = lw.sum(lw.square(v))
        lw.noGrad(() => lw.scale(w, 0.5, 0, w))
        expect(() => lw.backward(loss)).toThrow(/values as they were used/)
      }
    })

    it('a view of a leaf stays one', () => {
      for (const view of [(w: lw.Tensor) => w.reshape([2]), (w: lw.Tensor) => w.slice(0, 2).reshape([2])]) {
        const w = leaf(1, 2)
        const v = view(w)
        v.set([3, 4])
        lw.backward(lw.sum(lw.multiply(w, v)))
        expect(gradOf(w)).toEqual([6, 8])
      }
    })

    it("by the sigmoid's derivative, as an out", () => {
      const p = leaf(1, 2)
      const h = lw.multiply(p, 3)
      const loss = lw.sum(lw.square(h))
      lw.sigmoidGrad(values(1, 1), values(0.5, 0.5), h)
      expect(() => lw.backward(loss)).toThrow(/written over since/)
    })

    it('by way of a reshape, before its use', () => {
      const p = leaf(1, 2)
      for (const write of [
        (h: lw.Tensor) => void lw.fill(lw.reshape(h, [2, 1]), 0),
        (h: lw.Tensor) => h.reshape([2, 1]).set([[5], [6]]),
        (h: lw.Tensor) => void lw.fill(h.slice(0), 0),
      ]) {
        const h = lw.multiply(p, 3)
        write(h)
        expect(() => lw.backward(lw.sum(h))).toThrow(/written over since/)
      }
    })

    it('by way of a view that was used', () => {
      const w = lw.tensor([1, 2], { requiresGrad: true })
      const loss = lw.sum(lw.square(lw.reshape(w, [2, 1])))
      w.set([5, 6])
      expect(() => lw.backward(loss)).toThrow(/written over since/)
    })

    it('a state that is its own out', () => {
      const w = lw.tensor([[0.5]], { requiresGrad: true })
      const h = lw.tensor([[1]])
      for (let i = 0; i < 2; i++) lw.tanh(lw.matmul(h, w), h)
      expect(() => lw.backward(lw.sum(h))).toThrow(/written over since/)
    })
  })

  it('a result with history is not to be an out of an op it goes into', () => {
    const h = lw.multiply(lw.tensor([1], { requiresGrad: true }), 2)
    expect(() => lw.add(h, 1, h)).toThrow(/^add: expected out to be another tensor .*an input$/)
  })

  it('a mask has no history', () => {
    expect(() => lw.backward(lw.sum(lw.greater(leaf(1, 2), 0)))).toThrow(/without history/)
  })

  it('noGrad within noGrad leaves the outer one in force', () => {
    const p = lw.tensor([1], { requiresGrad: true })
    lw.noGrad(() => {
      lw.noGrad(() => {})
      expect(() => lw.backward(lw.sum(lw.multiply(p, 2)))).toThrow(/without history/)
    })
    expect(() => lw.backward(lw.sum(lw.multiply(p, 2)))).not.toThrow()
  })

  it('what no derivative reads may be written over', () => {
    const [p, running, noise] = [leaf(1, 2), values(0.5, 1), values(3, 4)]
    const y = lw.add(lw.subtract(p, running), noise)
    const loss = lw.sum(lw.square(lw.sigmoid(y)))
    lw.noGrad(() => lw.add(lw.scale(running, 0.9), 0.1, running)) // as a mean over batches goes on
    noise.set([7, 8])
    p.set([5, 6])
    lw.backward(loss)
    const s = [1 - 0.5 + 3, 2 - 1 + 4].map((v) => 1 / (1 + Math.exp(-v)))
    for (const [i, g] of (p.grad as lw.Tensor).data.entries()) expect(g).toBeCloseTo(2 * s[i] * s[i] * (1 - s[i]), 12)
    // But a result on the way has its history lost.
    const h = lw.scale(p, 2)
    const lost = lw.sum(lw.add(h, 1))
    lw.fill(h, 0)
    expect(() => lw.backward(lost)).toThrow(/written over since/)
    // And of a constant that is a result by now it was a constant that was used.
    const constant = values(1, 1)
    const changed = lw.sum(lw.add(p, constant))
    lw.multiply(p, 2, constant)
    lw.backward(changed)
    expect(gradOf(p)).toEqual([1, 1])
  })

  it('a recorded loss goes by what a replay makes of it', () => {
    const [x, w] = [values(1, 2), leaf(3, 4)]
    let loss = x
    const forward = lw.record(() => {
      loss = lw.sum(lw.square(lw.multiply(x, w)))
    })
    for (const [a, b] of [
      [1, 2],
      [5, 6],
    ]) {
      x.set([a, b])
      forward.replay()
      lw.backward(loss) // d/dw (x w)² = 2 x² w
      expect(gradOf(w)).toEqual([2 * a * a * 3, 2 * b * b * 4])
    }
  })

  it('a gradient that goes into the next loss is read as it was', () => {
    // By hand: d/dv (v·g + 5w) = g, d/dw = 5; d/dw (w·g + w²·g) = g + 2w·g.
    const [w, v] = [leaf(2, 3), leaf(1, 1)]
    lw.backward(lw.sum(lw.square(w))) // g = [4, 6]
    const g = w.grad as lw.Tensor
    lw.backward(lw.add(lw.sum(lw.multiply(v, g)), lw.sum(lw.multiply(w, 5))))
    expect([gradOf(v), gradOf(w)]).toEqual([
      [4, 6],
      [5, 5],
    ])
    lw.backward(lw.sum(lw.square(w)))
    lw.backward(lw.add(lw.sum(lw.multiply(w, g)), lw.sum(lw.multiply(lw.square(w), g))))
    expect(gradOf(w)).toEqual([4 + 2 * 2 * 4, 6 + 2 * 3 * 6])
  })

  it('rows gathered to another float dtype carry a gradient', () => {
    const w = lw.tensor([[1], [2]], { requiresGrad: true })
    const rows = lw.gatherRows(w, lw.tensor(Int32Array.of(1, 0, 1)), { dtype: 'float64' })
    lw.backward(lw.sum(lw.multiply(rows, lw.tensor([[1], [2], [4]], { dtype: 'float64' }))))
    expect([w.grad?.dtype, gradOf(w)]).toEqual(['float32', [[2], [5]]])
  })

  it('a gradient flows back through a cast between two results', () => {
    const p = lw.tensor([1, 2], { dtype: 'float64', requiresGrad: true })
    lw.backward(lw.sum(lw.multiply(lw.cast(lw.multiply(p, 3), 'float32'), 2)))
    expect([p.grad?.dtype, p.grad?.toArray()]).toEqual(['float64', [6, 6]])
  })

  it.each([
    ['float32', 0, 1e-23, 0],
    ['float32', 1e-25, 1e-23, -1e21],
    ['float32', 1e38, 1e20, -0.01],
    ['float64', 0, 1e-170, 0],
  ] as const)('the derivative of a quotient stays within the range of %s: %d / %d', (dtype, p, q, expected) => {
    const divisor = lw.tensor([q], { dtype, requiresGrad: true })
    lw.backward(lw.sum(lw.divide(lw.tensor([p], { dtype }), divisor)))
    const [got] = divisor.grad?.data ?? []
    expect(Math.abs(got - expected)).toBeLessThanOrEqual(1e-6 * Math.abs(expected))
  })

  describe('affine of more than two dimensions', () => {
    it('writes to its out, and refuses one of another shape', () => {
      const [w, b, out] = [lw.tensor([[1], [1]]), lw.tensor([0]), lw.zeros([1, 2, 1])]
      const x = lw.tensor([
        [
          [1, 2],
          [3, 4],
        ],
      ])
      expect(lw.affine(x, w, b, out)).toBe(out)
      expect(out.toArray()).toEqual([[[3], [7]]])
      expect(() => lw.affine(x, w, b, lw.zeros([2, 1]))).toThrow('affine: expected out to be float32 [1, 2, 1]')
    })

    it('is its bias where there is nothing to sum over', () => {
      expect(lw.affine(lw.zeros([2, 1, 0]), lw.zeros([0, 1]), lw.tensor([5])).toArray()).toEqual([[[5]], [[5]]])
    })
  })
})
