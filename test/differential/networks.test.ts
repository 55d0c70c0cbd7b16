import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  Adam,
  AdamW,
  Affine,
  type FloatDType,
  LeakyRelu,
  type LossName,
  type Module,
  type Optimizer,
  Relu,
  RMSProp,
  Sequential,
  SGD,
  Sigmoid,
  Softmax,
  Tanh,
  tensor,
} from '../../src/index.js'
import { backendNames, useBackend } from '../backends.js'
import { caseNumbers, type Named, Peer, python, seed } from './peer.js'
import { Random } from './random.js'

// Whole trainings of random networks: layers, loss, optimizer, batches, shuffling, validation. fit's figures, the weights,
// evaluate and predict as a plain NumPy network has them.

const numbers = caseNumbers(2)

const LAYERS = { Sigmoid, Tanh, Relu, LeakyRelu, Softmax }
const OPTIMIZERS = { SGD, RMSProp, Adam, AdamW }

/** What networks.py reads. */
interface Spec {
  layers: string[]
  loss: LossName
  optimizer: { kind: string; learningRate: number; weightDecay: number } & Record<string, number | boolean | string>
  rows: number
  batchSize: number
  epochs: number
  shuffle: boolean
  validation: number
  seed: number
}

function optimizerOf(r: Random): Spec['optimizer'] {
  const kind = r.pick(['SGD', 'RMSProp', 'Adam', 'AdamW'])
  const common = { kind, learningRate: r.scale(-4, -1.7), weightDecay: r.pick([0, 0.004, r.between(0, 0.5)]) }
  if (kind === 'SGD') {
    const momentum = r.pick([0, 0.9, r.next()])
    return { ...common, momentum, nesterov: momentum > 0 && r.chance(0.5) }
  }
  if (kind === 'RMSProp') return { ...common, rho: r.pick([0.9, r.between(0.1, 0.99)]), epsilon: r.pick([1e-7, 1e-3]) }
  return {
    ...common,
    beta1: r.pick([0.9, r.between(0, 0.95)]),
    beta2: r.pick([0.999, r.between(0.5, 0.999)]),
    epsilon: r.pick([1e-7, 1e-3]),
  }
}

function build(number: number) {
  const r = new Random(seed, 'network', number)
  const dtype: FloatDType = r.pick(['float32', 'float64'])
  const loss = r.pick<LossName>([
    'sparseCategoricalCrossentropy',
    'categoricalCrossentropy',
    'binaryCrossentropy',
    'meanSquaredError',
  ])
  // In float32 a corner may be passed on another side than in float64.
  const hidden = dtype === 'float32' ? ['Sigmoid', 'Tanh'] : ['Sigmoid', 'Tanh', 'Relu', 'LeakyRelu', 'Softmax']
  const widths = [1 + r.below(20), ...Array.from({ length: r.below(4) }, () => 1 + r.below(18))]
  const categorical = loss.endsWith('ategoricalCrossentropy')
  widths.push(categorical ? 2 + r.below(9) : 1 + r.below(6))
  const layers = widths.slice(1).flatMap((_, i) => {
    if (i < widths.length - 2) return ['Affine', ...(r.chance(0.8) ? [r.pick(hidden)] : [])]
    if (loss === 'meanSquaredError') return ['Affine', ...(r.chance(0.5) ? [r.pick(['Sigmoid', 'Tanh'])] : [])]
    return ['Affine', categorical ? 'Softmax' : 'Sigmoid']
  })
  const rows = 1 + r.below(80)
  const epochs = 1 + r.below(3)
  const spec: Spec = {
    layers,
    loss,
    optimizer: optimizerOf(r),
    rows,
    // Training multiplies roundings: 40 steps are enough.
    batchSize: Math.max(Math.ceil((rows * epochs) / 40), r.pick([1, 8, 32, 100, 1 + r.below(40)])),
    epochs,
    shuffle: r.chance(0.5),
    validation: rows > 4 && r.chance(0.4) ? r.between(0.25, 0.7) : 0,
    seed: r.below(1000),
  }
  const values = (n: number, size = 1) => Array.from({ length: n }, () => Math.fround(r.between(-size, size)))
  const shapes = widths.slice(1).flatMap((w, i) => [[widths[i], w], [w]])
  const weights = shapes.map((s) =>
    values(s.length === 2 ? s[0] * s[1] : s[0], s.length === 2 ? 1 / Math.sqrt(s[0]) : 1),
  )
  const outputs = widths[widths.length - 1]
  const labels = Array.from({ length: rows }, () => r.below(outputs))
  const targets = categorical
    ? labels.flatMap((label) => Array.from({ length: outputs }, (_, i) => Number(i === label)))
    : values(rows * outputs).map((v) => (loss === 'meanSquaredError' ? v : Number(v > 0)))
  return { dtype, spec, widths, shapes, weights, x: values(rows * widths[0]), targets, labels, outputs }
}

type Built = ReturnType<typeof build>

async function run({ dtype, spec, widths, shapes, weights, x, targets, labels, outputs }: Built): Promise<Named[]> {
  let place = 1
  const layers = spec.layers.map(
    (name): Module => (name === 'Affine' ? new Affine(widths[place++]) : new LAYERS[name as keyof typeof LAYERS]()),
  )
  const model = new Sequential({ input: [widths[0]], layers, dtype, seed: spec.seed })
  model.setWeights(weights.map((w, i) => tensor(w, { shape: shapes[i], dtype })))
  const { kind, ...options } = spec.optimizer
  const optimizer: Optimizer = new OPTIMIZERS[kind as keyof typeof OPTIMIZERS](options)
  const sparse = spec.loss === 'sparseCategoricalCrossentropy'
  const metrics = sparse ? (['accuracy'] as const) : (['accuracy', 'meanSquaredError'] as const)
  model.compile({ optimizer, loss: spec.loss, metrics })
  const data = {
    x: tensor(x, { shape: [spec.rows, widths[0]], dtype }),
    y: sparse ? tensor(Int32Array.from(labels)) : tensor(targets, { shape: [spec.rows, outputs], dtype }),
  }
  const { epochs, batchSize, shuffle } = spec
  const validation = spec.validation > 0 ? { validation: spec.validation } : {}
  const { history, steps } = await model.fit(data, { epochs, batchSize, shuffle, ...validation })
  const evaluated = await model.evaluate(data, { batchSize })
  // Without mean squared error (labels have none) NumPy's is not asked for.
  const columns = (list: Record<string, number[]>, names: string[]): Float64Array =>
    Float64Array.from(list.loss.flatMap((_, i) => names.map((name) => list[name]?.[i] ?? Number.NaN)))
  const names = ['loss', 'accuracy', 'meanSquaredError']
  const all = spec.validation > 0 ? [...names, 'valLoss', 'valAccuracy', 'valMeanSquaredError'] : names
  return [
    ['', 'epochs', columns(history, all)],
    ['', 'steps', columns(steps as Record<string, number[]>, names)],
    ['', 'evaluate', columns(Object.fromEntries(Object.entries(evaluated).map(([k, v]) => [k, [v]])), names)],
    ['', 'predict', model.predict(data.x).toTypedArray()],
    ...model.getWeights().map((w, i): Named => ['', `w${i}`, w.toTypedArray()]),
  ]
}

describe.skipIf(python === undefined)('trainings of random networks as NumPy does them', () => {
  let peer: Peer
  beforeAll(() => {
    peer = new Peer()
  })
  afterAll(() => {
    peer.close()
    useBackend(backendNames[0])
  })

  async function ask(number: number, change = (named: Named[]) => named): Promise<string | undefined> {
    const built = build(number)
    const { dtype, spec, shapes, weights, x, targets } = built
    const results: Named[] = []
    for (const backend of backendNames) {
      useBackend(backend)
      for (const [, name, values] of change(await run(built))) results.push([backend, name, values])
    }
    const before: Named[] = [
      ['before', 'x', Float64Array.from(x)],
      ['before', 't', Float64Array.from(targets)],
      ...weights.map((w, i): Named => ['before', `w${i}`, Float64Array.from(w)]),
    ]
    const { error } = await peer.ask({ network: spec, dtype, shapes }, [...before, ...results])
    return (
      error && `case ${number} (seed ${seed}), ${dtype} ${JSON.stringify(spec)} ${JSON.stringify(shapes)}: ${error}`
    )
  }

  it('fit, evaluate and predict', { timeout: 600_000 }, async () => {
    const wrong: string[] = []
    for (const number of numbers) {
      const error = await ask(number)
      if (error !== undefined && wrong.push(error) === 5) break
    }
    console.log(`test/differential: seed ${seed}, ${numbers.length} trainings on ${backendNames.join(' and ')}`)
    expect(wrong).toEqual([])
  })

  it('a wrong figure, weight or prediction is seen', async () => {
    for (const what of ['epochs', 'steps', 'evaluate', 'predict', 'w0', 'w1']) {
      const error = await ask(0, (named) =>
        named.map(([where, name, values]) => [where, name, name === what ? values.map((v) => v + 1e-3) : values]),
      )
      expect(error, what).toContain(what)
    }
  })
})
