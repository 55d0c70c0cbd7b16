// A perceptron for MNIST from scratch: 784 pixels → 50 sigmoids → 10 classes, with every derivative written out.
//
//   node examples/from-scratch/index.mjs [--epochs 5] [--limit 60000] [--out from-scratch-plots]
//
// --limit takes only the first so many training images; --out is the folder for the plots.
import path from 'node:path'
import { parseArgs } from 'node:util'
import {
  advance,
  backendInfo,
  gatherRows,
  History,
  permutation,
  put,
  randomState,
  record,
  subtract,
  zeros,
} from 'lanewise'
import { mnist } from 'lanewise/data'
import {
  accuracy,
  affineBackward,
  affineForward,
  crossEntropyError,
  gradients,
  initParams,
  loss,
  oneHot,
  predict,
  sigmoid,
  sigmoidGrad,
  softmax,
  trainStep,
  updateParams,
} from 'lanewise/functional'
import { plot } from 'lanewise/plot'

// parseArgs knows no `default` before Node 18.11
const options = { epochs: { type: 'string' }, limit: { type: 'string' }, out: { type: 'string' } }
const flags = { epochs: '5', limit: '60000', out: 'from-scratch-plots', ...parseArgs({ options }).values }
const EPOCHS = Number(flags.epochs)
const LEARNING_RATE = 0.1
const BATCH = 100
const SEED = 1

const heading = (text) => console.log(`\n${text}\n${'-'.repeat(text.length)}`)
const figures = (t, n = 4) => Array.from(t.data.subarray(0, n), (v) => v.toPrecision(5)).join('  ')
function show(name, t) {
  console.log(`${name.padEnd(5)} ${`[${t.shape.join(', ')}]`.padEnd(10)}  ${figures(t)}${t.size > 4 ? '  …' : ''}`)
}

heading('The data')
const data = await mnist()
const { test } = data
const limit = Math.min(Number(flags.limit), data.train.x.shape[0])
const train = { x: data.train.x.slice(0, limit), y: data.train.y.slice(0, limit) }
// The images stay bytes in memory; wherever they become numbers they are divided by 255, so that pixels go from 0 to 1.
console.log(`training images [${train.x.shape.join(', ')}], labels [${train.y.shape.join(', ')}]`)
console.log(`test images     [${test.x.shape.join(', ')}], labels [${test.y.shape.join(', ')}]`)
console.log(`bytes ${train.x.dtype} / ${train.x.divisor}; backend ${backendInfo().backend}, ${backendInfo().isa}`)

heading('One step on five images, in float64')
const five = initParams({ input: 784, hidden: 50, output: 10, seed: SEED, std: 0.1, dtype: 'float64' })
for (const [name, w] of Object.entries(five)) show(name, w)
const X = train.x.slice(0, 5).cast('float64')
const t = train.y.slice(0, 5)
const N = X.shape[0]
console.log(`\nforward, labels ${Array.from(t.data).join(', ')}`)
const first = affineForward(X, five.W1, five.b1)
const hidden = sigmoid(first.y)
const second = affineForward(hidden, five.W2, five.b2)
const y = softmax(second.y)
const T = oneHot(t, 10, 'float64')
show('X', X)
show('a1', first.y)
show('z1', hidden)
show('a2', second.y)
show('y', y)
show('t', T)
console.log(
  `loss ${crossEntropyError(y, t).item().toFixed(6)} (guessing at random: ln 10 = ${Math.log(10).toFixed(6)})`,
)

console.log('\nbackward')
// Softmax and cross-entropy together have the simplest of gradients.
const dy = subtract(y, T).divide(N)
const { dX: dz1, dW: dW2, db: db2 } = affineBackward(dy, second.cache)
const da1 = sigmoidGrad(first.y).multiply(dz1)
// A slip that notebooks make: summing dz1, the gradient of the sigmoid's result, into db1. The bias was added before
// the sigmoid, so its gradient is the sum of da1, the gradient of the pre-activation: affineBackward is given da1.
const { dW: dW1, db: db1 } = affineBackward(da1, first.cache)
const byHand = { dW1, db1, dW2, db2 }
show('dy', dy)
show('dz1', dz1)
show('da1', da1)
for (const [name, g] of Object.entries(byHand)) show(name, g)

// In float32 they would be mostly rounding.
console.log('\nnumerical gradients, (L(w + h) − L(w − h)) / 2h, against ours')
const grads = gradients(five, X, t)
const h = 1e-5
for (const [name, i] of [
  ['W1', 15680],
  ['W1', 17533],
  ['b1', 0],
  ['b1', 49],
  ['W2', 7],
  ['W2', 499],
  ['b2', 5],
]) {
  const w = five[name].data
  const value = w[i]
  const lossAt = (v) => {
    w[i] = v
    return loss(five, X, t).item()
  }
  const numerical = (lossAt(value + h) - lossAt(value - h)) / (2 * h)
  w[i] = value
  const ours = grads[`d${name}`].data[i]
  const verdict = Math.abs(numerical - ours) < 1e-8 && ours === byHand[`d${name}`].data[i] ? 'ok' : 'WRONG'
  console.log(
    `${`${name}[${i}]`.padEnd(10)} ${numerical.toFixed(10).padStart(14)} ${ours.toFixed(10).padStart(14)}  ${verdict}`,
  )
  if (verdict !== 'ok') process.exitCode = 1
}
updateParams(five, grads, LEARNING_RATE)
console.log(`loss after the step: ${loss(five, X, t).item().toFixed(6)}`)

heading(`Training: ${EPOCHS} epochs of batches of ${BATCH}, learning rate ${LEARNING_RATE}`)
// The same seed: these are the weights from above, in float32.
const params = initParams({ input: 784, hidden: 50, output: 10, seed: SEED, std: 0.1 })
const shuffling = randomState(SEED, 1)
const steps = Math.ceil(limit / BATCH)
const order = zeros([limit], { dtype: 'int32' })
const cursor = zeros([1], { dtype: 'int32' })
const step = zeros([1], { dtype: 'int32' })
const losses = zeros([steps], { dtype: 'float64' })

// A step is recorded once and replayed for every batch: all that changes (the order of the images, the place in it, the
// log of losses) is in tensors, so that nothing comes back to JavaScript between two steps.
function recordStep(size) {
  return record(() => {
    const images = gatherRows(train.x, order, { cursor, count: size, dtype: 'float32' })
    const labels = gatherRows(train.y, order, { cursor, count: size })
    put(losses, trainStep(params, images, labels, LEARNING_RATE), step)
    advance(step, 1)
    advance(cursor, size)
  })
}
const whole = Math.floor(limit / BATCH)
const tape = whole > 0 ? recordStep(BATCH) : undefined
const lastTape = limit % BATCH > 0 ? recordStep(limit % BATCH) : undefined

// Mean loss and accuracy of a data set, in parts. Another slip that notebooks make is to score training images against
// test labels (accuracy(x_train, t_test)); a data set is passed as one thing here, so that the two cannot part.
function score({ x, y }, rows = 1000) {
  const sums = { loss: 0, accuracy: 0 }
  const count = x.shape[0]
  for (let from = 0; from < count; from += rows) {
    const to = Math.min(count, from + rows)
    const part = [x.slice(from, to), y.slice(from, to)]
    sums.loss += loss(params, ...part).item() * (to - from)
    sums.accuracy += accuracy(params, ...part).item() * (to - from)
  }
  return { loss: sums.loss / count, accuracy: sums.accuracy / count }
}

const percent = (share) => `${(100 * share).toFixed(2)} %`
const history = new History()
console.log(`before    test accuracy ${percent(score(test).accuracy)}`)
for (let epoch = 1; epoch <= EPOCHS; epoch++) {
  const start = performance.now()
  permutation(shuffling, limit, order)
  cursor.set([0])
  step.set([0])
  await tape?.replayAsync(whole)
  await lastTape?.replayAsync(1)
  const seconds = (performance.now() - start) / 1000
  const now = { train: score(train), test: score(test) }
  history.addEpoch({
    loss: now.train.loss,
    accuracy: now.train.accuracy,
    valLoss: now.test.loss,
    valAccuracy: now.test.accuracy,
  })
  history.addSteps({ loss: losses.data }, seconds)
  const [a, b] = [now.train, now.test].map((s) => `${s.loss.toFixed(4)}, ${percent(s.accuracy)}`)
  console.log(
    `epoch ${epoch}   training loss and accuracy ${a}   test ${b}   (${steps} steps in ${seconds.toFixed(2)} s)`,
  )
}

heading('The first test images')
const guesses = predict(params, test.x.slice(0, 10)).argmax()
console.log(`predicted ${Array.from(guesses.data).join(' ')}`)
console.log(`labels    ${Array.from(test.y.slice(0, 10).data).join(' ')}`)

if (EPOCHS > 0) {
  const title = 'MNIST from scratch, 784-50-10'
  const epochs = await plot(history, path.join(flags.out, 'epochs'), {
    title: `${title} (validation: the test images)`,
  })
  const each = await plot(history, path.join(flags.out, 'steps'), { title: `${title}: loss of each step`, by: 'step' })
  console.log(`\nplots: ${[...epochs.files, ...each.files].join(', ')}`)
}
