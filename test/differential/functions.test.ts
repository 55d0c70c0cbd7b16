import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { backward, type FloatDType, multiply, noGrad, record, sum, type Tensor, tensor } from '../../src/index.js'
import * as ops from '../../src/ops/index.js'
import { type BackendName, backendNames, useBackend } from '../backends.js'
import { BY_COMMAND, FUNCTIONS, type FunctionCase } from './functions.js'
import { caseNumbers, type Named, Peer, python, seed } from './peer.js'
import { Random } from './random.js'

// Every public function of tensors on random shapes, axes and options, at once or recorded, on both backends: shapes and
// values as NumPy has them, derivatives as its central differences.

const numbers = caseNumbers(1 / 3)

/** f and, by way of Σ r·f, its derivatives. */
function compute(c: FunctionCase, dtype: FloatDType, weights: number[], recorded: boolean): Named[] {
  const inputs = c.shapes.map((shape, i) =>
    tensor(c.values[i], { shape, dtype, requiresGrad: c.gradients.includes(i) }),
  )
  let y!: Tensor
  let run = () => {
    y = c.call(...inputs)
  }
  if (c.gradients.length > 0) {
    const { shape } = noGrad(() => c.call(...inputs))
    const r = tensor(
      weights.slice(
        0,
        shape.reduce((n, d) => n * d, 1),
      ),
      { shape, dtype },
    )
    run = () => {
      y = c.call(...inputs)
      backward(sum(multiply(y, r)))
    }
  }
  if (recorded) record(run).replay(2)
  else run()
  const gradients = c.gradients.map((i): Named => ['', `g${i}`, (inputs[i].grad as Tensor).toTypedArray()])
  return [['', 'y', y.toTypedArray()], ['', 'shape', Int32Array.from(y.shape)], ...gradients]
}

describe.skipIf(python === undefined)('functions and their derivatives as NumPy has them', () => {
  let peer: Peer
  let judged = 0
  let derivatives = 0
  let corners = 0
  beforeAll(() => {
    peer = new Peer()
  })
  afterAll(() => {
    peer.close()
    useBackend(backendNames[0])
    console.log(
      `test/differential: seed ${seed}, ${judged} calls of functions on ${backendNames.join(' and ')}, ` +
        `${derivatives} derivatives but for ${corners} at corners`,
    )
  })

  /** What is wrong with a case, whose results `change` may spoil. */
  async function ask(
    name: string,
    number: number,
    change?: (results: Named[]) => Named[],
  ): Promise<string | undefined> {
    const r = new Random(seed, name, number)
    const dtype = r.pick(['float32', 'float64'] as const)
    useBackend(backendNames[0])
    const c = FUNCTIONS[name](r, dtype)
    const weights = Array.from({ length: 5000 }, () => Math.fround(r.between(-1, 1)))
    const Type = dtype === 'float32' ? Float32Array : Float64Array
    const recorded = r.chance(0.5)
    let size = 1
    const results = backendNames.flatMap((backend: BackendName): Named[] => {
      useBackend(backend)
      const own = compute(c, dtype, weights, recorded)
      size = own[0][2].length
      return (change?.(own) ?? own).map(([, what, values]) => [backend, what, values])
    })
    const before: Named[] = [
      ...c.values.map((v, i): Named => ['before', `x${i}`, Type.from(v)]),
      ['before', 'r', Type.from(weights.slice(0, size))],
    ]
    const head = { function: name, dtype, shapes: c.shapes, gradients: c.gradients, options: c.options }
    const answer = await peer.ask(head, [...before, ...results])
    judged++
    derivatives += c.gradients.reduce((n, i) => n + c.values[i].length, 0)
    corners += answer.corners ?? 0
    if (answer.error === undefined) return undefined
    const what = `${dtype}${recorded ? ' recorded' : ''} ${JSON.stringify([c.shapes, c.options])}`
    return `case ${number} (seed ${seed}), ${what}: ${answer.error}`
  }

  it('every exported function is known, here and in Python', async () => {
    const exported = Object.keys(ops).filter((name) => !BY_COMMAND.includes(name))
    expect(Object.keys(FUNCTIONS).sort(), 'each exported function in FUNCTIONS of functions.ts').toEqual(
      exported.sort(),
    )
    expect((await peer.greeting).functions, 'each of them in FUNCTIONS of functions.py').toEqual(exported)
  })

  it.each(Object.keys(FUNCTIONS))('%s', { timeout: 600_000 }, async (name) => {
    const wrong: string[] = []
    for (const number of numbers) {
      const error = await ask(name, number)
      if (error !== undefined && wrong.push(error) === 5) break
    }
    expect(wrong).toEqual([])
  })

  it('a wrong value, shape or derivative of any function is seen', async () => {
    const unseen: string[] = []
    for (const name of Object.keys(FUNCTIONS)) {
      for (const what of ['y', 'shape', 'g0', 'g1', 'g2']) {
        let [possible, seen] = [false, false]
        for (let number = 0; number < 12 && !seen; number++) {
          const error = await ask(name, number, (results) =>
            results.map(([where, kind, values]) => {
              if (kind !== what || values.length === 0) return [where, kind, values]
              possible = true
              const copy = values.slice()
              copy[values.length >> 1] += what === 'shape' || name === 'argmax' ? 1 : 0.01
              return [where, kind, copy]
            }),
          )
          seen = error !== undefined
        }
        if (possible && !seen) unseen.push(`${name} ${what}`)
      }
    }
    expect(unseen).toEqual([])
  })
})
