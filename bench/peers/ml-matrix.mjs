// A network from scratch on ml-matrix, the usual matrix library of JavaScript (float64): forward, backward and the optimizer by hand.
import { Matrix } from 'ml-matrix'
import { batches, compete, glorot, INPUTS, SHAPES, task, test, train } from './task.mjs'

const layers = SHAPES.map((shape) => [Matrix.from1DArray(...shape, glorot(...shape)), Matrix.zeros(1, shape[1])])
const parameters = layers.flat()
const moments = parameters.map((p) => [Matrix.zeros(p.rows, p.columns), Matrix.zeros(p.rows, p.columns)])
let steps = 0

const [activate, slopeAt] = {
  sigmoid: [(z) => z.neg().exp().add(1).pow(-1), (h) => Matrix.mul(h, Matrix.sub(Matrix.ones(h.rows, h.columns), h))],
  relu: [(z) => z.apply((i, j) => z.set(i, j, Math.max(z.get(i, j), 0))), (h) => Matrix.sign(h)],
}[task.activation]

/** What goes into each layer, and at the end the logits. */
function forward(x) {
  const values = [x]
  layers.forEach(([w, b], i) => {
    const z = values[i].mmul(w).addRowVector(b)
    values.push(i < layers.length - 1 ? activate(z) : z)
  })
  return values
}

function softmax(logits) {
  const powers = logits.clone().subColumnVector(logits.max('row')).exp()
  return powers.divColumnVector(powers.sum('row'))
}

function sgd(gradients) {
  for (const [i, g] of gradients.entries()) parameters[i].sub(g.mul(task.learningRate))
}

function adam(gradients) {
  steps++
  const rate = (task.learningRate * Math.sqrt(1 - 0.999 ** steps)) / (1 - 0.9 ** steps)
  gradients.forEach((g, i) => {
    const [m, v] = moments[i]
    m.mul(0.9).add(Matrix.mul(g, 0.1))
    v.mul(0.999).add(Matrix.mul(g, g).mul(0.001))
    parameters[i].sub(Matrix.mul(m, rate).div(Matrix.sqrt(v).add(1e-7)))
  })
}

function step(rows) {
  const x = new Matrix(rows.length, INPUTS)
  rows.forEach((row, i) => {
    for (let j = 0; j < INPUTS; j++) x.set(i, j, train.x[INPUTS * row + j])
  })
  const values = forward(x)
  let error = softmax(values[layers.length])
  rows.forEach((row, i) => {
    error.set(i, train.y[row], error.get(i, train.y[row]) - 1)
  })
  error.div(rows.length)
  const gradients = []
  for (let i = layers.length - 1; i >= 0; i--) {
    gradients.unshift(values[i].transpose().mmul(error), Matrix.rowVector(error.sum('column')))
    if (i > 0) error = error.mmul(layers[i][0].transpose()).mul(slopeAt(values[i]))
  }
  if (task.optimizer === 'sgd') sgd(gradients)
  else adam(gradients)
}

function trainOn(samples) {
  for (const rows of batches(samples)) step(rows)
}

await compete('ml-matrix', trainOn, () => {
  const logits = forward(Matrix.from1DArray(test.y.length, INPUTS, test.x))[layers.length]
  return Float32Array.from(logits.to1DArray())
})
