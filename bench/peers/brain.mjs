// brain.js. It knows no softmax, no cross-entropy, no batches and, in this class, no order but the data's: the nearest it has
// is a sigmoid at the output, mean squared error and an update for each image.
import brain from 'brain.js'
import { CLASSES, compete, INPUTS, task, test, train } from './task.mjs'

const row = ({ x }, i) => x.subarray(INPUTS * i, INPUTS * (i + 1))
const net = new brain.NeuralNetwork({
  inputSize: INPUTS,
  outputSize: CLASSES,
  hiddenLayers: task.hidden,
  activation: 'sigmoid',
  learningRate: 0.1,
})

function trainOn(samples) {
  const examples = Array.from({ length: Math.min(samples, train.y.length) }, (_, i) => ({
    input: Array.from(row(train, i)),
    output: Array.from({ length: CLASSES }, (_, k) => Number(k === train.y[i])),
  }))
  net.train(examples, { iterations: Math.max(1, Math.round(samples / examples.length)), errorThresh: 1e-9, log: false })
}

await compete('brain.js', trainOn, () => {
  const scores = new Float32Array(test.y.length * CLASSES)
  for (let i = 0; i < test.y.length; i++) scores.set(net.run(Array.from(row(test, i))), CLASSES * i)
  return scores
})
