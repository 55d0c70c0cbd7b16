// Trains a network on MNIST in this process and prints samples a second as one JSON object. Other programs here start it,
// with LANEWISE_BACKEND and LANEWISE_THREADS set. usage: node trainer.mjs JOB, a JSON object:
//   hidden, activation, batch, optimizer   the network and how to train it
//   seconds or samples                     how long to train, after a warm-up
//   evaluate                               whether to give the test accuracy
import { createRequire } from 'node:module'
import { backendInfo } from 'lanewise'
import { mnist } from 'lanewise/data'
import { modelOf, optimizerOf } from './lib/network.mjs'

const job = JSON.parse(process.argv[2])
const { train, test } = await mnist(job.data === undefined ? {} : { dir: job.data })
const rows = train.x.shape[0]
const model = modelOf(job)
model.compile({ optimizer: optimizerOf(job), loss: 'sparseCategoricalCrossentropy', metrics: [] })

/** Trains on about so many samples, in whole batches and, from 60,000 on, in whole epochs; { samples, seconds }. */
async function trainOn(wanted) {
  const epochs = Math.max(1, Math.round(wanted / rows))
  const count = Math.min(rows, Math.max(1, Math.round(wanted / job.batch)) * job.batch)
  const data = count < rows ? { x: train.x.slice(0, count), y: train.y.slice(0, count) } : train
  const start = performance.now()
  await model.fit(data, { epochs, batchSize: job.batch })
  return { samples: count * epochs, seconds: (performance.now() - start) / 1000 }
}

// The first run meets cold code and memory; the second tells how fast it goes.
const trial = Math.min(rows, 20 * job.batch)
await trainOn(trial)
let wanted = job.samples
if (wanted === undefined) {
  const { samples, seconds } = await trainOn(trial)
  wanted = (samples / seconds) * job.seconds
}
const { samples, seconds } = await trainOn(wanted)
const { backend, isa, threads, cpu } = backendInfo()
const { version } = createRequire(import.meta.url)('lanewise/package.json')
const accuracy = job.evaluate ? { testAccuracy: await accuracyOf() } : {}
const answer = { samplesPerSec: samples / seconds, samples, seconds, version, backend, isa, threads, cpu, ...accuracy }
console.log(JSON.stringify(answer))

async function accuracyOf() {
  model.compile({ loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
  return (await model.evaluate(test)).accuracy
}
