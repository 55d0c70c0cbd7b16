// A module and a training loop of your own: forward from ops, derivatives by backward(), one recorded step, replayed.
//
//   node examples/custom-loop/index.mjs [--epochs 3] [--limit 60000]
import { parseArgs } from 'node:util'
import {
  Adam,
  Affine,
  accuracy,
  add,
  advance,
  backward,
  build,
  gatherRows,
  Module,
  multiply,
  noGrad,
  permutation,
  put,
  randomState,
  record,
  relu,
  softmaxCrossEntropy,
  tanh,
  zeros,
} from 'lanewise'
import { mnist } from 'lanewise/data'

// parseArgs knows no `default` before Node 18.11
const options = { epochs: { type: 'string' }, limit: { type: 'string' } }
const flags = { epochs: '3', limit: '60000', ...parseArgs({ options }).values }

/** x + gate · tanh(x·W + b): starts as the identity, since the gate, one number a feature, starts at zero. */
class GatedResidual extends Module {
  build(input) {
    this.inner = new Affine(input[0])
    this.gate = this.parameter('gate', input, 'zeros')
    return this.inner.build(input)
  }

  forward(x) {
    return add(x, multiply(tanh(this.inner.forward(x)), this.gate.value))
  }
}

class Network extends Module {
  first = new Affine(50)
  middle = new GatedResidual()
  last = new Affine(10)

  build(input) {
    return [this.first, this.middle, this.last].reduce((shape, part) => part.build(shape), input)
  }

  forward(x) {
    return this.last.forward(this.middle.forward(relu(this.first.forward(x))))
  }
}

const { train, test } = await mnist()
const rows = Math.min(Number(flags.limit), train.x.shape[0])
const size = Math.min(64, rows)
// Rows that do not fill a batch sit out the epoch; the next has another order. (fit records a second, smaller step.)
const steps = Math.floor(rows / size)

const network = new Network()
const store = build(network, [784], { seed: 1 })
const optimizer = new Adam({ learningRate: 0.002 })
console.log(`${store.count} parameters: ${store.parameters.map((p) => p.name).join(', ')}`)

// All that changes from step to step is in tensors.
const shuffling = randomState(1, 1)
const order = zeros([rows], { dtype: 'int32' })
const cursor = zeros([1], { dtype: 'int32' })
const step = zeros([1], { dtype: 'int32' })
const losses = zeros([steps], { dtype: 'float64' })

const tape = record(() => {
  const x = gatherRows(train.x, order, { cursor, count: size, dtype: 'float32' })
  const t = gatherRows(train.y, order, { cursor, count: size })
  const { loss } = softmaxCrossEntropy(network.forward(x), t)
  backward(loss)
  optimizer.step(store)
  put(losses, loss, step)
  advance(step, 1)
  advance(cursor, size)
})

/** Share of right answers on the test images. */
function testAccuracy(part = 1000) {
  const count = test.x.shape[0]
  let right = 0
  for (let from = 0; from < count; from += part) {
    const to = Math.min(count, from + part)
    const logits = noGrad(() => network.forward(test.x.slice(from, to).cast('float32')))
    right += accuracy(logits, test.y.slice(from, to)).item() * (to - from)
  }
  return right / count
}

for (let epoch = 1; epoch <= Number(flags.epochs); epoch++) {
  permutation(shuffling, rows, order)
  cursor.set([0])
  step.set([0])
  const start = performance.now()
  await tape.replayAsync(steps)
  const seconds = (performance.now() - start) / 1000
  const mean = losses.mean().item()
  const share = (100 * testAccuracy()).toFixed(2)
  console.log(
    `epoch ${epoch}: loss ${mean.toFixed(4)}, test accuracy ${share} %, ${steps} steps in ${seconds.toFixed(2)} s`,
  )
  // The learning rate is read at each replay.
  optimizer.learningRate *= 0.7
}
