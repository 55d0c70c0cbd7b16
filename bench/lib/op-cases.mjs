import * as lw from 'lanewise'
import { random, randomLabels, replayed } from './engine.mjs'

const F32 = 4

/** A model that is nothing but one parameter of `size` numbers, for optimizers. */
class Flat extends lw.Module {
  constructor(size) {
    super()
    this.size = size
  }

  build(input) {
    this.values = this.parameter('values', [this.size], 'glorotUniform')
    return input
  }
}

function optimizerStep(size, optimizer) {
  const store = lw.build(new Flat(size), [1], { seed: 1 })
  lw.copy(random([store.gradients.size], { low: -1e-3, high: 1e-3 }), store.gradients)
  return replayed(() => optimizer.step(store))
}

function gather(rows) {
  const source = lw.tensor(new Uint8Array(rows * 784).fill(7), { shape: [rows, 784], dtype: 'uint8', divisor: 255 })
  const order = lw.permutation(lw.randomState(2), rows)
  const cursor = lw.zeros([1], { dtype: 'int32' })
  const y = random([rows, 784])
  return replayed(() => lw.gatherRows(source, order, { cursor, dtype: 'float32' }, y))
}

function gatherFew(rows, columns) {
  const [source, y] = [random([rows, columns]), random([rows, columns])]
  const order = lw.permutation(lw.randomState(2), rows)
  return replayed(() => lw.gatherRows(source, order, {}, y))
}

function accuracyOf(rows, classes) {
  const [p, labels] = [random([rows, classes]), randomLabels(rows, classes)]
  return replayed(() => lw.accuracy(p, labels))
}

function crossEntropy(rows, classes) {
  const [x, labels] = [random([rows, classes]), randomLabels(rows, classes)]
  return replayed(() => lw.softmaxCrossEntropy(x, labels))
}

/**
 * Works on about `size` elements. `bytes` counts each operand read once and written once; `prepare` makes the operands and
 * returns run(k) for measure.
 */
export function opCases(size) {
  const unary = (op, low = -1) => {
    const [x, y] = [random([size], { low }), random([size])]
    return replayed(() => op(x, y))
  }
  const binary = (op) => {
    const [a, b, y] = [random([size]), random([size]), random([size])]
    return replayed(() => op(a, b, y))
  }
  const matrix = (columns) => [Math.floor(size / columns), columns]
  const withRows = (op, columns, shape) => {
    const [a, b, y] = [random(matrix(columns)), random(shape, { low: 0.5 }), random(matrix(columns))]
    return replayed(() => op(a, b, y))
  }
  const halves = () => {
    const x = random(matrix(10))
    return replayed(() => lw.slice(x, 5, 10, 1))
  }
  const joined = () => {
    const [a, b] = [random(matrix(5)), random(matrix(5))]
    return replayed(() => lw.concat([a, b], 1))
  }
  const rowwise = (op, columns) => {
    const [x, y] = [random(matrix(columns)), random(matrix(columns))]
    return replayed(() => op(x, y))
  }
  const reduction = (op, axis, shape = matrix(512)) => {
    const x = random(shape)
    return replayed(() => op(x, axis))
  }
  const transpose = () => {
    const rows = 2 ** Math.floor(Math.log2(size) / 2)
    const [x, y] = [random([rows, size / rows]), random([size / rows, rows])]
    return replayed(() => lw.transpose(x, y))
  }
  const lossOf = (op) => {
    const [p, t] = [random([size], { low: 0 }), random([size], { low: 0 })]
    return replayed(() => op(p, t))
  }
  const classes = (rows) => {
    const [labels, y] = [randomLabels(rows, 10), random([rows, 10])]
    return replayed(() => lw.oneHot(labels, 10, 'float32', y))
  }
  const numbers = (op) => {
    const [state, y] = [lw.randomState(3), random([size])]
    return replayed(() => op(state, [size], 0, 1, {}, y))
  }
  const images = Math.max(1, Math.floor(size / 784))
  const map = (name, prepare, perElement, elements = size) => ({
    name,
    elements,
    bytes: perElement * elements,
    prepare,
  })
  return [
    map('add', () => binary(lw.add), 3 * F32),
    map('add a bias of 512', () => withRows(lw.add, 512, [512]), 2 * F32),
    map('multiply', () => binary(lw.multiply), 3 * F32),
    map('divide', () => binary(lw.divide), 3 * F32),
    map('maximum', () => binary(lw.maximum), 3 * F32),
    map('exp', () => unary(lw.exp), 2 * F32),
    map('log', () => unary(lw.log, 0.01), 2 * F32),
    map('sqrt', () => unary(lw.sqrt, 0.01), 2 * F32),
    map('sigmoid', () => unary(lw.sigmoid), 2 * F32),
    map('tanh', () => unary(lw.tanh), 2 * F32),
    map('relu', () => unary(lw.relu), 2 * F32),
    map('softmax, rows of 10', () => rowwise(lw.softmax, 10), 2 * F32, 10 * Math.floor(size / 10)),
    map('softmax, rows of 512', () => rowwise(lw.softmax, 512), 2 * F32),
    map('sum, all', () => reduction(lw.sum), F32),
    map('sum, rows of 512', () => reduction(lw.sum, 1), F32),
    map('sum, columns (512)', () => reduction(lw.sum, 0), F32),
    map('max, rows of 512', () => reduction(lw.max, 1), F32),
    map('argmax, rows of 512', () => reduction(lw.argmax, 1), F32),
    map('sgd', () => optimizerStep(size, new lw.SGD()), 3 * F32),
    map('momentum', () => optimizerStep(size, new lw.SGD({ momentum: 0.9 })), 5 * F32),
    map('rmsprop', () => optimizerStep(size, new lw.RMSProp()), 5 * F32),
    map('adam', () => optimizerStep(size, new lw.Adam()), 7 * F32),
    map('gatherRows, uint8 images', () => gather(images), 1 + F32, 784 * images),
    map('softmaxCrossEntropy, 10 classes', () => crossEntropy(Math.floor(size / 10), 10), 2 * F32, size),
    map('transpose', transpose, 2 * F32),
    map("sigmoid's derivative", () => binary(lw.sigmoidGrad), 3 * F32),
    map('logSoftmax, rows of 512', () => rowwise(lw.logSoftmax, 512), 2 * F32),
    map('mean squared error', () => lossOf(lw.meanSquaredError), 2 * F32),
    map('binary cross-entropy, logits', () => lossOf(lw.binaryCrossEntropyFromLogits), 2 * F32),
    map('oneHot, 10 classes', () => classes(Math.floor(size / 10)), F32, 10 * Math.floor(size / 10)),
    // rows of few numbers, where a row costs more than its numbers
    map('add a bias of 3', () => withRows(lw.add, 3, [3]), 2 * F32, 3 * matrix(3)[0]),
    map('divide rows of 3', () => withRows(lw.divide, 3, [matrix(3)[0], 1]), 2 * F32 + F32 / 3, 3 * matrix(3)[0]),
    map('slice, 5 columns of 10', halves, 2 * F32, 5 * matrix(10)[0]),
    map('concat, 5 columns and 5', joined, 2 * F32, 10 * matrix(5)[0]),
    map('gatherRows, rows of 10', () => gatherFew(...matrix(10)), 2 * F32, 10 * matrix(10)[0]),
    map('argmax, rows of 10', () => reduction(lw.argmax, 1, matrix(10)), F32, 10 * matrix(10)[0]),
    map('accuracy, 10 classes', () => accuracyOf(...matrix(10)), F32, 10 * matrix(10)[0]),
    map('uniform', () => numbers(lw.uniform), F32),
    map('normal', () => numbers(lw.normal), F32),
  ]
}
