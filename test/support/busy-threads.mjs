// What threads can do to each other: several replays off the loop at once, fits aborted in the middle, and workers, with
// numbers of threads of their own, that are ended while they train. Prints one line. Run by scripts/test-sanitizers.sh on a build with ThreadSanitizer.
// usage: node busy-threads.mjs
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'

const require = createRequire(import.meta.url)
const lw = require('../../dist/index.js')
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const ROUNDS = 8

/** Large enough to be shared among threads. */
function training() {
  const state = lw.randomState(1)
  const data = { x: lw.uniform(state, [400, 64], -1, 1), y: lw.cast(lw.uniform(state, [400], 0, 10), 'int32') }
  const layers = [new lw.Affine(128), new lw.Tanh(), new lw.Affine(10), new lw.Softmax()]
  const model = new lw.Sequential({ input: [64], layers, seed: 1 })
  model.compile({ loss: 'sparseCategoricalCrossentropy' })
  return { model, data }
}

/** Four tapes at once: one at a time has the pool, the others compute alone; reading in between is allowed only afterwards. */
async function replays() {
  const one = async (i) => {
    const a = lw.full([64, 64], 1 + i)
    const b = lw.full([64, 64], 0.5)
    let y
    const tape = lw.record(() => {
      y = lw.matmul(lw.tanh(lw.matmul(a, b)), b)
    })
    await tape.replayAsync(300)
    return y.slice(0, 1).toArray()[0][0]
  }
  const values = await Promise.all([0, 1, 2, 3].map(one))
  if (!values.every((v) => Math.abs(v - 32) < 1e-3)) throw new Error(`replays gave ${values}`)
}

async function aborts() {
  const { model, data } = training()
  for (let i = 0; i < ROUNDS; i++) {
    const stop = new AbortController()
    const fit = model.fit(data, { epochs: 1e6, batchSize: 64, signal: stop.signal }).catch((e) => e)
    await wait(5 + 7 * i)
    stop.abort(new Error('enough'))
    if ((await fit).message !== 'enough') throw new Error('fit was not aborted')
    if (!model.snapshot().every(Number.isFinite)) throw new Error('the model is broken')
  }
}

async function workers() {
  const code = `
    const lw = require(${JSON.stringify(require.resolve('../../dist/index.js'))})
    const { model, data } = (${training})()
    model.fit(data, { epochs: 1e6, batchSize: 64 })
    require('node:worker_threads').parentPort.postMessage('training')`
  for (let i = 0; i < ROUNDS; i++) {
    const pair = ['2', '5'].map(
      (LANEWISE_THREADS) => new Worker(code, { eval: true, env: { ...process.env, LANEWISE_THREADS } }),
    )
    await Promise.all(
      pair.map((worker) => new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))),
    )
    await wait(5 * i)
    for (const worker of pair) await worker.terminate()
  }
}

await replays()
await Promise.all([replays(), aborts()])
await Promise.all([aborts(), workers()])
console.log(`replays at once, ${2 * ROUNDS} aborts, ${2 * ROUNDS} workers ended while training`)
