import { describe, expect, it } from 'vitest'
import { activeBackend, setActiveBackend } from '../src/backend/active.js'
import type { Backend } from '../src/backend/backend.js'
import type { Tensor } from '../src/index.js'
import * as lw from '../src/index.js'
import * as ops from '../src/ops/index.js'
import { opTable } from '../src/ops/op.js'
import { eachBackend } from './backends.js'
import { type Input, LOSSES, MODULES, OPS, WITHOUT } from './gradient-cases.js'

// Every derivative against central differences in float64.
const STEP = 1e-5
const TOLERANCE = 1e-7

const make = (i: Input) => lw.tensor(i.values, { shape: i.shape, dtype: 'float64', requiresGrad: true })
/** Fixed weights, so that no symmetry of a plain sum hides an error. */
const weight = (i: number) => Math.sin(1.3 * i + 0.7)

/** Σ weight·f() as a number. */
function value(f: () => Tensor): number {
  return lw.noGrad(() => Array.from(f().data).reduce((s, v, i) => s + weight(i) * v, 0))
}

function analytic(f: () => Tensor): void {
  const y = f()
  const w = lw.tensor(Float64Array.from({ length: y.size }, (_, i) => weight(i)))
  lw.backward(lw.sum(lw.multiply(lw.reshape(y, [y.size]), w)))
}

function checkGradients(f: () => Tensor, leaves: readonly Tensor[]): void {
  for (const x of leaves) x.grad?.data.fill(99)
  analytic(f)
  for (const [which, x] of leaves.entries()) {
    const { data } = x
    const got = Array.from((x.grad as Tensor).data)
    expect(x.grad?.shape).toEqual(x.shape)
    for (let i = 0; i < x.size; i++) {
      const at = data[i]
      data[i] = at + STEP
      const above = value(f)
      data[i] = at - STEP
      const below = value(f)
      data[i] = at
      const expected = (above - below) / (2 * STEP)
      if (!(Math.abs(got[i] - expected) <= TOLERANCE * Math.max(1, Math.abs(expected))))
        throw new Error(`input ${which} [${x.shape}], element ${i}: numerically ${expected}, backward ${got[i]}`)
    }
  }
}

/** What ran while the tests below did: every derivative's own command must be among it. */
const executed = new Set<string>()
function watch(): void {
  const real = activeBackend()
  const spy: Backend = {
    execute(op, ...rest) {
      executed.add(op.name)
      real.execute(op, ...rest)
    },
    bind: (words, arrays) => real.bind(words, arrays),
    info: () => real.info(),
  }
  setActiveBackend(spy)
}

eachBackend(() => {
  it.each(Object.keys(OPS))('op %s', (name) => {
    watch()
    for (const { f, inputs } of OPS[name]()) {
      const tensors = inputs.map(make)
      // copy through float32 rounds: coarse steps would be needed, so its gradient is looked at directly.
      if (name === 'copy' && inputs[0].values.length === 3) {
        analytic(() => f(...tensors))
        for (const [i, v] of (tensors[0].grad as Tensor).data.entries()) expect(v).toBeCloseTo(weight(i), 6)
      } else checkGradients(() => f(...tensors), tensors)
    }
  })

  it.each(Object.keys(MODULES))('module %s', (name) => {
    for (const { module, input, per } of MODULES[name]()) {
      const store =
        module instanceof lw.Sequential ? module.store : lw.build(module, per, { dtype: 'float64', seed: 5 })
      const x = make(input)
      checkGradients(() => module.forward(x), [x, ...store.parameters.filter((p) => p.trained).map((p) => p.value)])
    }
  })

  it.each(Object.keys(LOSSES))('loss %s', (name) => {
    const loss = lw.losses[name as 'categoricalCrossentropy']
    const { p: input, t } = LOSSES[name]()
    const p = make(input)
    checkGradients(() => loss.call(p, t), [p])
    const { fused } = loss
    if (fused) {
      const x = make({ shape: input.shape, values: input.values.map((v) => 4 * v - 2) })
      checkGradients(() => fused.call(x, t).loss, [x])
      const [whole, together] = lw.noGrad(() => [loss.call(new fused.layer().forward(x), t), fused.call(x, t).loss])
      expect(together.item()).toBeCloseTo(whole.item(), 10)
    }
  })

  it('sums the gradients of a tensor used many times', () => {
    const x = make({ shape: [2, 3], values: [0.1, -0.2, 0.3, 0.4, -0.5, 0.6] })
    const f = () => {
      const y = lw.exp(x)
      const z = lw.multiply(lw.add(x, y), lw.reshape(lw.matmul(y, x, { transposeB: true }), [4]).slice(1, 2))
      return lw.add(lw.add(z, lw.multiply(x, x)), lw.add(y, y))
    }
    checkGradients(f, [x])
    checkGradients(f, [x]) // again: replaced, not added to
  })

  it('adds up rows that were chosen often in the wider dtype', () => {
    const weights = [1e8, 1, 1, 1]
    for (const [source, dtype, sum] of [
      ['float64', 'float32', 100000003],
      ['float32', 'float64', Math.fround(100000003)],
    ] as const) {
      const table = lw.tensor([[0], [0]], { dtype: source, requiresGrad: true })
      const rows = lw.gatherRows(table, lw.tensor(Int32Array.of(0, 0, 0, 0)), { dtype })
      lw.backward(
        lw.sum(
          lw.multiply(
            rows,
            lw.tensor(
              weights.map((w) => [w]),
              { dtype },
            ),
          ),
        ),
      )
      expect(table.grad?.dtype).toBe(source)
      expect(table.grad?.toArray()).toEqual([[sum], [0]])
    }
  })

  it('takes views as leaves and leaves the rest of the memory alone', () => {
    const base = lw.tensor([1, 2, 3, 4, 5, 6], { dtype: 'float64', shape: [3, 2] })
    const gradients = lw.zeros([3, 2], { dtype: 'float64' })
    const x = lw.reshape(lw.slice(base, 1, 3), [4])
    x.requiresGrad = true
    x.grad = lw.reshape(lw.slice(gradients, 1, 3), [4])
    checkGradients(() => lw.multiply(lw.square(x), lw.slice(x, 1, 2)), [x])
    expect(Array.from(gradients.data.subarray(0, 2))).toEqual([0, 0])
  })

  it('gives a leaf whose requiresGrad was set by hand a gradient', () => {
    const x = lw.tensor([1, 2, 3], { dtype: 'float64' })
    x.requiresGrad = true
    lw.backward(lw.sum(lw.square(x)))
    expect(x.grad?.toArray()).toEqual([2, 4, 6])
  })

  it('derives the corners as documented', () => {
    const grad = (f: (x: Tensor) => Tensor, values: number[]) => {
      const x = make({ shape: [values.length], values })
      lw.backward(lw.sum(f(x)))
      return x.grad?.toArray()
    }
    expect(grad(lw.relu, [-1, 0, 1])).toEqual([0, 0, 1])
    expect(grad(lw.abs, [-1, 0, 1])).toEqual([-1, 0, 1])
    expect(grad((x) => lw.leakyRelu(x, 0.5), [-1, 0, 1])).toEqual([0.5, 0.5, 1])
    expect(grad((x) => lw.clip(x, 0, 1), [-1, 0, 0.5, 1, 2])).toEqual([0, 1, 1, 1, 0])
    expect(grad((x) => lw.maximum(x, 0), [-1, 0, 1])).toEqual([0, 0.5, 1])
    expect(grad((x) => lw.where(lw.greater(x, 0), lw.scale(x, 3), lw.square(x)), [-1, 0, 1])).toEqual([-2, 0, 3])
    expect(grad((x) => lw.minimum(x, 0), [-1, 0, 1])).toEqual([1, 0.5, 0])
    expect(grad((x) => lw.max(x), [1, 3, 3, 2])).toEqual([0, 0.5, 0.5, 0])
    expect(grad((x) => lw.maximum(x, x), [1, 2])).toEqual([1, 1])
  })

  it('follows the targets of a squared error; cross-entropies refuse what they would have to follow', () => {
    const [p, t] = [make({ shape: [3], values: [0.5, 0.2, 0.9] }), make({ shape: [3], values: [0, 0.1, 1] })]
    checkGradients(() => lw.meanSquaredError(lw.exp(p), lw.multiply(t, p)), [p, t])
    const row = (x: Tensor) => x.reshape([1, 3])
    for (const [name, f] of [
      ['binaryCrossEntropy', () => lw.binaryCrossEntropy(p, t)],
      ['binaryCrossEntropyFromLogits', () => lw.binaryCrossEntropyFromLogits(p, lw.square(t))],
      ['crossEntropy', () => lw.crossEntropy(row(p), row(t))],
      ['softmaxCrossEntropy', () => lw.softmaxCrossEntropy(row(p), row(t)).loss],
    ] as const) {
      expect(f).toThrow(`${name}: expected targets without history (computed within noGrad)`)
      expect(() => lw.noGrad(f)).not.toThrow()
    }
    expect(lw.accuracy(row(p), row(t)).item()).toBe(1)
  })

  it('does not follow untracked inputs, or anything within noGrad', () => {
    const p = make({ shape: [3], values: [1, 2, 3] })
    expect(lw.noGrad(() => lw.exp(p)).node).toBeUndefined()
    expect(lw.exp(lw.tensor([1])).node).toBeUndefined()
  })

  it('refuses to overwrite an input that a gradient is wanted of', () => {
    const x = make({ shape: [3], values: [1, 2, 3] })
    expect(() => lw.exp(x, x)).toThrow(lw.StateError)
    expect(() => lw.subtract(x, lw.multiply(x, 0.1), x)).toThrow(/noGrad/)
    lw.noGrad(() => lw.subtract(x, x, x))
    expect(x.toArray()).toEqual([0, 0, 0])
    const y = lw.square(lw.tensor([1, 2, 3], { dtype: 'float64' }))
    expect(() => lw.exp(y, y)).not.toThrow()
  })
})

describe('completeness', () => {
  it('has a case for every exported op, or says that it has no derivative', () => {
    const exported = Object.entries(ops).filter(([, f]) => typeof f === 'function' && !/^class/.test(String(f)))
    const where = 'each exported op in OPS or WITHOUT of test/gradient-cases.ts'
    expect([...Object.keys(OPS), ...WITHOUT].sort(), where).toEqual(exported.map(([name]) => name).sort())
  })

  it('has a case for every module and loss', () => {
    const modules = Object.entries(lw).filter(([, v]) => typeof v === 'function' && v.prototype instanceof lw.Module)
    expect(
      Object.keys(MODULES)
        .filter((name) => name !== 'Gain')
        .sort(),
      'each exported module in MODULES of test/gradient-cases.ts',
    ).toEqual(modules.map(([name]) => name).sort())
    const losses = Object.entries(lw.losses).filter(([, v]) => typeof v === 'object')
    expect(Object.keys(LOSSES).sort()).toEqual(losses.map(([name]) => name).sort())
  })

  it('ran every command that is a derivative', () => {
    const derivatives = opTable().filter(({ name }) => /Grad$|^expand$|^scatterRows$/.test(name))
    // That of gatherAffine has the bits of affine's: test/gather-affine.test.ts.
    const missing = derivatives.map((op) => op.name).filter((name) => !executed.has(name))
    expect(missing, 'the only derivative that no case of test/gradient-cases.ts runs').toEqual(['gatherAffineGrad'])
  })
})
