import { expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { eachBackend } from './backends.js'
import { type Input, OPS } from './gradient-cases.js'

// What derive() is told that derivatives read: where an input is written over after its use, backward() must refuse, or still be right.

const make = ({ shape, values }: Input) =>
  lw.tensor(values, { shape: [...shape], dtype: 'float64', requiresGrad: true })

/** The gradients of all inputs, the one of number `spoilt` written over before backward(); undefined where that is refused. */
function gradients(f: (...t: lw.Tensor[]) => lw.Tensor, inputs: readonly Input[], spoilt: number) {
  const t = inputs.map(make)
  const y = f(...t)
  const weights = Float64Array.from({ length: y.size }, (_, i) => 1 + (i % 7))
  const loss = lw.sum(lw.multiply(y, lw.tensor(weights, { shape: [...y.shape] })))
  t[spoilt]?.set(Float64Array.from(t[spoilt].data, (v) => v * 0.37 + 0.11))
  try {
    lw.backward(loss)
  } catch (error) {
    if (spoilt >= 0 && error instanceof lw.StateError) return undefined
    throw error
  }
  return t.map((x) => Array.from(x.grad?.data ?? []))
}

// Ops whose derivatives read no input's values (but their result): all of their inputs may be written over.
const FREE =
  'add subtract transpose negate exp sqrt sigmoid tanh relu scale softmax logSoftmax sum mean gatherRows copy'.split(
    ' ',
  )

eachBackend(() => {
  it.each(FREE)('inputs of %s may be written over', (name) => {
    for (const { f, inputs } of OPS[name]())
      for (const i of inputs.keys()) expect(gradients(f, inputs, i)).toEqual(gradients(f, inputs, -1))
  })

  it.each(Object.keys(OPS))('op %s', (name) => {
    for (const { f, inputs } of OPS[name]()) {
      const right = gradients(f, inputs, -1)
      for (const i of inputs.keys()) expect(gradients(f, inputs, i) ?? right, `input ${i}`).toEqual(right)
    }
  })
})
