// How long a cache line takes to another processor and back: what several threads wait for. A host that puts a machine's processors on
// one chip for a minute, and on two the next, changes it fourfold, and with it every figure of more than one thread.
import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { summarize } from './measure.mjs'

const TRIPS = 1000
const BATCHES = 15
const LIMIT_MS = 500
const SPINS = 10_000
/** Two int32 as far apart as no processor fetches together. */
const [PING, PONG] = [0, 64]
const END = -1

if (!isMainThread) {
  const cells = workerData
  parentPort.postMessage('ready')
  for (let last = 0; ; ) {
    const now = Atomics.load(cells, PING)
    if (now === END) break
    if (now !== last) Atomics.store(cells, PONG, now)
    last = now
  }
}

/** Median nanoseconds of a round trip; undefined where there is one processor, or no rest on two. */
export async function handover() {
  if (availableParallelism() < 2) return undefined
  const cells = new Int32Array(new SharedArrayBuffer(1024))
  const worker = new Worker(new URL(import.meta.url), { workerData: cells })
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  const times = []
  const start = performance.now()
  const late = () => performance.now() - start > LIMIT_MS
  for (let sent = 0; times.length < BATCHES && !late(); ) {
    const begin = performance.now()
    for (const end = sent + TRIPS; sent < end; ) {
      Atomics.store(cells, PING, ++sent)
      for (let i = 1; Atomics.load(cells, PONG) !== sent; i++) if (i % SPINS === 0 && late()) break
    }
    times.push(((performance.now() - begin) * 1e6) / TRIPS)
  }
  Atomics.store(cells, PING, END)
  await worker.terminate()
  return late() ? undefined : (await summarize(times)).median
}
