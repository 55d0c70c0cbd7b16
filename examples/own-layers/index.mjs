// Layers of your own, one that draws and one that keeps averages; their weights saved and loaded; and a part of them frozen.
//
//   node examples/own-layers/index.mjs [--epochs 3] [--limit 60000]
import { parseArgs } from 'node:util'
import {
  Adam,
  Affine,
  add,
  divide,
  greater,
  isTraining,
  Module,
  mean,
  multiply,
  noGrad,
  Relu,
  randomState,
  Sequential,
  Softmax,
  scale,
  sqrt,
  square,
  subtract,
  uniform,
} from 'lanewise'
import { mnist } from 'lanewise/data'

// parseArgs knows no `default` before Node 18.11
const options = { epochs: { type: 'string' }, limit: { type: 'string' } }
const flags = { epochs: '3', limit: '60000', ...parseArgs({ options }).values }

/** Leaves out a share of the numbers of each row in training, and makes up for it in the others. */
class Dropout extends Module {
  /** A seed of its own for each layer: of one seed they would leave out the same numbers. */
  constructor(rate, seed) {
    super()
    this.rate = rate
    this.state = randomState(seed, 2) // a stream that no model of that seed draws from; a tensor: each replayed step draws on
  }

  forward(x) {
    if (!isTraining()) return x
    const kept = greater(uniform(this.state, x.shape, 0, 1, { dtype: x.dtype }), this.rate)
    return multiply(x, scale(kept, 1 / (1 - this.rate)))
  }
}

/** Each feature with mean 0 and variance 1 over the batch; in predictions over the running averages of training. */
class BatchNorm extends Module {
  build(input) {
    this.gamma = this.parameter('gamma', input, 'ones')
    this.beta = this.parameter('beta', input, 'zeros')
    // Kept with the weights, but no optimizer's.
    this.mean = this.parameter('mean', input, 'zeros', { trained: false })
    this.variance = this.parameter('variance', input, 'ones', { trained: false })
    return input
  }

  forward(x) {
    const center = isTraining() ? mean(x, 0) : this.mean.value
    const apart = subtract(x, center)
    const variance = isTraining() ? mean(square(apart), 0) : this.variance.value
    if (isTraining()) noGrad(() => [update(this.mean.value, center), update(this.variance.value, variance)])
    return add(multiply(divide(apart, sqrt(add(variance, 1e-3))), this.gamma.value), this.beta.value)
  }
}

/** average ← 0.9 · average + 0.1 · value, in place. */
function update(average, value) {
  add(scale(average, 0.9), scale(value, 0.1), average)
}

const { train, test } = await mnist()
const rows = Math.min(Number(flags.limit), train.x.shape[0])
const data = { x: train.x.slice(0, rows), y: train.y.slice(0, rows) }

function make() {
  const layers = [new Affine(64), new BatchNorm(), new Relu(), new Dropout(0.2, 1), new Affine(10), new Softmax()]
  const model = new Sequential({ input: [784], layers, seed: 1 })
  return model.compile({ optimizer: new Adam(), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
}
const report = (what, { loss, accuracy }) =>
  console.log(`${what}: test loss ${loss.toFixed(4)}, accuracy ${(100 * accuracy).toFixed(2)} %`)

const model = make()
await model.fit(data, { epochs: Number(flags.epochs), batchSize: 64 })
report('trained', await model.evaluate(test))

// The running averages are among the weights.
const saved = JSON.stringify(model.getWeights())
const loaded = make()
loaded.setWeights(JSON.parse(saved))
report('loaded', await loaded.evaluate(test))

// A frozen parameter stays as it is, whatever the optimizer: here all but the last layer's are.
const parameters = loaded.allParameters()
for (const p of parameters.slice(0, -2)) p.value.requiresGrad = false
const before = parameters[0].value.toTypedArray()
await loaded.fit(data, { epochs: 1, batchSize: 64 })
const moved = parameters[0].value.toTypedArray().some((w, i) => w !== before[i])
report(`trained further, the first layer ${moved ? 'moved' : 'frozen'}`, await loaded.evaluate(test))
