// Training on the real MNIST: native code against pure JavaScript, each configuration in a process of its own, in turn.
import { fileURLToPath } from 'node:url'
import { isNative, threadCounts } from '../lib/engine.mjs'
import { handover } from '../lib/handover.mjs'
import { flopsPerSample, MNIST_JOB } from '../lib/network.mjs'
import { counted } from '../lib/options.mjs'
import { figure, percent, table } from '../lib/report.mjs'
import { runJson, takeTurns } from '../lib/rounds.mjs'

const TRAINER = fileURLToPath(new URL('../trainer.mjs', import.meta.url))
const SECONDS = 2
const QUICK_SAMPLES = 640

const JOBS = [
  ['784-50-10, batch 32, Adam', MNIST_JOB],
  ['784-50-10, batch 100, Adam', { ...MNIST_JOB, batch: 100 }],
  ['784-50-10, batch 256, Adam', { ...MNIST_JOB, batch: 256 }],
  ['784-50-10, batch 32, SGD', { ...MNIST_JOB, optimizer: 'sgd' }],
  ['784-50-10, batch 256, SGD', { ...MNIST_JOB, batch: 256, optimizer: 'sgd' }],
  ['784-512-512-10, ReLU, batch 128, Adam', { hidden: [512, 512], activation: 'relu', batch: 128, optimizer: 'adam' }],
]

function configurations(options) {
  const sides = [['js', 1], ...(isNative ? threadCounts(options).map((n) => ['native', n]) : [])]
  return JOBS.filter(([name]) => options.wants(name)).flatMap(([name, job]) =>
    sides.map(([backend, threads]) => {
      const entry = { name, job, backend, threads, handovers: [] }
      entry.measure = async () => {
        const amount = options.quick ? { samples: QUICK_SAMPLES } : { seconds: SECONDS }
        const env = { LANEWISE_BACKEND: backend, LANEWISE_THREADS: String(threads) }
        const before = threads > 1 ? await handover() : undefined
        const result = await runJson(process.execPath, [TRAINER, JSON.stringify({ ...job, ...amount })], env)
        const after = threads > 1 ? await handover() : undefined
        // The host may have moved the processors in between.
        if (before !== undefined && after !== undefined) entry.handovers.push(Math.round(Math.max(before, after)))
        return result
      }
      return entry
    }),
  )
}

export async function run({ options, report, limits }) {
  const all = configurations(options)
  const runs = await takeTurns(all, options.rounds, (round, { name, backend, threads }) => {
    if (process.stderr.isTTY)
      process.stderr.write(`\r\x1b[Kround ${round} of ${options.rounds}: ${name}, ${backend}, ${threads}`)
  })
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  const failed = runs.find(({ error }) => error !== undefined)
  if (failed) throw new Error(`${failed.entry.name}, ${failed.entry.backend}: ${failed.error}`)

  report.section('training, samples a second')
  const rows = []
  for (const { entry, rate, result } of runs) {
    const { name, job, backend, threads, handovers } = entry
    const js = runs.find((r) => r.entry.name === name && r.entry.backend === 'js')
    const limit = limits.peak.float32[threads]
    const gigaflops = (flopsPerSample(job) * rate.median) / 1e9
    const ratio = backend === 'native' ? rate.median / js.rate.median : undefined
    const share = limit && backend === 'native' ? gigaflops / limit : undefined
    report.line({
      work: report.json ? name : `${name}, ${backend}`,
      backend,
      isa: result.isa,
      threads: result.threads,
      value: rate.median,
      unit: 'samples/s',
      median: 1e9 / rate.median,
      spread: rate.spread,
      samples: rate.samples,
      share,
      limit,
      ratio,
      handovers: handovers.length > 0 ? handovers : undefined,
      gigaflops,
      flopsPerSample: flopsPerSample(job),
      trainedSamples: result.samples,
      note: ratio && `${figure(ratio)} x js${handovers.length > 0 ? `, cores ${handovers.join(', ')} ns apart` : ''}`,
    })
    rows.push({ name, backend, threads, rate, ratio, share })
  }
  report.text(
    `\n${summary(rows)}\n\nmedians of ${counted(options.rounds, 'round')}; share of the multiply-add peak in parentheses`,
  )
}

/** A line a job: JavaScript, then native code with its ratio to it. */
function summary(rows) {
  const sides = rows.filter(({ name }) => name === rows[0]?.name)
  const title = ({ backend, threads }) =>
    backend === 'js' ? ['js'] : [`native, ${counted(threads, 'thread')}`, '÷ js']
  const cells = ({ backend, rate, ratio, share }) =>
    backend === 'js' ? [figure(rate.median)] : [`${figure(rate.median)} (${percent(share) || '-'})`, figure(ratio)]
  const names = [...new Set(rows.map(({ name }) => name))]
  return table([
    ['samples/s', ...sides.flatMap(title)],
    ...names.map((name) => [name, ...rows.filter((row) => row.name === name).flatMap(cells)]),
  ])
}
