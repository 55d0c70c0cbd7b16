// What every JavaScript peer shares: the task it is given, the data, and the answer it prints.
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

/** { data: folder of MNIST's files, hidden: sizes of layers, activation, optimizer, learningRate, batch, samples: how many to train on, warmUp: how many
 * before the clock starts } */
export const task = JSON.parse(process.argv[2])

export const INPUTS = 784
export const CLASSES = 10
const sizes = [INPUTS, ...task.hidden, CLASSES]
/** [inputs, outputs] of each layer. */
export const SHAPES = sizes.slice(1).map((outputs, i) => [sizes[i], outputs])

const bytes = (name, header) => fs.readFileSync(path.join(task.data, name)).subarray(header)

/** Images as Float32Array rows of 784 numbers from 0 to 1, labels as bytes. */
function pair(prefix) {
  const x = Float32Array.from(bytes(`${prefix}-images-idx3-ubyte`, 16), (v) => v / 255)
  return { x, y: Uint8Array.from(bytes(`${prefix}-labels-idx1-ubyte`, 8)) }
}

export const train = pair('train')
export const test = pair('t10k')

/** Glorot's uniform initial weights, as Keras draws them. */
export function glorot(inputs, outputs) {
  const limit = Math.sqrt(6 / (inputs + outputs))
  return Float32Array.from({ length: inputs * outputs }, () => (2 * Math.random() - 1) * limit)
}

/** Calls step(rows) with the indices of each whole batch of `count` samples, in a new random order. */
export function* batches(count) {
  const order = Int32Array.from({ length: train.y.length }, (_, i) => i)
  for (let left = count; left >= task.batch; ) {
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(Math.random() * (i + 1))
      const swapped = order[i]
      order[i] = order[j]
      order[j] = swapped
    }
    for (let at = 0; at + task.batch <= order.length && left >= task.batch; at += task.batch, left -= task.batch)
      yield order.subarray(at, at + task.batch)
  }
}

/** Share of the test images whose largest score, of rows of 10, is at the label. */
export function accuracy(scores) {
  let right = 0
  for (let i = 0; i < test.y.length; i++) {
    const row = Array.from(scores.subarray(CLASSES * i, CLASSES * (i + 1)))
    if (row.indexOf(Math.max(...row)) === test.y[i]) right++
  }
  return right / test.y.length
}

/** The version of an installed package, or of the nearest package.json above its entry. */
function versionOf(name) {
  let folder = path.dirname(createRequire(import.meta.url).resolve(name))
  while (!fs.existsSync(path.join(folder, 'package.json'))) folder = path.dirname(folder)
  return JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')).version
}

/** Runs `trainOn(samples)` to warm up, then against the clock, and prints the answer. */
export async function compete(name, trainOn, testScores) {
  await trainOn(task.warmUp)
  const samples = Math.floor(task.samples / task.batch) * task.batch
  const start = performance.now()
  await trainOn(samples)
  const seconds = (performance.now() - start) / 1000
  const testAccuracy = accuracy(await testScores())
  console.log(
    JSON.stringify({ samplesPerSec: samples / seconds, samples, seconds, testAccuracy, version: versionOf(name) }),
  )
  process.exit(0) // some keep threads
}
