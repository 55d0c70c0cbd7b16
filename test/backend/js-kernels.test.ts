import { describe, expect, it } from 'vitest'
import { binary } from '../../src/backend/js/binary.js'
import { matmul } from '../../src/backend/js/matmul.js'
import { reduce } from '../../src/backend/js/reduce.js'
import { softmax } from '../../src/backend/js/softmax.js'
import { unary } from '../../src/backend/js/unary.js'
import { as, close, empty, MIXES, numbers, range, run, SIZES, TYPES, total } from './js-harness.js'

describe.each(TYPES)('js kernels, %s', (_name, _type, dtype, tolerance) => {
  const input = (n: number, seed = 1): number[] => as(dtype, numbers(n, seed))

  describe('matmul', () => {
    const shapes = [
      [1, 1, 1],
      [2, 3, 4],
      [3, 5, 7],
      [4, 4, 4],
      [5, 6, 0],
      [7, 9, 3],
      [17, 15, 33],
      [6, 50, 65],
      [33, 10, 257],
      [0, 3, 2],
      [9, 1, 16],
    ]
    const naive = (
      a: number[],
      b: number[],
      m: number,
      n: number,
      k: number,
      ta: number,
      tb: number,
      bias?: number[],
    ): number[] =>
      range(m * n).map((at) => {
        const i = Math.floor(at / n),
          j = at % n
        return (
          total(range(k).map((p) => a[ta ? p * m + i : i * k + p] * b[tb ? j * k + p : p * n + j])) +
          (bias ? bias[j] : 0)
        )
      })
    it.each(shapes)('is the product: %i x %i over %i', (m, n, k) => {
      const [a, b, bias] = [input(m * k), input(k * n, 2), input(n, 3)]
      for (const ta of [0, 1])
        for (const tb of [0, 1]) {
          close(
            run(matmul, 'matmul', dtype, [empty(m * n), a, b], [m, n, k, ta, tb]).out[0],
            naive(a, b, m, n, k, ta, tb),
            tolerance,
          )
        }
      close(
        run(matmul, 'affine', dtype, [empty(m * n), a, b, bias], [m, n, k]).out[0],
        naive(a, b, m, n, k, 0, 0, bias),
        tolerance,
      )
    })
    it('crosses its blocks rightly', () => {
      const [m, n, k] = [21, 13, 6000]
      const [a, b] = [input(m * k), input(k * n, 2)]
      for (const ta of [0, 1])
        for (const tb of [0, 1]) {
          close(
            run(matmul, 'matmul', dtype, [empty(m * n), a, b], [m, n, k, ta, tb]).out[0],
            naive(a, b, m, n, k, ta, tb),
            50 * tolerance,
          )
        }
    })
    it('multiplies few long rows', () => {
      const [n, k] = [37, 203]
      for (const m of [1, 2, 3]) {
        const [a, b] = [input(m * k), input(k * n, 2)]
        for (const [ta, tb] of [
          [0, 0],
          [0, 1],
          [1, 0],
          [1, 1],
        ])
          close(
            run(matmul, 'matmul', dtype, [empty(m * n), a, b], [m, n, k, ta, tb]).out[0],
            naive(a, b, m, n, k, ta, tb),
            50 * tolerance,
          )
      }
    })
    it('does not skip zeros', () => {
      for (const m of [1, 5]) {
        const { out } = run(matmul, 'matmul', dtype, [empty(m), new Array(m).fill(0), [Infinity]], [m, 1, 1, 0, 0])
        expect(out[0].every(Number.isNaN)).toBe(true)
      }
    })
    it.each(MIXES)('transposes %i x %i', (m, n) => {
      const x = input(m * n)
      const expected = range(m * n).map((at) => x[(at % m) * n + Math.floor(at / m)])
      expect(run(matmul, 'transpose', dtype, [empty(m * n), x], [m, n]).out[0]).toEqual(expected)
    })
  })

  describe('binary', () => {
    const ops: Record<string, (a: number, b: number) => number> = {
      add: (a, b) => a + b,
      subtract: (a, b) => a - b,
      multiply: (a, b) => a * b,
      divide: (a, b) => a / b,
      maximum: Math.max,
    }
    const cases: [number[], number, number][] = [
      ...SIZES.map((n): [number[], number, number] => [[1, 1, 1, 1, 1, n], 0, 0]),
      [[1, 1, 1, 1, 3, 5], 0, 16],
      [[1, 1, 1, 1, 3, 5], 32, 16],
      [[1, 1, 1, 1, 4, 7], 0, 63],
      [[2, 3, 1, 2, 3, 2], 9, 34],
      [[2, 1, 3, 2, 2, 3], 0b101010, 0b010101],
      [[3, 0, 2, 1, 1, 1], 1, 4],
    ]
    it.each(cases)('broadcasts %j with masks %i, %i', (d, ma, mb) => {
      const stridesOf = (mask: number): number[] => {
        let stride = 1
        const strides = [0, 0, 0, 0, 0, 0]
        for (let i = 5; i >= 0; i--) if (!((mask >> i) & 1)) [strides[i], stride] = [stride, stride * d[i]]
        return [...strides, stride]
      }
      const [sa, sb] = [stridesOf(ma), stridesOf(mb)]
      const [a, b] = [input(sa[6]), input(sb[6], 2)]
      const y = range(d.reduce((p, v) => p * v, 1))
      const at = (i: number, s: number[]): number => {
        let [rest, place] = [i, 0]
        for (let k = 5; k >= 0; k--) [place, rest] = [place + (rest % d[k]) * s[k], Math.floor(rest / d[k])]
        return place
      }
      for (const [name, f] of Object.entries(ops)) {
        const { out } = run(binary, name, dtype, [empty(y.length), a, b], [...d, ma, mb])
        close(
          out[0],
          y.map((i) => f(a[at(i, sa)], b[at(i, sb)])),
          tolerance,
        )
      }
    })
    it('where takes any condition but 0 for true, NaN and all', () => {
      const { out } = run(binary, 'where', dtype, [empty(4), [1, 0, -0, NaN], [1, 2, 3, -0], [5, 6, -0, 8]], [4])
      expect(out[0]).toEqual([1, 6, -0, -0])
    })
    it('maximum hands on NaN; its derivative shares ties', () => {
      const { out } = run(binary, 'maximum', dtype, [empty(3), [NaN, 1, 2], [1, NaN, 3]], [1, 1, 1, 1, 1, 3, 0, 0])
      expect(out[0]).toEqual([NaN, NaN, 3])
      const grad = run(binary, 'maximumGrad', dtype, [empty(3), [4, 4, 4], [1, 2, 3], [2, 2, 2]], [3])
      expect(grad.out[0]).toEqual([0, 2, 4])
    })
  })

  describe('unary', () => {
    const ops: Record<string, (x: number) => number> = {
      negate: (x) => -x,
      exp: Math.exp,
      log: Math.log,
      sqrt: Math.sqrt,
      square: (x) => x * x,
      abs: Math.abs,
      sigmoid: (x) => 1 / (1 + Math.exp(-x)),
      tanh: Math.tanh,
      relu: (x) => (x > 0 ? x : Number.isNaN(x) ? x : 0),
    }
    it.each(Object.entries(ops))('%s', (name, f) => {
      for (const n of SIZES) {
        const x = [...input(n).slice(0, Math.max(0, n - 3)), ...[0, NaN, Infinity].slice(0, n)]
        close(run(unary, name, dtype, [empty(n), x], [n]).out[0], x.map(f), tolerance)
        close(run(unary, name, dtype, [x, x], [n], [], 1).out[0], x.map(f), tolerance)
      }
    })
    const [p, q] = as(dtype, [0.3, -0.7])
    const withParameters: Record<string, (x: number) => number> = {
      leakyRelu: (x) => (x < 0 ? p * x : x),
      clip: (x) => Math.min(p, Math.max(q, x)),
      scale: (x) => x * p + q,
    }
    it.each(Object.entries(withParameters))('%s', (name, f) => {
      const d = name === 'clip' ? [-0.7, 0.3] : name === 'scale' ? [0.3, -0.7] : [0.3]
      for (const n of SIZES)
        close(run(unary, name, dtype, [empty(n), input(n)], [n], d).out[0], input(n).map(f), tolerance)
    })
    const grads: Record<string, [(dy: number, v: number) => number, number[]?]> = {
      sigmoidGrad: [(dy, y) => dy * y * (1 - y)],
      tanhGrad: [(dy, y) => dy * (1 - y * y)],
      reluGrad: [(dy, y) => (y > 0 ? dy : 0)],
      absGrad: [(dy, x) => dy * Math.sign(x)],
      sqrtGrad: [(dy, y) => dy / (2 * y)],
      leakyReluGrad: [(dy, x) => (x > 0 ? dy : p * dy), [0.3]],
      clipGrad: [(dy, x) => (x >= q && x <= p ? dy : 0), [-0.7, 0.3]],
    }
    it.each(Object.entries(grads))('%s', (name, [f, d]) => {
      for (const n of SIZES) {
        const [dy, v] = [input(n, 5), input(n).map((x, i) => (i === 0 && name !== 'sqrtGrad' ? 0 : x))]
        const expected = dy.map((g, i) => f(g, v[i]))
        for (const inPlace of [-1, 1, 2]) {
          close(run(unary, name, dtype, [empty(n), dy, v], [n], d, inPlace).out[0], expected, tolerance)
        }
      }
    })
  })

  describe('softmax', () => {
    const rows = (x: number[], m: number, n: number): number[][] => range(m).map((i) => x.slice(i * n, (i + 1) * n))
    const soft = (r: number[]): number[] => r.map((v) => Math.exp(v) / total(r.map(Math.exp)))
    it.each(MIXES)('of %i rows of %i, and derivatives', (m, n) => {
      const [x, dy] = [input(m * n), input(m * n, 4)]
      const p = rows(x, m, n).flatMap(soft)
      close(run(softmax, 'softmax', dtype, [empty(m * n), x], [m, n]).out[0], p, tolerance)
      close(run(softmax, 'softmax', dtype, [x, x], [m, n], [], 1).out[0], p, tolerance)
      close(run(softmax, 'logSoftmax', dtype, [empty(m * n), x], [m, n]).out[0], p.map(Math.log), tolerance)
      const g = rows(dy, m, n)
      const expected = rows(p, m, n).flatMap((r, i) =>
        r.map((v, j) => v * (g[i][j] - total(r.map((w, k) => w * g[i][k])))),
      )
      close(run(softmax, 'softmaxGrad', dtype, [empty(m * n), dy, p], [m, n]).out[0], expected, tolerance)
      const log = rows(p, m, n).flatMap((r, i) => r.map((v, j) => g[i][j] - v * total(g[i])))
      close(
        run(softmax, 'logSoftmaxGrad', dtype, [empty(m * n), dy, p.map(Math.log)], [m, n]).out[0],
        log,
        10 * tolerance,
      )
    })
    it('is stable, and hands on NaN', () => {
      close(run(softmax, 'softmax', dtype, [empty(2), [1000, 1000]], [1, 2]).out[0], [0.5, 0.5], 0)
      expect(run(softmax, 'softmax', dtype, [empty(2), [NaN, 0]], [1, 2]).out[0]).toEqual([NaN, NaN])
    })
  })

  describe('reduce', () => {
    const shapes = [
      ...SIZES.map((b) => [1, b, 1]),
      [3, 17, 1],
      [1, 33, 15],
      [2, 3, 4],
      [5, 65, 2],
      [0, 3, 2],
      [2, 3, 0],
      [2, 9000, 1],
      [1, 257, 3],
    ]
    it.each(shapes)('%i x %i x %i', (a, b, c) => {
      const x = input(a * b * c).map((v) => Math.round(v * 4) / 4)
      const lines = range(a * c).map((o) => range(b).map((j) => x[(Math.floor(o / c) * b + j) * c + (o % c)]))
      close(run(reduce, 'sum', dtype, [empty(a * c), x], [a, b, c]).out[0], lines.map(total), tolerance)
      close(
        run(reduce, 'mean', dtype, [empty(a * c), x], [a, b, c]).out[0],
        lines.map((l) => total(l) / b),
        tolerance,
      )
      const y = input(a * c, 9)
      const back = (f: (o: number, j: number) => number): number[] =>
        range(a * b * c).map((at) => f(Math.floor(at / (b * c)) * c + (at % c), Math.floor(at / c) % b))
      close(
        run(reduce, 'expand', dtype, [empty(x.length), y], [a, b, c], [0.5]).out[0],
        back((o) => y[o] / 2),
        tolerance,
      )
      if (b === 0) return
      const max = lines.map((l) => Math.max(...l))
      expect(run(reduce, 'max', dtype, [empty(a * c), x], [a, b, c]).out[0]).toEqual(max)
      expect(run(reduce, 'argmax', dtype, [new Int32Array(a * c), x], [a, b, c]).out[0]).toEqual(
        lines.map((l, o) => l.indexOf(max[o])),
      )
      const shares = back((o, j) => (lines[o][j] === max[o] ? y[o] / lines[o].filter((v) => v === max[o]).length : 0))
      close(run(reduce, 'maxGrad', dtype, [empty(x.length), y, x, max], [a, b, c]).out[0], shares, tolerance)
    })
    it('hands on NaN, and argmax finds the first', () => {
      const x = [1, NaN, 5, NaN]
      expect(run(reduce, 'max', dtype, [empty(1), x], [1, 4, 1]).out[0]).toEqual([NaN])
      expect(run(reduce, 'argmax', dtype, [new Int32Array(1), x], [1, 4, 1]).out[0]).toEqual([1])
      expect(run(reduce, 'argmax', dtype, [new Int32Array(1), [NaN, 9]], [1, 2, 1]).out[0]).toEqual([0])
    })
  })
})
