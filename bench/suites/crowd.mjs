// Four trainings at once, in processes of their own and in worker threads of one: what they reach together against one alone.
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { MNIST_JOB } from '../lib/network.mjs'
import { figure } from '../lib/report.mjs'
import { runJson, takeTurns } from '../lib/rounds.mjs'

const TRAINER = fileURLToPath(new URL('../trainer.mjs', import.meta.url))
const SECONDS = 4
const QUICK_SAMPLES = 640
const CROWD = 4

/** The trainer in a worker thread; its last line, as from runJson. */
function inWorker(job) {
  return new Promise((resolve) => {
    const worker = new Worker(TRAINER, { argv: [job], stdout: true })
    let out = ''
    worker.stdout.setEncoding('utf8').on('data', (part) => {
      out += part
    })
    worker.on('error', (error) => resolve({ error: error.message }))
    worker.on('exit', () => resolve(JSON.parse(out.trim().split('\n').at(-1) || '{"error":"no figures"}')))
  })
}

async function together(start, count) {
  const answers = await Promise.all(Array.from({ length: count }, start))
  const failed = answers.find(({ error }) => error !== undefined)
  return failed ?? { ...answers[0], samplesPerSec: answers.reduce((sum, { samplesPerSec }) => sum + samplesPerSec, 0) }
}

export async function run({ options, report }) {
  const amount = options.quick ? { samples: QUICK_SAMPLES } : { seconds: SECONDS }
  const job = JSON.stringify({ ...MNIST_JOB, ...amount })
  const process_ = () => runJson(process.execPath, [TRAINER, job])
  const worker = () => inWorker(job)
  const entries = [
    { name: 'one alone', measure: () => together(process_, 1) },
    { name: 'four processes', measure: () => together(process_, CROWD) },
    { name: 'four worker threads', measure: () => together(worker, CROWD) },
  ].filter(({ name }) => options.wants(name))
  const runs = await takeTurns(entries, options.rounds)
  report.section('784-50-10, batch 32, Adam: all together, samples a second')
  for (const { entry, result, rate, error } of runs) {
    if (error !== undefined) throw new Error(`${entry.name}: ${error}`)
    const ratio = rate.median / runs[0].rate.median
    const { backend, isa, threads } = result
    const value = rate.median
    const note = `${figure(ratio)} x ${runs[0].entry.name}`
    report.line({
      work: entry.name,
      backend,
      isa,
      threads,
      value,
      unit: 'samples/s',
      spread: rate.spread,
      samples: rate.samples,
      ratio,
      note,
    })
  }
}
