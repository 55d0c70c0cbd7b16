import { describe, expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { copy } from '../src/ops/memory.js'
import { addonOf, hash, isasHere, within } from './isas.js'

// An optimizer begins before all threads are done with the product that makes its gradient (native/sharing.cpp, joinJobs): the bits of
// one thread, wherever ranges of rows of the product and of numbers of the optimizer end, and whoever comes late.

const ISAS = isasHere()
const OPTIMIZERS = {
  sgd: () => new lw.SGD({ learningRate: 0.1 }),
  momentum: () => new lw.SGD({ learningRate: 0.1, momentum: 0.9, weightDecay: 0.01 }),
  rmsprop: () => new lw.RMSProp(),
  adam: () => new lw.Adam(),
}

interface Net {
  /** Inputs, and outputs of the first layer. */
  n: number
  k: number
  batch: number
  dtype?: lw.FloatDType
  /** Whether a layer comes first, so that the gradient is a plain product. */
  plain?: boolean
}
const NETS: Net[] = [
  { n: 785, k: 50, batch: 32 },
  { n: 3000, k: 3, batch: 61 },
  { n: 1999, k: 17, batch: 64 },
  { n: 701, k: 64, batch: 20, dtype: 'float64' },
  { n: 611, k: 100, batch: 40, plain: true },
  { n: 4001, k: 7, batch: 128, plain: true },
  { n: 784, k: 54, batch: 100 },
  { n: 784, k: 22, batch: 20 },
]

function train(net: Net, optimizer: keyof typeof OPTIMIZERS, isa: string, threads: number): Promise<string> {
  return within(addonOf(isa, threads), async () => {
    const { n, k, batch, dtype = 'float32', plain = false } = net
    const x = lw.tensor(
      Uint8Array.from({ length: 3 * batch * n }, (_, i) => (i * 31 + (i >> 7)) & 255),
      { shape: [3 * batch, n], divisor: 255 },
    )
    const y = Int32Array.from({ length: 3 * batch }, (_, i) => i % 3)
    const layers = [
      ...(plain ? [new lw.Tanh()] : []),
      new lw.Affine(k),
      new lw.Sigmoid(),
      new lw.Affine(3),
      new lw.Softmax(),
    ]
    const model = new lw.Sequential({ input: [n], layers, seed: 3, dtype })
    model.compile({ loss: 'sparseCategoricalCrossentropy', optimizer: OPTIMIZERS[optimizer]() })
    await model.fit({ x, y }, { epochs: 4, batchSize: batch })
    return hash(model.store.values)
  })
}

describe.skipIf(ISAS.length === 0)('the gradient and the optimizer, by several threads', () => {
  for (const isa of ISAS.filter((name) => name !== 'scalar')) {
    for (const optimizer of Object.keys(OPTIMIZERS) as (keyof typeof OPTIMIZERS)[]) {
      it.each(NETS)(`${isa}, ${optimizer}: %j`, async (net) => {
        const expected = await train(net, optimizer, isa, 1)
        for (const threads of [2, 3, 8])
          expect(await train(net, optimizer, isa, threads), `${threads} threads`).toBe(expected)
      })
    }
  }
})

const BEST = isasHere().at(-1) as string
const few = (shape: number[], seed: number) => lw.normal(lw.randomState(seed), shape, 0, 0.1)

/** The hash of what 60 steps of Adam leave, on a tape of their own, by a number of threads. */
function trained(
  threads: number,
  shapes: number[][],
  loss: (parameters: lw.Tensor[]) => lw.Tensor,
  between?: (gradients: lw.Tensor) => void,
): string {
  return within(addonOf(BEST, threads), () => {
    class Net extends lw.Module {
      override build(input: readonly number[]) {
        for (const [i, shape] of shapes.entries()) this.parameter(`p${i}`, shape, 'glorotUniform')
        return input
      }
      forward(x: lw.Tensor) {
        return x
      }
    }
    const store = lw.build(new Net(), [1], { seed: 1 })
    const adam = new lw.Adam({ learningRate: 0.01 })
    const tape = lw.record(() => {
      lw.backward(loss(store.parameters.map((p) => p.value)))
      between?.(store.gradients)
      adam.step(store)
    })
    tape.replay(60)
    return hash(store.values)
  })
}
describe.skipIf(ISAS.length === 0)('a gradient and its optimizer are two jobs', () => {
  it('where the gradient is clipped in between', () => {
    const [x, dy] = [few([128, 600], 1), few([128, 40], 2)]
    const loss = ([w, b]: lw.Tensor[]) => lw.sum(lw.multiply(lw.affine(x, w, b), dy))
    const run = (threads: number) => trained(threads, [[600, 40], [40]], loss, (g) => lw.clip(g, -0.01, 0.01, g))
    for (const threads of [2, 3]) expect(run(threads)).toBe(run(1))
  })
  it('where what the product read is changed in between', () => {
    const run = (threads: number) => {
      const [x, dy] = [few([128, 600], 1), few([128, 40], 2)]
      return trained(
        threads,
        [[600, 40], [40]],
        ([w, b]) => lw.sum(lw.multiply(lw.affine(x, w, b), dy)),
        () => lw.scale(x.slice(0, 32), 0.9, 0, x.slice(0, 32)),
      )
    }
    for (const threads of [2, 3]) expect(run(threads)).toBe(run(1))
  })
  it('where the gradient is read in between', () => {
    const run = (threads: number) => {
      const [x, dy, log] = [few([128, 600], 1), few([128, 40], 2), lw.zeros([])]
      trained(
        threads,
        [[600, 40], [40]],
        ([w, b]) => lw.sum(lw.multiply(lw.square(lw.affine(x, w, b)), dy)),
        (g) => copy(lw.sum(g), log),
      )
      return log.item()
    }
    for (const threads of [2, 3]) expect(run(threads)).toBe(run(1))
  })
  it('where the optimizer writes what the product reads', () => {
    const target = few([8, 100], 3)
    const run = (threads: number) =>
      trained(
        threads,
        [
          [8, 3000],
          [3000, 100],
        ],
        ([u, v]) => lw.meanSquaredError(lw.matmul(u, v), target),
      )
    for (const threads of [2, 3, 8]) expect(run(threads)).toBe(run(1))
  })
})
