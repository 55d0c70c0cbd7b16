import { describe, expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { eachBackend } from './backends.js'

// Views share memory: what is written by way of one counts for all that have one of its elements.
const leaf = (...values: number[]) => lw.tensor(values, { dtype: 'float64', requiresGrad: true })
const values = (...numbers: number[]) => lw.tensor(numbers, { dtype: 'float64' })
const gradOf = (t: lw.Tensor) => t.grad?.toArray()
const STALE = /written over since/

eachBackend(() => {
  describe('slices of one buffer', () => {
    it.each([
      [[0, 2], [0, 2], true],
      [[0, 2], [1, 3], true],
      [[1, 2], [0, 4], true],
      [[0, 4], [3, 4], true],
      [[0, 2], [2, 4], false],
      [[2, 4], [0, 2], false],
      [[1, 1], [0, 4], false],
      [[0, 4], [2, 2], false],
    ] as const)('%j is read, %j is written', (read, write, stale) => {
      const b = values(1, 2, 3, 4)
      const part = b.slice(read[0], read[1])
      const w = lw.tensor(
        Float64Array.from(part.data, () => 1),
        { requiresGrad: true },
      )
      const loss = lw.sum(lw.multiply(part, w))
      const before = [...part.data]
      lw.fill(b.slice(write[0], write[1]), 9)
      if (stale) expect(() => lw.backward(loss)).toThrow(STALE)
      else {
        lw.backward(loss)
        expect(gradOf(w)).toEqual(before)
      }
    })

    it('seen again outside of noGrad, stays without history', () => {
      const [w, q] = [leaf(1, 2), leaf(3)]
      const squares = lw.square(w)
      const seen = lw.noGrad(() => squares.reshape([2]))
      lw.backward(lw.sum(lw.multiply(seen.slice(1, 2), q)))
      expect([gradOf(q), w.grad?.toArray()]).toEqual([[4], [0, 0]])
    })

    it('written in many parts, the last of each counts', () => {
      const n = 50
      const b = lw.zeros([n], { dtype: 'float64' })
      const rows = Array.from({ length: n - 2 }, (_, i) => b.slice(i, i + 3))
      for (const k of [7, 3, 20, 21, 40, 5, 4, 47, 0, 21]) rows[k].set([k, k, k])
      const w = leaf(1, 1, 1)
      for (const k of [0, 6, 19, 47]) {
        const used = rows.map((r) => lw.sum(lw.multiply(r, w)))
        rows[k].set([1, 2, 3])
        for (const [i, loss] of used.entries())
          if (Math.abs(i - k) < 3) expect(() => lw.backward(loss)).toThrow(STALE)
          else lw.backward(loss)
      }
    })

    it('a result that was lost when it was used is not found again by writing over it', () => {
      const [p, b] = [leaf(1, 2), lw.zeros([2], { dtype: 'float64' })]
      lw.multiply(p, 3, b.slice(0, 2))
      const loss = lw.sum(lw.add(lw.square(p), b)) // add reads no values
      lw.fill(b, 0)
      expect(() => lw.backward(loss)).toThrow(STALE)
    })

    it('one is not to be the out of an op that reads another that overlaps', () => {
      const [p, b] = [leaf(1, 2), values(1, 2, 3)]
      expect(() => lw.multiply(b.slice(0, 2), p, b.slice(0, 2))).toThrow(/^multiply: .*an input$/)
      const apart = lw.zeros([4], { dtype: 'float64' })
      apart.slice(0, 2).set([3, 4])
      const y = lw.multiply(apart.slice(0, 2), p, apart.slice(2, 4))
      lw.backward(lw.sum(y))
      expect(gradOf(p)).toEqual([3, 4])
    })

    it('without elements they are never written over, nor lost', () => {
      const [p, b] = [leaf(1, 2), values(1, 2, 3)]
      const none = b.slice(1, 1)
      lw.multiply(p, 3, b.slice(0, 2))
      const loss = lw.add(lw.sum(none), lw.sum(p))
      lw.fill(none, 5)
      lw.fill(b, 5)
      lw.backward(loss)
      expect([gradOf(p), b.toArray()]).toEqual([
        [1, 1],
        [5, 5, 5],
      ])
    })
  })

  describe('a view of a view of a leaf', () => {
    const VIEWS: Record<string, (w: lw.Tensor) => lw.Tensor> = {
      reshape: (w) => w.reshape([2, 1]).reshape([2]),
      slice: (w) => w.slice(0, 2).slice(0, 2),
      three: (w) => w.reshape([1, 2]).reshape([2, 1]).reshape([2]),
    }
    it.each(Object.entries(VIEWS))('%s: written to, it stays one, also for what was computed before', (_, view) => {
      const w = leaf(1, 2)
      const v = view(w)
      const before = lw.sum(lw.scale(v, 3)) // reads no values
      v.set([3, 4])
      lw.backward(before)
      expect(gradOf(w)).toEqual([3, 3])
      lw.backward(lw.sum(lw.multiply(w, v)))
      expect(gradOf(w)).toEqual([6, 8])
      const stale = lw.sum(lw.square(v))
      lw.noGrad(() => lw.scale(w, 0.5, 0, w))
      expect(() => lw.backward(stale)).toThrow(STALE)
      expect(() => lw.exp(leaf(1, 2), v)).toThrow(/view of one that does$/)
    })

    it('twenty thousand of them', () => {
      const w = leaf(1, 2)
      let v = w
      for (let i = 0; i < 20_000; i++) v = v.reshape([2])
      v.set([5, 6])
      lw.backward(lw.sum(lw.square(v)))
      expect(gradOf(w)).toEqual([10, 12])
    })
  })

  describe('a recorded loss', () => {
    it('is one of its last replay: not before it, and not after set()', () => {
      const [x, w] = [values(1, 2), leaf(3, 4)]
      let loss = x
      const forward = lw.record(() => {
        loss = lw.sum(lw.square(lw.multiply(x, w)))
      })
      expect(() => lw.backward(loss)).toThrow('backward: expected a tape that was replayed')
      for (const a of [1, 5]) {
        x.set([a, a])
        if (a > 1) expect(() => lw.backward(loss)).toThrow(STALE)
        forward.replay()
        lw.backward(loss) // d/dw (x w)² = 2 x² w
        expect(gradOf(w)).toEqual([6 * a * a, 8 * a * a])
        lw.backward(loss)
      }
      forward.replay(0)
      w.set([1, 1])
      expect(() => lw.backward(loss)).toThrow(STALE)
    })

    it('of a replay off the event loop', async () => {
      const [x, w] = [values(1, 2), leaf(3, 4)]
      let loss = x
      const forward = lw.record(() => {
        loss = lw.sum(lw.multiply(x, w))
      })
      x.set([7, 8])
      await forward.replayAsync()
      lw.backward(loss)
      expect(gradOf(w)).toEqual([7, 8])
    })
  })

  it('a record() that fails leaves histories as they were', () => {
    const [p, c] = [leaf(1, 2), values(3, 4)]
    const [h, rest] = [lw.exp(p), values(1, 2, 3)]
    const loss = lw.sum(lw.multiply(lw.square(h), c))
    const part = lw.sum(lw.multiply(rest.slice(1, 3), p))
    for (const end of [
      () => {
        throw new Error('mine')
      },
      async () => {},
    ]) {
      const write = () => {
        for (const t of [h, c, rest.slice(0, 2), rest, h]) lw.fill(t, 0)
        lw.multiply(p, 2, c)
        return end()
      }
      expect(() => lw.record(write)).toThrow()
      lw.backward(lw.add(loss, part)) // d/dp c e^2p + r p
      for (const [i, x] of [1, 2].entries())
        expect((p.grad as lw.Tensor).data[i]).toBeCloseTo(2 * (3 + i) * Math.exp(2 * x) + 2 + i, 10)
    }
  })
})
