import * as lw from 'lanewise'
import { random, randomLabels } from './engine.mjs'

export const MNIST_JOB = { hidden: [50], activation: 'sigmoid', batch: 32, optimizer: 'adam' }
const INPUTS = 784
const CLASSES = 10

const ACTIVATIONS = { sigmoid: lw.Sigmoid, relu: lw.Relu }
const OPTIMIZERS = { adam: lw.Adam, sgd: lw.SGD }
export const LEARNING_RATES = { adam: 0.001, sgd: 0.1 }

export const optimizerOf = ({ optimizer }) => new OPTIMIZERS[optimizer]({ learningRate: LEARNING_RATES[optimizer] })

/** A job reads { hidden: [50], activation, batch, optimizer }; all have 784 inputs and 10 classes. */
export function modelOf({ hidden, activation }) {
  const layers = hidden.flatMap((units) => [new lw.Affine(units), new ACTIVATIONS[activation]()])
  return new lw.Sequential({
    input: [INPUTS],
    layers: [...layers, new lw.Affine(CLASSES), new lw.Softmax()],
    seed: 1,
  })
}

/** A whole training step on a batch of random numbers, as a function to call or to record. */
export function trainingStep(job) {
  const model = modelOf(job)
  const optimizer = optimizerOf(job)
  const [x, labels] = [random([job.batch, INPUTS], { low: 0 }), randomLabels(job.batch, CLASSES)]
  const logits = model.layers.slice(0, -1)
  const step = () => {
    const z = logits.reduce((h, layer) => layer.forward(h), x)
    lw.backward(lw.softmaxCrossEntropy(z, labels).loss)
    optimizer.step(model.store)
  }
  return { step, parameters: model.countParameters() }
}

/**
 * Floating-point operations a sample: the three products of each layer (two for the first, whose input needs no
 * gradient), without the elementwise work.
 */
export function flopsPerSample({ hidden }) {
  const sizes = [INPUTS, ...hidden, CLASSES]
  const products = sizes.slice(1).map((units, i) => 2 * sizes[i] * units)
  return products.reduce((sum, flops, i) => sum + (i === 0 ? 2 : 3) * flops, 0)
}
