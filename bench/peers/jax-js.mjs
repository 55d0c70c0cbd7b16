// jax-js on its WebAssembly backend: the whole step, Adam included, compiled by its jit.
import { blockUntilReady, defaultDevice, init, jit, nn, numpy as np, valueAndGrad } from '@jax-js/jax'
import { batches, CLASSES, compete, glorot, INPUTS, SHAPES, task, test, train } from './task.mjs'

await init('wasm')
defaultDevice('wasm')

const shapes = SHAPES.flatMap(([inputs, outputs]) => [[inputs, outputs], [outputs]])
let parameters = shapes.map((shape) =>
  shape.length === 2 ? np.array(glorot(...shape)).reshape(shape) : np.zeros(shape),
)
let means = shapes.map((shape) => np.zeros(shape))
let squares = shapes.map((shape) => np.zeros(shape))
let steps = 0

// An array is used up by the function it is given to, unless by its `ref`.
function logitsOf(p, x) {
  let h = x
  for (let i = 0; i < p.length; i += 2) {
    h = np.matmul(h, p[i]).add(p[i + 1])
    if (i < p.length - 2) h = nn[task.activation](h)
  }
  return h
}

function lossOf(p, x, targets) {
  return nn
    .logSoftmax(logitsOf(p, x))
    .mul(targets)
    .sum()
    .mul(-1 / task.batch)
}

const update = jit((p, m, v, x, targets, rate) => {
  const refs = p.map((a) => a.ref)
  const [loss, gradients] = valueAndGrad(lossOf)(refs, x, targets)
  if (task.optimizer === 'sgd') return [p.map((value, i) => value.sub(gradients[i].mul(rate.ref))), m, v, loss]
  const next = { p: [], m: [], v: [] }
  p.forEach((value, i) => {
    const g = gradients[i]
    const mean = m[i].mul(0.9).add(g.ref.mul(0.1))
    const square = v[i].mul(0.999).add(np.square(g).mul(0.001))
    next.p.push(value.sub(mean.ref.mul(rate.ref).div(np.sqrt(square.ref).add(1e-7))))
    next.m.push(mean)
    next.v.push(square)
  })
  rate.dispose()
  return [next.p, next.m, next.v, loss]
})

async function trainOn(samples) {
  for (const rows of batches(samples)) {
    const x = new Float32Array(task.batch * INPUTS)
    const targets = new Float32Array(task.batch * CLASSES)
    rows.forEach((row, i) => {
      x.set(train.x.subarray(INPUTS * row, INPUTS * (row + 1)), INPUTS * i)
      targets[CLASSES * i + train.y[row]] = 1
    })
    steps++
    const corrected = task.optimizer === 'sgd' ? 1 : Math.sqrt(1 - 0.999 ** steps) / (1 - 0.9 ** steps)
    const rate = task.learningRate * corrected
    const batch = [np.array(x).reshape([task.batch, INPUTS]), np.array(targets).reshape([task.batch, CLASSES])]
    let loss
    ;[parameters, means, squares, loss] = update(parameters, means, squares, ...batch, np.array(rate))
    await blockUntilReady(loss) // steps that pile up make it thirty times slower
  }
  await blockUntilReady(parameters.map((a) => a.ref))
}

await compete('@jax-js/jax', trainOn, () =>
  logitsOf(parameters, np.array(test.x).reshape([test.y.length, INPUTS])).data(),
)
