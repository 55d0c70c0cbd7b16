import { expect, it, vi } from 'vitest'

// The derivatives once more, with the memory of all results on the way used again, not of large ones only (src/scratch.ts): what a
// derivative relies on that another has written over, or on memory that is still zero, comes out wrong.
vi.mock('../src/storage.js', async (original) => {
  const actual = await original<typeof import('../src/storage.js')>()
  return new Proxy(actual, { get: (target, key) => (key === 'SMALL_BYTES' ? 8 : Reflect.get(target, key)) })
})

await import('./gradients.test.js')

it('gradients of leaves stay when others are computed', async () => {
  const lw = await import('../src/index.js')
  const leaf = (value: number) => lw.tensor(new Float32Array(4000).fill(value), { requiresGrad: true })
  const [a, b] = [leaf(2), leaf(3)]
  const pass = (x: import('../src/index.js').Tensor) => lw.backward(lw.sum(lw.multiply(lw.tanh(lw.square(x)), x)))
  for (const x of [a, b]) x.grad = undefined
  pass(a)
  const before = a.grad?.toTypedArray()
  for (const x of [b, b]) pass(x)
  expect(a.grad?.toTypedArray()).toEqual(before)
})

it('trainStep is gradients() and updateParams()', async () => {
  const lw = await import('../src/index.js')
  const { gradients, initParams, trainStep, updateParams } = await import('../src/functional.js')
  const X = lw.uniform(lw.randomState(2), [19, 40], -1, 1)
  const t = lw.tensor(Int32Array.from({ length: 19 }, (_, i) => i % 7))
  const after = [true, false].map((whole) => {
    const params = initParams({ input: 40, hidden: 13, output: 7, seed: 5 })
    const losses = [0, 1, 2].map(() => {
      if (whole) return trainStep(params, X, t, 0.5)
      const { loss, ...grads } = gradients(params, X, t)
      updateParams(params, grads, 0.5)
      return loss
    })
    return [...losses, ...Object.values(params)].map((x) => x.toArray())
  })
  expect(after[0]).toEqual(after[1])
  expect(after[0][2]).not.toEqual(after[0][0])
})
