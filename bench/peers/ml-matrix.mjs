// A network from scratch on ml-matrix, the usual matrix library of JavaScript (float64): forward, backward and Adam by hand.
import { Matrix } from 'ml-matrix'
import { batches, CLASSES, compete, glorot, HIDDEN, INPUTS, test, train } from './task.mjs'

const parameters = [
  Matrix.from1DArray(INPUTS, HIDDEN, glorot(INPUTS, HIDDEN)),
  Matrix.zeros(1, HIDDEN),
  Matrix.from1DArray(HIDDEN, CLASSES, glorot(HIDDEN, CLASSES)),
  Matrix.zeros(1, CLASSES),
]
const moments = parameters.map((p) => [Matrix.zeros(p.rows, p.columns), Matrix.zeros(p.rows, p.columns)])
let steps = 0

function forward(x) {
  const [w1, b1, w2, b2] = parameters
  const hidden = x.mmul(w1).addRowVector(b1).neg().exp().add(1).pow(-1)
  return { hidden, logits: hidden.mmul(w2).addRowVector(b2) }
}

function softmax(logits) {
  const powers = logits.clone().subColumnVector(logits.max('row')).exp()
  return powers.divColumnVector(powers.sum('row'))
}

function adam(gradients) {
  steps++
  const rate = (0.001 * Math.sqrt(1 - 0.999 ** steps)) / (1 - 0.9 ** steps)
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
  const { hidden, logits } = forward(x)
  const error = softmax(logits)
  rows.forEach((row, i) => {
    error.set(i, train.y[row], error.get(i, train.y[row]) - 1)
  })
  error.div(rows.length)
  const slope = Matrix.mul(hidden, Matrix.sub(Matrix.ones(hidden.rows, HIDDEN), hidden))
  const inner = error.mmul(parameters[2].transpose()).mul(slope)
  const sums = (matrix) => Matrix.rowVector(matrix.sum('column'))
  adam([x.transpose().mmul(inner), sums(inner), hidden.transpose().mmul(error), sums(error)])
}

function trainOn(samples) {
  for (const rows of batches(samples)) step(rows)
}

await compete('ml-matrix', trainOn, () => {
  const { logits } = forward(Matrix.from1DArray(test.y.length, INPUTS, test.x))
  return Float32Array.from(logits.to1DArray())
})
