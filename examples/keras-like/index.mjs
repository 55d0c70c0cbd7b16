// MNIST in the manner of Keras: compile, fit, evaluate, plot.
//
//   node examples/keras-like/index.mjs [--epochs 5] [--limit 60000] [--out keras-like-plots]
import path from 'node:path'
import { parseArgs } from 'node:util'
import { Adam, Affine, Sequential, Sigmoid, Softmax } from 'lanewise'
import { mnist } from 'lanewise/data'
import { plot } from 'lanewise/plot'

// parseArgs knows no `default` before Node 18.11
const options = { epochs: { type: 'string' }, limit: { type: 'string' }, out: { type: 'string' } }
const flags = { epochs: '5', limit: '60000', out: 'keras-like-plots', ...parseArgs({ options }).values }

const { train, test } = await mnist()
const limit = Math.min(Number(flags.limit), train.x.shape[0])
const examples = { x: train.x.slice(0, limit), y: train.y.slice(0, limit) }

const model = new Sequential({
  input: [784],
  layers: [new Affine(50), new Sigmoid(), new Affine(10), new Softmax()],
  seed: 1,
})
model.compile({ optimizer: new Adam(), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
console.log(model.summary())

const history = await model.fit(examples, {
  epochs: Number(flags.epochs),
  batchSize: 32,
  // A tenth of the training images is kept to watch for overfitting; the test images are for the end.
  validation: 0.1,
  verbose: true,
})
const { loss, accuracy } = await model.evaluate(test)
console.log(`test loss ${loss.toFixed(4)}, test accuracy ${(100 * accuracy).toFixed(2)} %`)

const guesses = model.predict(test.x.slice(0, 10)).argmax()
console.log(`predicted ${Array.from(guesses.data).join(' ')}`)
console.log(`labels    ${Array.from(test.y.slice(0, 10).data).join(' ')}`)

const { files } = await plot(history, path.join(flags.out, 'history'), { title: 'MNIST with Adam, 784-50-10' })
console.log(`plots: ${files.join(', ')}`)
