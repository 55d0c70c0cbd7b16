import { describe, expect, it } from 'vitest'
import { indexing } from '../../src/backend/js/indexing.js'
import { losses } from '../../src/backend/js/losses.js'
import { memory } from '../../src/backend/js/memory.js'
import { optimizers, power } from '../../src/backend/js/optimizers.js'
import { softmax } from '../../src/backend/js/softmax.js'
import {
  as,
  close,
  type Data,
  empty,
  labels,
  MIXES,
  numbers,
  positive,
  range,
  run,
  SIZES,
  TYPES,
  total,
} from './js-harness.js'

describe.each(TYPES)('js kernels, %s', (_name, _type, dtype, tolerance) => {
  const input = (n: number, seed = 1): number[] => as(dtype, numbers(n, seed))
  const share = (n: number, seed = 1): number[] => as(dtype, positive(n, seed))

  describe('indexing', () => {
    it.each([1, 3, 17, 300])('gathers and scatters rows of %i', (n) => {
      const [rows, m] = [7, 4]
      const idx = Int32Array.of(6, 0, 3, 3, 5, 1)
      const ints = [m, n, rows, idx.length]
      const cursor = Int32Array.of(1)
      const pick = (f: (at: number) => number): number[] =>
        range(m * n).map((at) => f(idx[1 + Math.floor(at / n)] * n + (at % n)))
      const bytes = Uint8Array.from({ length: rows * n }, (_, i) => (i * 37) % 256)
      const round = (v: number): number => as(dtype, [v])[0]
      const gather = (y: Data, src: Data, divisor: number): number[] =>
        run(indexing, 'gatherRows', dtype, [y, src, idx, cursor], ints, [divisor]).out[0]
      expect(gather(empty(m * n), bytes, 255)).toEqual(pick((at) => round(bytes[at] / 255)))
      expect(gather(empty(m * n), bytes, 1)).toEqual(pick((at) => bytes[at]))
      const x = input(rows * n)
      expect(gather(empty(m * n), x, 1)).toEqual(pick((at) => x[at]))
      expect(gather(empty(m * n), Int32Array.from(bytes), 7)).toEqual(pick((at) => round(bytes[at] / 7)))
      expect(gather(new Int32Array(m * n), bytes, 1)).toEqual(pick((at) => bytes[at]))
      expect(gather(new Uint8Array(m * n), bytes, 1)).toEqual(pick((at) => bytes[at]))
      const dy = input(m * n, 3)
      const expected = new Array(rows * n).fill(0)
      pick((at) => at).forEach((at, i) => {
        expected[at] += dy[i] / 2
      })
      close(
        run(indexing, 'scatterRows', dtype, [empty(rows * n), dy, idx, cursor], ints, [2]).out[0],
        expected,
        tolerance,
      )
    })
    it('reports a bad row, cursor or label', () => {
      const rows = (idx: number[], cursor: number, name = 'gatherRows'): unknown => {
        const sizes = name === 'gatherRows' ? [2, 3] : [3, 2]
        return run(
          indexing,
          name,
          dtype,
          [...sizes.map(empty), Int32Array.from(idx), Int32Array.of(cursor)],
          [2, 1, 3, idx.length],
          [1],
        ).failed
      }
      expect(rows([0, 1, 3], 1)).toEqual([1, 3])
      expect(rows([-1, 1, 2], 0)).toEqual([0, -1])
      expect(rows([0, 1, 2], 2)).toEqual([-1, 2])
      expect(rows([0, 1, 2], -1, 'scatterRows')).toEqual([-1, -1])
      expect(rows([0, 1, 2], 1, 'scatterRows')).toBeUndefined()
      expect(run(indexing, 'oneHot', dtype, [empty(6), Uint8Array.of(1, 3)], [2, 3]).failed).toEqual([1, 3])
      expect(run(indexing, 'oneHot', dtype, [empty(6), Uint8Array.of(1, 2)], [2, 3]).out[0]).toEqual([0, 1, 0, 0, 0, 1])
    })
  })

  describe('losses', () => {
    const [one, lo] = [empty(1), as(dtype, [1e-7])[0]]
    const mean = (values: number[]): number => total(values) / values.length
    it.each(SIZES)('of %i elements', (n) => {
      const [x, p, t] = [input(n), share(n), share(n, 3)]
      const dy = as(dtype, [0.7])
      const sig = x.map((v) => 1 / (1 + Math.exp(-v)))
      const loss = (name: string, a: number[]): number[] => run(losses, name, dtype, [one, a, t], [n]).out[0]
      const grad = (name: string, a: number[]): number[] => run(losses, name, dtype, [empty(n), dy, a, t], [n]).out[0]
      close(loss('meanSquaredError', p), [mean(p.map((v, i) => (v - t[i]) ** 2))], tolerance)
      close(
        grad('meanSquaredErrorGrad', p),
        p.map((v, i) => (dy[0] * 2 * (v - t[i])) / n),
        tolerance,
      )
      const cross = (q: number[]): number => -mean(q.map((v, i) => t[i] * Math.log(v) + (1 - t[i]) * Math.log(1 - v)))
      close(loss('binaryCrossEntropy', p), [cross(p)], tolerance)
      close(loss('binaryCrossEntropyLogits', x), [cross(sig)], tolerance)
      close(
        grad('binaryCrossEntropyGrad', p),
        p.map((v, i) => ((dy[0] / n) * (v - t[i])) / (v * (1 - v))),
        tolerance,
      )
      close(
        grad('binaryCrossEntropyLogitsGrad', x),
        sig.map((v, i) => (dy[0] * (v - t[i])) / n),
        tolerance,
      )
      const right = run(losses, 'binaryAccuracy', dtype, [one, p, t], [n], [0.4]).out[0]
      close(right, [mean(p.map((v, i) => (v > 0.4 === t[i] > 0.5 ? 1 : 0)))], tolerance)
    })
    it.each(MIXES.filter(([m, n]) => m * n > 0))('of %i rows of %i', (m, n) => {
      const t = labels(m, n)
      const [x, dense] = [input(m * n), share(m * n, 6)]
      const all = range(m * n)
      const hot = all.map((at) => (t[Math.floor(at / n)] === at % n ? 1 : 0))
      const p = as(dtype, run(softmax, 'softmax', 1, [empty(m * n), x], [m, n]).out[0])
      const dy = as(dtype, [1.3])
      const loss = (target: number[]): number[] => [-total(p.map((v, i) => target[i] * Math.log(v))) / m]
      const grad = (name: string, target: Data): number[] =>
        run(losses, name, dtype, [empty(m * n), dy, p, target], [m, n]).out[0]
      close(run(losses, 'crossEntropy', dtype, [one, p, t], [m, n]).out[0], loss(hot), tolerance)
      close(run(losses, 'crossEntropyDense', dtype, [one, p, dense], [m, n]).out[0], loss(dense), tolerance)
      close(
        grad('crossEntropyGrad', t),
        p.map((v, i) => (hot[i] ? -dy[0] / (m * v) : 0)),
        tolerance,
      )
      close(run(losses, 'crossEntropyGrad', dtype, [p, dy, p, t], [m, n], [], 2).out[0], grad('crossEntropyGrad', t), 0)
      close(
        grad('crossEntropyDenseGrad', dense),
        p.map((v, i) => (-dy[0] * dense[i]) / (m * v)),
        tolerance,
      )
      for (const [name, target, values] of [
        ['softmaxCrossEntropy', t, hot],
        ['softmaxCrossEntropyDense', dense, dense],
      ] as const) {
        const { out } = run(losses, name, dtype, [one, empty(m * n), x, target], [m, n])
        close(out[0], loss(values), tolerance)
        close(out[1], p, tolerance)
        const sums = all.map((at) => total(values.slice(at - (at % n), at - (at % n) + n)))
        close(
          grad(`${name}Grad`, target),
          p.map((v, i) => ((v * sums[i] - values[i]) * dy[0]) / m),
          tolerance,
        )
      }
      const best = (v: number[], i: number): number =>
        v.slice(i * n, i * n + n).indexOf(Math.max(...v.slice(i * n, i * n + n)))
      const right = (other: (i: number) => number): number[] => [
        total(range(m).map((i) => (best(p, i) === other(i) ? 1 : 0))) / m,
      ]
      close(
        run(losses, 'accuracy', dtype, [one, p, t], [m, n]).out[0],
        right((i) => t[i]),
        tolerance,
      )
      close(
        run(losses, 'accuracyDense', dtype, [one, p, dense], [m, n]).out[0],
        right((i) => best(dense, i)),
        tolerance,
      )
    })
    it('clips, reports bad labels, and has no mean of nothing', () => {
      close(
        run(losses, 'crossEntropy', dtype, [one, [0, 1], Uint8Array.of(0)], [1, 2]).out[0],
        [-Math.log(lo)],
        tolerance,
      )
      expect(run(losses, 'crossEntropyGrad', dtype, [empty(2), [1], [0, 1], Uint8Array.of(0)], [1, 2]).out[0]).toEqual([
        0, 0,
      ])
      expect(run(losses, 'binaryCrossEntropyGrad', dtype, [empty(2), [1], [0, 1], [1, 1]], [2]).out[0]).toEqual([0, 0])
      for (const [name, data] of [
        ['crossEntropy', [one]],
        ['crossEntropyGrad', [empty(4), one]],
        ['softmaxCrossEntropy', [one, empty(4)]],
        ['softmaxCrossEntropyGrad', [empty(4), one]],
      ] as const) {
        expect(run(losses, name, dtype, [...data, empty(4), Int32Array.of(1, -1)], [2, 2]).failed).toEqual([1, -1])
        expect(run(losses, name, dtype, [...data, empty(4), Int32Array.of(1, 2)], [2, 2]).failed).toEqual([1, 2])
      }
      expect(run(losses, 'accuracy', dtype, [one, [0, 1], Int32Array.of(9)], [1, 2]).out[0]).toEqual([0])
      for (const name of ['crossEntropy', 'accuracy'])
        expect(run(losses, name, dtype, [one, [], new Int32Array(0)], [0, 3]).out[0]).toEqual([NaN])
    })
  })

  describe('memory', () => {
    it('fills and copies, truncating and saturating', () => {
      const wild = [NaN, 3e9, -3e9, 2.9, -2.9, 300, -1]
      const copied = (y: Data): number[] => run(memory, 'copy', dtype, [y, wild], [wild.length]).out[0]
      expect(copied(new Int32Array(7))).toEqual([0, 2 ** 31 - 1, -(2 ** 31), 2, -2, 300, -1])
      expect(copied(new Uint8Array(7))).toEqual([0, 255, 0, 2, 0, 255, 0])
      expect(copied(empty(7))).toEqual(as(dtype, wild))
      expect(run(memory, 'copy', dtype, [new Uint8Array(2), Int32Array.of(-5, 256)], [2]).out[0]).toEqual([0, 255])
      expect(run(memory, 'copy', dtype, [empty(2), Int32Array.of(-5, 256)], [2]).out[0]).toEqual([-5, 256])
      expect(run(memory, 'fill', dtype, [new Uint8Array(2)], [2], [1e9]).out[0]).toEqual([255, 255])
      for (const n of SIZES)
        expect(run(memory, 'fill', dtype, [empty(n)], [n], [0.5]).out[0]).toEqual(new Array(n).fill(0.5))
    })
    it('advances with wrapping, and puts', () => {
      expect(run(memory, 'advance', dtype, [Int32Array.of(2 ** 31 - 1)], [2]).out[0]).toEqual([-(2 ** 31) + 1])
      const put = (at: number): ReturnType<typeof run> =>
        run(memory, 'put', dtype, [new Float64Array(3), [2.5], Int32Array.of(at)], [3])
      expect(put(2).out[0]).toEqual([0, 0, 2.5])
      expect([put(3).failed, put(-1).failed]).toEqual([
        [0, 3],
        [0, -1],
      ])
    })
  })

  describe('optimizers', () => {
    it.each(SIZES)('of %i parameters, three steps', (n) => {
      const rate = Float64Array.of(0.01)
      const g = input(n, 2)
      for (const name of ['sgd', 'momentum', 'nesterov', 'rmsprop', 'adam'])
        for (const decay of [0, 0.1]) {
          let [w, m, v] = [input(n), input(n, 3).map((x) => x / 10), share(n, 4)]
          for (let t = 1; t <= 3; t++) {
            const expected = w.map((w0, i) => {
              const x = w0 - 0.01 * decay * w0
              if (name === 'sgd') return x - 0.01 * g[i]
              const velocity = 0.9 * m[i] - 0.01 * g[i]
              if (name === 'momentum') return x + velocity
              if (name === 'nesterov') return x + 0.9 * velocity - 0.01 * g[i]
              if (name === 'rmsprop') return x - (0.01 * g[i]) / Math.sqrt(0.9 * v[i] + 0.1 * g[i] ** 2 + 1e-7)
              const [m1, v1] = [0.9 * m[i] + 0.1 * g[i], 0.999 * v[i] + 0.001 * g[i] ** 2]
              return x - ((0.01 * Math.sqrt(1 - 0.999 ** t)) / (1 - 0.9 ** t)) * (m1 / (Math.sqrt(v1) + 1e-7))
            })
            const f = (data: Data[], ints: number[], d: number[]): number[][] =>
              run(optimizers, name === 'nesterov' ? 'momentum' : name, dtype, data, [n, ...ints], [...d, decay]).out
            if (name === 'sgd') [w] = f([w, g, rate], [], [])
            else if (name === 'rmsprop') [w, , v] = f([w, g, v, rate], [], [0.9, 1e-7])
            else if (name === 'adam') [w, , m, v] = f([w, g, m, v, rate, Int32Array.of(t)], [], [0.9, 0.999, 1e-7])
            else [w, , m] = f([w, g, m, rate], [name === 'nesterov' ? 1 : 0], [0.9])
            close(w, expected, tolerance)
          }
        }
    })
    it('flushes state that would become denormal', () => {
      const tiny = dtype === 0 ? 1e-31 : 1e-291
      const adam = (g: number, m: number, v: number): number[][] => {
        const data = [[1], [g], [m], [v], Float64Array.of(0.01), Int32Array.of(1)]
        return run(optimizers, 'adam', dtype, data, [1], [0.9, 0.999, 1e-7, 0]).out.slice(0, 4)
      }
      expect(adam(tiny, tiny, 1)).toEqual([[1], as(dtype, [tiny]), [0], as(dtype, [0.999])])
      // What a square is beyond the limit, and the root of both.
      const [root, limit] = dtype === 0 ? [1e-18, 1e-36] : [1e-150, 1e-300]
      expect(adam(root, 0, 0)[3]).toEqual([0])
      expect(adam(100 * root, 0, 0)[3][0] / limit).toBeCloseTo(9, 5)
      expect(adam(100 * root, 0, 0)[0][0]).toBe(1)
      expect(adam(NaN, 0, 0)).toEqual([[NaN], [NaN], [NaN], [NaN]])
      expect(
        run(optimizers, 'momentum', dtype, [[1], [0], [tiny], Float64Array.of(1)], [1, 0], [0.9, 0]).out[2],
      ).toEqual([0])
      expect(run(optimizers, 'sgd', dtype, [[Infinity], [0], Float64Array.of(1)], [1], [0]).out[0]).toEqual([Infinity])
    })
  })
})

it('powers by squaring', () => {
  for (const t of [1, 2, 7, 100]) close([power(0.999, t)], [0.999 ** t], 1e-14)
})
