// What a call costs beyond its arithmetic: small eager ops, tensors, recording, replaying, crossing to the thread pool.
import * as lw from 'lanewise'
import { random, replayed, threadCounts, useThreads } from '../lib/engine.mjs'
import { measure } from '../lib/measure.mjs'
import { MNIST_JOB, modelOf, trainingStep } from '../lib/network.mjs'

/** run(k) that calls fn k times. */
const repeated = (fn) => (count) => {
  for (let i = 0; i < count; i++) fn()
}

function works() {
  const [a, b, y] = [random([16, 16]), random([16, 16]), random([16, 16])]
  const values = new Float32Array(256).fill(0.5)
  const large = random([256, 256])
  const counter = lw.zeros([1], { dtype: 'int32' })
  const { step } = trainingStep(MNIST_JOB)
  const tape = lw.record(step)
  const smallest = lw.record(() => lw.advance(counter, 0))
  const model = modelOf(MNIST_JOB)
  const images = random([60000, 784], { low: 0 })
  const image = lw.slice(images, 0, 1)
  return [
    ['eager ops on 16x16, call to return'],
    ['add', repeated(() => lw.add(a, b))],
    ['add, out', repeated(() => lw.add(a, b, y))],
    ['relu', repeated(() => lw.relu(a))],
    ['relu, out', repeated(() => lw.relu(a, y))],
    ['matmul', repeated(() => lw.matmul(a, b))],
    ['matmul, out', repeated(() => lw.matmul(a, b, {}, y))],
    ['the same matmul, replayed', replayed(() => lw.matmul(a, b, {}, y))],
    ['sum of all', repeated(() => lw.sum(a))],
    ['sum of columns', repeated(() => lw.sum(a, 0))],
    ['tensors'],
    ['zeros 16x16', repeated(() => lw.zeros([16, 16]))],
    ['tensor 16x16 of a Float32Array', repeated(() => lw.tensor(values, { shape: [16, 16] }))],
    ['zeros 256x256', repeated(() => lw.zeros([256, 256]))],
    ['slice of rows (a view)', repeated(() => lw.slice(large, 16, 32))],
    ['item', repeated(() => counter.item())],
    ['tapes'],
    ['training step of 784-50-10 (batch 32), eager', repeated(step)],
    ['the same, record and bind', repeated(() => lw.record(step))],
    ['the same, replayed', (count) => tape.replay(count)],
    ['smallest command, within a replay', (count) => smallest.replay(count)],
    ['replay(1) of the smallest command', repeated(() => smallest.replay(1))],
    [
      'replayAsync(1) of the smallest command',
      async (count) => {
        for (let i = 0; i < count; i++) await smallest.replayAsync(1)
      },
    ],
    ['predictions of 784-50-10'],
    ['predict, 1 row', repeated(() => model.predict(image))],
    ['predict, 60,000 rows', repeated(() => model.predict(images))],
  ]
}

export async function run({ options, report }) {
  const [threads] = threadCounts(options)
  useThreads(threads)
  for (const [work, fn] of works()) {
    if (fn === undefined) report.section(work)
    else if (options.wants(work)) {
      const { ns, spread, samples } = await measure(fn, options)
      report.line({ work, threads, value: ns, unit: 'ns', median: ns, spread, samples })
    }
  }
}
