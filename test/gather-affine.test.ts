import { describe, expect, it } from 'vitest'
import { activeBackend } from '../src/backend/active.js'
import type { Backend } from '../src/backend/backend.js'
import { JsBackend } from '../src/backend/js/index.js'
import * as lw from '../src/index.js'
import { gatherAffine } from '../src/ops/gather-affine.js'
import { addonOf, hash, isasHere, within } from './isas.js'

// Rows gathered by those who multiply them, wherever they are cut: the bits of gatherRows and affine; and fit() uses it where it pays.

const ISAS = isasHere()
const BEST = ISAS[ISAS.length - 1]
// Scalar products are slow, and test/parity compares them.
const CONFIGURATIONS: [isa: string, threads: number][] = [
  ...ISAS.filter((isa) => isa !== 'scalar').map((isa): [string, number] => [isa, 2]),
  [BEST, 3],
  [BEST, 8],
]

interface Sizes {
  m: number
  n: number
  k: number
  dtype?: lw.FloatDType
}
function operands({ m, n, k, dtype = 'float32' }: Sizes) {
  const random = lw.randomState(m * n + k)
  const source = lw.tensor(
    Uint8Array.from({ length: 499 * n }, (_, i) => (i * 7 + (i >> 8)) & 255),
    { shape: [499, n], divisor: 255 },
  )
  const indices = lw.tensor(Int32Array.from({ length: 499 }, (_, i) => (i * 37) % 499))
  const cursor = lw.tensor(Int32Array.of(5))
  const [w, b, dy] = [[n, k], [k], [m, k]].map((shape) => lw.cast(lw.normal(random, shape), dtype))
  for (const parameter of [w, b]) parameter.requiresGrad = true
  return { source, indices, w, b, dy, options: { cursor, count: m, dtype } }
}

/** The hash of y, dw and db. */
function results(y: lw.Tensor, { w, b, dy }: ReturnType<typeof operands>): string {
  lw.backward(lw.sum(lw.multiply(y, dy)))
  return hash(y, w.grad as lw.Tensor, b.grad as lw.Tensor)
}

const SIZES: Sizes[] = [
  { m: 32, n: 784, k: 50 },
  { m: 64, n: 785, k: 50 },
  { m: 64, n: 785, k: 60 },
  { m: 31, n: 1101, k: 33 },
  { m: 13, n: 3000, k: 64 },
  { m: 7, n: 5000, k: 3 },
  { m: 32, n: 784, k: 50, dtype: 'float64' },
  { m: 256, n: 801, k: 20 },
  { m: 100, n: 1030, k: 64, dtype: 'float64' },
  { m: 129, n: 784, k: 50 },
  { m: 457, n: 790, k: 50 },
  { m: 480, n: 300, k: 30, dtype: 'float64' },
]

/** gatherAffine, and where its panels end. */
function gathered({ source, indices, options: { cursor, count }, w, b }: ReturnType<typeof operands>) {
  const real = activeBackend()
  let ends: number[] = []
  const spy: Backend = {
    bind: (...args) => real.bind(...args),
    info: () => real.info(),
    execute: (op, dtype, list, ints, doubles) => {
      real.execute(op, dtype, list, ints, doubles)
      const [panels, m, n] = [ints[5], ints[0], ints[1]]
      if (op.name === 'gatherAffine') {
        const { storage, offset } = list[4]
        const notes = storage.array.subarray(
          offset + 3 * panels * m * n - 2 * (panels - 1),
          offset + 3 * panels * m * n,
        )
        ends = Array.from(notes).filter((_, i) => i % 2 === 0)
      }
    },
  }
  const y = within(spy, () => gatherAffine(source, indices, { cursor, count }, w, b))
  return { y, ends }
}

describe.skipIf(ISAS.length === 0)('gatherAffine', () => {
  let cut = 0
  it.each(SIZES)('has the bits of gatherRows and affine: %j', (sizes) => {
    const made = operands(sizes)
    const { source, indices, w, b, options } = made
    const apart = () => results(lw.affine(lw.gatherRows(source, indices, options), w, b), made)
    const expected = within(addonOf(BEST, 1), apart)
    expect(within(addonOf(BEST, 1), () => gathered(made).y)).toBeUndefined()
    for (const [isa, threads] of CONFIGURATIONS) {
      const { y, ends } = within(addonOf(isa, threads), () => gathered(made))
      if (y === undefined) throw new Error('not gathered')
      expect(ends.length).toBe(threads - 1)
      if (ends[0] < sizes.n) cut++
      // The gradient by the threads that cut the panels, by one, and by others.
      for (const readers of [threads, 1, 5])
        expect(
          within(addonOf(isa, readers), () => results(y, made)),
          `${isa}, ${threads} threads, ${readers} for the gradient`,
        ).toBe(expected)
    }
  })

  it('was cut for several threads where legs pay', () => {
    if (BEST === 'avx512') expect(cut).toBeGreaterThan(5)
  })

  it('has a gradient that JavaScript reads', () => {
    const made = operands(SIZES[1])
    const { source, indices, w, b, dy, options } = made
    results(lw.affine(lw.gatherRows(source, indices, options), w, b), made)
    const expected = Array.from((w.grad as lw.Tensor).data)
    const { y } = within(addonOf(BEST, 3), () => gathered(made))
    within(new JsBackend('panels'), () => lw.backward(lw.sum(lw.multiply(y as lw.Tensor, dy))))
    const { data } = w.grad as lw.Tensor
    for (const [i, v] of expected.entries()) expect(Math.abs(data[i] - v)).toBeLessThan(1e-4)
  })

  it('does nothing for no outputs, whoever computes', () => {
    const made = operands({ m: 64, n: 600, k: 0 })
    made.indices.data.fill(499) // bad rows, which nobody looks at
    for (const [isa, threads] of CONFIGURATIONS)
      expect(within(addonOf(isa, threads), () => gathered(made).y?.shape)).toEqual([64, 0])
  })

  it('names the index that is wrong', () => {
    const made = operands(SIZES[0])
    const run = () => within(addonOf(BEST, 2), () => gathered(made))
    made.indices.data[8] = 499
    expect(run).toThrow(lw.IndexError)
    expect(run).toThrow('gatherAffine: expected idx[3] from 0 to 498, received 499')
    made.options.cursor.set([468])
    expect(run).toThrow('the cursor from 0 to 467')
  })
})

class Doubled extends lw.Affine {
  override forward(x: lw.Tensor): lw.Tensor {
    return lw.multiply(super.forward(x), 2)
  }
}

const FIRST: Record<string, () => lw.Module[]> = {
  affine: () => [new lw.Affine(20)],
  flatten: () => [new lw.Flatten(), new lw.Affine(20)],
  'a subclass': () => [new Doubled(20)],
  'another layer': () => [new lw.Tanh(), new lw.Affine(20)],
  'affine over the last dimension': () => [new lw.Affine(5), new lw.Flatten()],
}

describe.skipIf(ISAS.length === 0)('fit with two threads and with one', () => {
  /** A training, and the names of the commands it ran. */
  async function train(layers: lw.Module[], input: number[], threads: number, bytesOfX: boolean) {
    const real = addonOf(BEST, threads)
    const ops: number[] = []
    const spy: Backend = {
      execute: (...args) => real.execute(...args),
      bind: (words, arrays) => {
        ops.push(...words)
        return real.bind(words, arrays)
      },
      info: () => real.info(),
    }
    return within(spy, async () => {
      const n = input.reduce((a, b) => a * b)
      const values = Array.from({ length: 150 * n }, (_, i) => (i * 31 + (i >> 7)) % 255)
      const x = lw.tensor(bytesOfX ? Uint8Array.from(values) : Float32Array.from(values, (v) => v / 255), {
        shape: [150, ...input],
        ...(bytesOfX ? { divisor: 255 } : {}),
      })
      const y = Int32Array.from({ length: 150 }, (_, i) => i % 3)
      const model = new lw.Sequential({ input, layers: [...layers, new lw.Affine(3), new lw.Softmax()], seed: 3 })
      model.compile({ loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
      await model.fit({ x, y }, { epochs: 2, validation: 0.2 })
      return { weights: hash(model.store.values), threads: real.info().threads, ops }
    })
  }

  it.each(Object.keys(FIRST))('has the same bits: %s', async (name) => {
    for (const bytesOfX of [true, false]) {
      const input = name === 'affine' || name === 'a subclass' || name === 'another layer' ? [300] : [20, 15]
      const one = await train(FIRST[name](), input, 1, bytesOfX)
      const two = await train(FIRST[name](), input, 2, bytesOfX)
      expect(two.threads).toBe(2)
      expect(two.weights).toBe(one.weights)
      expect(two.ops.length === one.ops.length).toBe(name !== 'affine' && name !== 'flatten')
    }
  })
})
