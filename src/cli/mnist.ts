#!/usr/bin/env node
import { createHash } from 'node:crypto'
import { mnist } from '../data/index.js'
import {
  Affine,
  backendInfo,
  type Dataset,
  type History,
  LanewiseError,
  Relu,
  Sequential,
  Sigmoid,
  Softmax,
  Tanh,
} from '../index.js'
import { HELP, type MnistRun, OPTIMIZERS, parseRun } from './mnist-options.js'
import { counted, outlastReader, UsageError } from './options.js'

const ACTIVATIONS = { sigmoid: Sigmoid, tanh: Tanh, relu: Relu }

/** SHA-256 of the parameters' bytes, layer by layer: the same on every machine for the same run. */
export function hashOf(model: Sequential): string {
  const hash = createHash('sha256')
  for (const w of model.getWeights()) {
    const { buffer, byteOffset, byteLength } = w.data.slice()
    hash.update(new Uint8Array(buffer, byteOffset, byteLength))
  }
  return hash.digest('hex')
}

async function train(run: MnistRun, signal: AbortSignal): Promise<void> {
  const info = backendInfo()
  if (run.plot !== undefined) {
    const { prepareFiles } = await import('../plot/plot.js')
    prepareFiles(run.plot) // found out before the training and not after
  }
  const { train: all, test, classes } = await mnist(run.data === undefined ? {} : { dir: run.data })
  const rows = Math.min(run.limit ?? all.x.shape[0], all.x.shape[0])
  const data: Dataset = { x: all.x.slice(0, rows), y: all.y.slice(0, rows) }
  const hidden = run.hidden.flatMap((units) => [new Affine(units), new ACTIVATIONS[run.activation]()])
  const model = new Sequential({
    input: [all.x.shape[1]],
    layers: [...hidden, new Affine(classes), new Softmax()],
    seed: run.seed,
    dtype: run.dtype,
  })
  model.compile({
    optimizer: OPTIMIZERS[run.optimizer](run.lr),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  })
  if (!run.json) {
    console.log(model.summary())
    console.log(`\n${info.backend} backend (${info.isa}, ${counted(info.threads, 'thread')}) on ${info.cpu}\n`)
  }
  let history: History
  try {
    history = await model.fit(data, {
      epochs: run.epochs,
      batchSize: run.batch,
      validation: test,
      signal,
      verbose: !run.json,
    })
  } catch (error) {
    const until = (error as { history?: History }).history
    if (until !== undefined && until.epoch.length > 0) await writePlot(run, until)
    throw error
  }
  const result = await model.evaluate(test, { signal })
  await report(run, model, history, result, rows)
}

async function report(
  run: MnistRun,
  model: Sequential,
  history: History,
  test: Record<string, number>,
  rows: number,
): Promise<void> {
  const { backend, isa, threads, cpu } = backendInfo()
  const seconds = history.seconds.reduce((s, t) => s + t, 0)
  const samplesPerSec = Math.round((rows * run.epochs) / seconds)
  const trainLoss = history.history.loss[run.epochs - 1]
  if (run.json) {
    const figures = {
      backend,
      isa,
      threads,
      cpu,
      dtype: run.dtype,
      epochs: run.epochs,
      batch: run.batch,
      samplesPerSec,
      secPerEpoch: seconds / run.epochs,
      trainLoss,
      testLoss: test.loss,
      testAccuracy: test.accuracy,
      parameters: model.countParameters(),
      hash: hashOf(model),
    }
    console.log(JSON.stringify(figures))
  } else {
    console.log(
      `\n${samplesPerSec.toLocaleString('en-US')} samples/s in training, ${(seconds / run.epochs).toFixed(3)} s an epoch`,
    )
    console.log(`parameters ${hashOf(model)} (SHA-256)`)
    console.log(`test loss ${test.loss.toFixed(4)}  test accuracy ${test.accuracy.toFixed(4)}`)
  }
  await writePlot(run, history)
}

async function writePlot(run: MnistRun, history: History): Promise<void> {
  if (run.plot === undefined) return
  const { plot } = await import('../plot/index.js')
  const { files } = await plot(history, run.plot)
  console.error(`wrote ${files.join(' and ')}`)
}

/** `call` is how it was called, for its help. */
export async function main(argv: string[], call: string): Promise<void> {
  const stop = new AbortController()
  const interrupt = () => stop.abort(new UsageError('stopped by Ctrl-C'))
  process.once('SIGINT', interrupt)
  try {
    const run = parseRun(argv)
    if (run.help) console.log(`usage: ${call} [options]\n${HELP}`)
    else await train(run, stop.signal)
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof LanewiseError || (error as NodeJS.ErrnoException)?.code))
      throw error
    console.error(`mnist: ${(error as Error).message.split('\n')[0].replace(/^mnist: /, '')}`)
    process.exitCode = stop.signal.aborted ? 130 : 1
  } finally {
    process.off('SIGINT', interrupt)
  }
}

if (require.main === module) {
  outlastReader()
  main(process.argv.slice(2), 'npm run --silent mnist --')
}
