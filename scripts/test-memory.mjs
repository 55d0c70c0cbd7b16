// Memory is flat: the process may not grow by 1 MB while it replays 100,000 steps, takes 100,000 one op at a time, or makes
// 1,000 models, trains each one step and drops it. Native backend; each part in a process of its own.
// usage: npm run test:memory [-- TIMES]: so many times the steps and models (1). What grew once stays, what leaks grows by it.
// Ends with "N passed, N failed".
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const LIMIT = 1 // MB
const READINGS = 20

/** `count` is what may not grow by the limit; the warm-up lasts until code is compiled and the heaps have their shape. */
const PARTS = {
  replay: { what: 'replayed steps', count: 100_000, warmUp: 200_000 },
  eager: { what: 'eager steps', count: 100_000, warmUp: 200_000 },
  models: { what: 'models made, trained one step and dropped', count: 1000, warmUp: 4000 },
}
// V8 doubles the space of young objects when enough of them survive at once, by chance after any number of steps, and keeps
// it: 4 MB that are neither ours nor a leak. At its least size from the start, it stays as it is.
const FLAGS = ['--expose-gc', '--max-semi-space-size=1']
// glibc gives Node's own threads, which compile and collect, a heap each that grows to what they once needed. With one heap
// for all of them that is over sooner; a leak is in it as well.
const ENVIRONMENT = { LANEWISE_BACKEND: 'native', MALLOC_ARENA_MAX: '1' }

const [part, times = 1] = process.argv[2] in PARTS ? process.argv.slice(2) : ['', process.argv[2]]
if (!(Number(times) > 0)) throw new Error(`test-memory: expected TIMES above 0, received ${times}`)
if (part) await measure(PARTS[part])
else process.exit(runAll())

function runAll() {
  let failed = 0
  for (const name of Object.keys(PARTS)) {
    // What exceeds the limit may have grown once, by chance; over five times as many a leak exceeds it by five times as much.
    if (!isFlat(name, times) && !isFlat(name, 5 * times)) failed++
  }
  console.log(`${Object.keys(PARTS).length - failed} passed, ${failed} failed`)
  return failed === 0 ? 0 : 1
}

function isFlat(name, times) {
  const { what, count } = PARTS[name]
  const args = [...FLAGS, fileURLToPath(import.meta.url), name, times]
  const env = { ...process.env, ...ENVIRONMENT }
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env })
  const { before, after } = status === 0 ? JSON.parse(stdout) : {}
  const good = after - before < LIMIT
  const figures = `${before?.toFixed(2)} MB, then ${after?.toFixed(2)} MB: ${(after - before).toFixed(2)} MB more`
  console.log(`${(count * times).toLocaleString('en')} ${what}: ${good ? 'flat' : 'NOT FLAT'}  ${figures}${stderr}`)
  return good
}

/**
 * Two windows of `count` each, one after the other: the least of several readings in each, since garbage that waits, and
 * gaps that the C library keeps, come and go, while a leak raises every reading.
 */
async function measure({ count, warmUp }) {
  const run = job()
  const each = count / READINGS
  const least = async (steps) => {
    let mb = Number.POSITIVE_INFINITY
    for (let done = 0; done < steps; done += each) {
      await run(each)
      mb = Math.min(mb, await collected())
    }
    return mb
  }
  // In the same rhythm: garbage of a longer run would leave room in which a leak does not show.
  await least(warmUp)
  const before = await least(count * times)
  console.log(JSON.stringify({ before, after: await least(count * times) }))
}

/** Resident memory in MB without garbage. Finalizers run when the loop turns, and may leave garbage themselves. */
async function collected() {
  for (let i = 0; i < 2; i++) {
    globalThis.gc()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return process.memoryUsage.rss() / 1e6
}

function job() {
  const lw = createRequire(import.meta.url)('../dist/index.js')
  // The hidden layer's outputs are just too large to share a slab: each takes a block, and a number in the addon, of its own.
  const x = lw.normal(lw.randomState(1), [64, 20])
  const y = lw.tensor(Int32Array.from({ length: 64 }, (_, i) => i % 5))
  const training = () => {
    const layers = [new lw.Affine(34), new lw.Relu(), new lw.Affine(5)]
    const model = new lw.Sequential({ input: [20], layers })
    const adam = new lw.Adam()
    return () => {
      const { loss } = lw.softmaxCrossEntropy(model.forward(x), y)
      lw.backward(loss)
      adam.step(model.store)
    }
  }
  const repeat = (fn) => (n) => {
    for (let i = 0; i < n; i++) fn()
  }
  if (part === 'replay') {
    const tape = lw.record(training())
    return (n) => tape.replayAsync(n)
  }
  return repeat(part === 'eager' ? training() : () => training()())
}
