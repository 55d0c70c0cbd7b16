// Trains a network for a few epochs and prints the SHA-256 of its parameters.
// usage: node train-hash.mjs seed|odd float32|float64 eager|replay [epochs] [limit]
// seed: MNIST, 784-50-10, batch 32, Adam. odd: 37-101-53-7, tanh and ReLU, batch 19, on random numbers.
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
// Of the package in LANEWISE_DIR, by default this one.
const root = process.env.LANEWISE_DIR ?? '../..'
const lw = require(`${root}/dist/index.js`)
const { mnist } = require(`${root}/dist/data/index.js`)
const [job, dtype, mode, epochs = '2', limit = '60000'] = process.argv.slice(2)

async function setting() {
  const { Affine, Sigmoid, Softmax, Tanh, Relu } = lw
  if (job === 'seed') {
    const { train } = await mnist()
    const data = { x: train.x.slice(0, +limit), y: train.y.slice(0, +limit) }
    return { data, batch: 32, input: [784], layers: [new Affine(50), new Sigmoid(), new Affine(10), new Softmax()] }
  }
  const state = lw.randomState(7)
  const x = lw.normal(state, [500, 37], 0, 1, { dtype })
  const y = lw.cast(lw.uniform(state, [500], 0, 7), 'int32')
  const layers = [new Affine(101), new Tanh(), new Affine(53), new Relu(), new Affine(7), new Softmax()]
  return { data: { x, y }, batch: 19, input: [37], layers }
}

const { data, batch, input, layers } = await setting()
const model = new lw.Sequential({ input, layers, dtype, seed: 1 })
const optimizer = new lw.Adam()
model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
if (mode === 'eager') eagerly()
else await model.fit(data, { epochs: +epochs, batchSize: batch })

/** The same training, one op at a time, by the public functions alone. */
function eagerly() {
  const rows = data.x.shape[0]
  const shuffle = lw.randomState(1, 1)
  const logits = layers.slice(0, -1)
  for (let epoch = 0; epoch < +epochs; epoch++) {
    const order = lw.permutation(shuffle, rows)
    for (let at = 0; at < rows; at += batch) {
      const rowsHere = order.slice(at, Math.min(rows, at + batch))
      const x = lw.gatherRows(data.x, rowsHere, { dtype })
      const y = lw.gatherRows(data.y, rowsHere)
      const z = logits.reduce((h, layer) => layer.forward(h), x)
      lw.backward(lw.softmaxCrossEntropy(z, y).loss)
      optimizer.step(model.store)
    }
  }
}

const hash = createHash('sha256')
for (const w of model.getWeights()) {
  const bytes = w.data.slice()
  hash.update(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
}
const { backend, isa, threads } = lw.backendInfo()
console.log(JSON.stringify({ hash: hash.digest('hex'), backend, isa, threads }))
