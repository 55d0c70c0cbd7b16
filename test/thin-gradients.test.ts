// The gradient of a sum or mean is the same along the axes that it ran over, and stays of size 1 there ("thin") on the way through ops that can
// take it so. The whole one must give the same bits: it is what ops get that take no thin one, as reshape.
import { expect, it } from 'vitest'
import {
  add,
  backward,
  divide,
  exp,
  log,
  mean,
  multiply,
  negate,
  reshape,
  scale,
  square,
  subtract,
  sum,
  type Tensor,
  tensor,
} from '../src/index.js'
import { eachBackend } from './backends.js'

const SHAPES = [[], [1], [5], [1, 1], [3, 4], [3, 1], [1, 4], [2, 3, 4], [2, 1, 4], [0, 3]]
const MAPS: Record<string, (x: Tensor) => Tensor> = {
  itself: (x) => x,
  square,
  scale: (x) => scale(x, 3, 1),
  negate,
  exp,
  log,
  more: (x) => add(x, 2),
  less: (x) => subtract(1, x),
  times: (x) => multiply(x, x),
  over: (x) => divide(1, x),
  twice: (x) => add(x, x),
}
const rows = (x: Tensor, reduce: (x: Tensor) => Tensor) => (x.rank > 1 ? reduce(x) : x)
const LOSSES: Record<string, (x: Tensor) => Tensor> = {
  sum: (x) => sum(x),
  mean: (x) => mean(x),
  rows: (x) => sum(rows(x, (r) => sum(r, 1))),
  columns: (x) => mean(rows(x, (r) => mean(r, 0))),
  variance: (x) => sum(square(rows(x, (r) => subtract(r, mean(r, 1, { keepDims: true }))))),
  apart: (x) => sum(square(x.rank > 2 ? mean(x, [0, 2]) : x)),
  outer: (x) => sum(rows(x, (r) => multiply(mean(r, 0, { keepDims: true }), sum(r, -1, { keepDims: true })))),
}

const thinAndWhole = [(x: Tensor) => x, (x: Tensor) => reshape(x, [...x.shape])]

function leaf(shape: readonly number[]): Tensor {
  const values = Float64Array.from(
    { length: shape.reduce((a, b) => a * b, 1) },
    (_, i) => 0.3 + ((i * 7919) % 97) / 100,
  )
  return tensor(values, { shape, dtype: 'float64', requiresGrad: true })
}
function gradient(x: Tensor): [readonly number[] | undefined, unknown] {
  return [x.grad?.shape, x.grad?.toTypedArray()]
}

eachBackend(() => {
  it.each(Object.keys(LOSSES))('%s of maps', (loss) => {
    for (const shape of SHAPES)
      for (const first of Object.values(MAPS))
        for (const [name, second] of Object.entries(MAPS)) {
          const [thin, whole] = thinAndWhole.map((middle) => {
            const x = leaf(shape)
            backward(LOSSES[loss](middle(second(first(x)))))
            return gradient(x)
          })
          expect(thin, `${name} of ${shape}`).toEqual(whole)
          expect(thin[0]).toEqual(shape)
        }
  })

  it.each(Object.entries({ add, subtract, multiply, divide }))('of operands that broadcast: %s', (_, op) => {
    for (const a of SHAPES)
      for (const b of SHAPES) {
        if (!a.every((d, i) => d === 1 || [d, 1].includes(b[i - a.length + b.length] ?? 1))) continue
        for (const loss of ['sum', 'mean']) {
          const [thin, whole] = thinAndWhole.map((middle) => {
            const [x, y] = [leaf(a), leaf(b)]
            backward(LOSSES[loss](middle(op(x, y))))
            return [...gradient(x), ...gradient(y)]
          })
          expect(thin, `${loss} of ${a} and ${b}`).toEqual(whole)
          expect([thin[0], thin[2]]).toEqual([a, b])
        }
      }
  })
})
