import { parseArgs } from 'node:util'

/** A mistake in how the program was called: shown as one line. */
export class UsageError extends Error {}

export const SUITES = ['matmul', 'ops', 'train', 'overhead', 'scaling', 'crowd', 'price']

export const USAGE = `usage: npm run --silent bench -- ${SUITES.join(' | ')} [options]
  --json          one JSON object a line
  --quick         tiny sizes and durations: shows that it runs, not how fast
  --threads N     measures with N threads only (default: with one, then with all)
  --filter TEXT   only works whose name contains TEXT
  --rounds N      train, crowd: how often all configurations take their turn (5)
  --out DIR       scaling: where the SVG files go (bench/results)
  --help
LANEWISE_BACKEND and LANEWISE_ISA choose what is measured, as always.`

const TEXT = { type: 'string' }
const FLAG = { type: 'boolean', default: false }
const OPTIONS = { json: FLAG, quick: FLAG, help: FLAG, threads: TEXT, filter: TEXT, rounds: TEXT, out: TEXT }

/** A whole number from 1 to high, or undefined where the option is absent. */
export function whole(name, text, high) {
  if (text === undefined) return undefined
  const n = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (n >= 1 && n <= high) return n
  throw new UsageError(`--${name}: expected a whole number from 1 to ${high}, received ${JSON.stringify(text)}`)
}

/** parseArgs with its errors as UsageErrors of one line. */
export function parseStrictly(args, options, allowPositionals) {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals })
  } catch (error) {
    throw new UsageError(`${error.message.split(/[.\n]/)[0]} (see --help)`)
  }
}

export function parse(argv) {
  const { values, positionals } = parseStrictly(argv, OPTIONS, true)
  const [suite, ...rest] = positionals
  if (!values.help && (!SUITES.includes(suite) || rest.length > 0))
    throw new UsageError(`expected one of ${SUITES.join(', ')}, received ${positionals.join(' ') || 'nothing'}`)
  return {
    ...values,
    suite,
    threads: whole('threads', values.threads, 256),
    rounds: whole('rounds', values.rounds, 1000) ?? (values.quick ? 1 : 5),
    filter: values.filter ?? '',
    /** Milliseconds of sampling for each line. */
    time: values.quick ? 10 : 500,
  }
}
