import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
const cli = require('../../dist/cli/options.js')
const { makeFolderOf } = require('../../dist/plot/plot.js')

export const { counted, parseOptions, UsageError } = cli

const SUITES = ['matmul', 'ops', 'train', 'overhead', 'scaling', 'crowd', 'price']

export const USAGE = `usage: npm run --silent bench -- ${SUITES.join(' | ')} [options]
  --json          one JSON object a line
  --quick         tiny sizes and durations: shows that it runs, not how fast
  --threads N     measures with N threads only (default: with one, then with all)
  --filter TEXT   only works whose name contains TEXT
  --rounds N      train, crowd: how often all configurations take their turn (5)
  --out DIR       scaling: where the SVG files go (bench/results; with --quick or --filter a new folder)
  --help
LANEWISE_BACKEND and LANEWISE_ISA choose what is measured, as always.`

const TEXT = { type: 'string' }
const FLAG = { type: 'boolean', default: false }
const OPTIONS = { json: FLAG, quick: FLAG, help: FLAG, threads: TEXT, filter: TEXT, rounds: TEXT, out: TEXT }

/** A whole number from 1 to high, or undefined where the option is absent. */
export function whole(name, text, high) {
  return text === undefined ? undefined : cli.whole(name, text, 1, high)
}

/** Where files go: found out before anything is measured. What is only a part of a run does not replace a kept one. */
export function outFolder({ out, quick, filter }) {
  if (out === undefined && (quick || filter)) return fs.mkdtempSync(path.join(os.tmpdir(), 'lanewise-bench-'))
  const folder = out ?? fileURLToPath(new URL('../results', import.meta.url))
  try {
    makeFolderOf(path.join(folder, 'file'))
    fs.accessSync(folder, fs.constants.W_OK)
  } catch (error) {
    throw new UsageError(`--out: expected a folder to write to, received ${JSON.stringify(folder)} (${error.code})`)
  }
  return folder
}

/** Whether a name contains the text of --filter, in capitals or not. */
export function nameFilter(text = '') {
  return (name) => name.toLowerCase().includes(text.toLowerCase())
}

/** Options that only some suites know. */
const ONLY = { out: ['scaling'], rounds: ['train', 'crowd'] }

export function parse(argv) {
  const { values, positionals } = parseOptions({ args: argv, options: OPTIONS, strict: true, allowPositionals: true })
  const [suite, ...rest] = positionals
  if (!values.help && (!SUITES.includes(suite) || rest.length > 0))
    throw new UsageError(`expected one of ${SUITES.join(', ')}, received ${positionals.join(' ') || 'nothing'}`)
  for (const [name, suites] of Object.entries(ONLY)) {
    if (values[name] !== undefined && !suites.includes(suite) && !values.help)
      throw new UsageError(`--${name}: expected with ${suites.join(' or ')} only, received with ${suite}`)
  }
  return {
    ...values,
    suite,
    out: suite === 'scaling' ? outFolder(values) : undefined,
    threads: whole('threads', values.threads, 256),
    rounds: whole('rounds', values.rounds, 1000) ?? (values.quick ? 1 : 5),
    filter: values.filter ?? '',
    wants: nameFilter(values.filter),
    /** Milliseconds of sampling for each line. */
    time: values.quick ? 10 : 500,
  }
}
