// TensorFlow.js through its layers, as its documentation does it. usage: node tfjs.mjs TASK cpu|wasm

import { createRequire } from 'node:module'
import path from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import { CLASSES, compete, INPUTS, task, test, train } from './task.mjs'

const wasm = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json')
setWasmPaths(`${path.join(path.dirname(wasm), 'dist')}${path.sep}`)
await tf.setBackend(process.argv[3])
await tf.ready()

const model = tf.sequential({
  layers: [
    tf.layers.inputLayer({ inputShape: [INPUTS] }),
    ...task.hidden.map((units) => tf.layers.dense({ units, activation: task.activation })),
    tf.layers.dense({ units: CLASSES, activation: 'softmax' }),
  ],
})
model.compile({ optimizer: tf.train[task.optimizer](task.learningRate), loss: 'sparseCategoricalCrossentropy' })
const rows = train.y.length
const x = tf.tensor2d(train.x, [rows, INPUTS])
const y = tf.tensor1d(Float32Array.from(train.y))

async function trainOn(samples) {
  for (let left = samples; left > 0; left -= rows) {
    const count = Math.min(left, rows)
    const [part, labels] = [x.slice([0, 0], [count, INPUTS]), y.slice([0], [count])]
    await model.fit(part, labels, { epochs: 1, batchSize: task.batch, verbose: 0 })
    tf.dispose([part, labels])
  }
}

await compete('@tensorflow/tfjs', trainOn, () => model.predict(tf.tensor2d(test.x, [test.y.length, INPUTS])).dataSync())
