import type { AbortSignalLike } from '../backend/backend.js'
import { asArgument, checkFlag, checkOptions, checkWhole, describe, takeOptions, ValueError } from '../errors.js'
import { sliceRows } from '../ops/views.js'
import { checkSignal } from '../tape.js'
import { addHistory, isAbort } from './abort.js'
import { type Callback, checkCallbacks, type Logs, type TrainingModel } from './callbacks.js'
import { checkRows, type Dataset, type Rows } from './dataset.js'
import { Epoch } from './epoch.js'
import { type Figures, History, validationName } from './history.js'
import type { Network } from './network.js'
import { reportNonFinite } from './non-finite.js'
import { NonFiniteError } from './non-finite-error.js'
import { createProgress, type Progress } from './progress.js'

/** How fit trains. */
export interface FitOptions {
  /** Passes over the data. Default 1. */
  epochs?: number | undefined
  /** Rows a step. Default 32. The last batch of an epoch may be smaller. */
  batchSize?: number | undefined
  /** New order of the rows each epoch, from the model's seed. Default true. */
  shuffle?: boolean | undefined
  /** Data to evaluate after each epoch, or the fraction (0 to 1) of the rows, the last ones, to keep for it. */
  validation?: Dataset | number | undefined
  /** Rows a step of the validation. Default 256; its figures do not depend on it but in the last bits, unless a loss of your own compares rows. */
  validationBatchSize?: number | undefined
  /**
   * Ends training between two steps; fit rejects with the signal's reason and the model keeps its last finished step. A
   * reason that is an Error, as the default AbortError is, gets the history so far as its `history`: the whole epochs, and
   * the steps of the one that was begun. (Where one signal ends several fits, each model's `history` is its own.)
   */
  signal?: AbortSignalLike | undefined
  /** Called in this order, EarlyStopping among them. Default none. */
  callbacks?: readonly Callback[] | undefined
  /** Shows a progress bar on a terminal, lines elsewhere, on standard error. Default false. */
  verbose?: boolean | undefined
  /**
   * Ends training with a NonFiniteError, which has the history, when the loss or the validation loss is NaN or infinite; onTrainEnd is
   * called then too (EarlyStopping puts its weights back), with a history that may have no whole epoch. Default false: a warning, and training goes on.
   */
  stopOnNonFinite?: boolean | undefined
}

/** How evaluate goes over the data. */
export interface EvaluateOptions {
  /** Rows a step. Default 256; the result does not depend on it but in the last bits. */
  batchSize?: number | undefined
  /** Ends it between two steps; evaluate rejects with the signal's reason. */
  signal?: AbortSignalLike | undefined
}

const FIT = [
  'epochs',
  'batchSize',
  'shuffle',
  'validation',
  'validationBatchSize',
  'signal',
  'callbacks',
  'verbose',
  'stopOnNonFinite',
] as const satisfies readonly (keyof FitOptions)[]

/** Rows a step where no gradient is taken: large enough to be quick, small enough to stay in the cache. */
const EVALUATION_BATCH = 256

function checkCount(op: string, name: string, value: unknown): number {
  return checkWhole(op, `${name} to be a whole number from 1 to 2^31 - 1`, value, 1, 2 ** 31 - 1)
}

function split(data: Rows, fraction: number): [Rows, Rows] {
  const kept = Math.floor(data.rows * (1 - fraction) + 1e-9) // 10 (1 - 0.8) is a bit less than 2
  if (!(kept >= 1 && kept < data.rows)) {
    throw new ValueError(
      'fit',
      `a validation fraction between 0 and 1 that leaves rows on both sides of ${data.rows}`,
      describe(fraction),
    )
  }
  const part = (from: number, to: number): Rows => ({
    x: sliceRows(data.x, from, to),
    y: sliceRows(data.y, from, to),
    rows: to - from,
  })
  return [part(0, kept), part(kept, data.rows)]
}

/** The figures of an Epoch by name: one of each of its logs, in their order. */
function figuresOf<T>(network: Network, values: readonly T[]): Record<string, T> {
  const names = ['loss', ...network.compiled.metrics.map((m) => m.name)]
  return Object.fromEntries(names.map((name, i) => [name, values[i]]))
}

export async function fitNetwork(
  network: Network,
  model: TrainingModel,
  data: Dataset,
  given: FitOptions,
): Promise<History> {
  const check = (d: unknown) =>
    checkRows('fit', d, network.input, network.output, network.compiled.loss, network.store.dtype)
  let rows = check(data)
  const options = takeOptions('fit', given, FIT) // what they are now, whatever becomes of the object
  const epochs = checkCount('fit', 'epochs', options.epochs ?? 1)
  const batchSize = checkCount('fit', 'batchSize', options.batchSize ?? 32)
  const validationBatchSize = checkCount('fit', 'validationBatchSize', options.validationBatchSize ?? EVALUATION_BATCH)
  const shuffle = checkFlag('fit', 'shuffle', options.shuffle, true)
  const stop = checkFlag('fit', 'stopOnNonFinite', options.stopOnNonFinite)
  const verbose = checkFlag('fit', 'verbose', options.verbose)
  const callbacks = checkCallbacks(options.callbacks ?? [])
  const { signal } = options
  checkSignal('fit', signal)
  let held: Rows | undefined
  if (typeof options.validation === 'number') [rows, held] = split(rows, options.validation)
  else if (options.validation !== undefined) held = asArgument('fit', 'validation', () => check(options.validation))
  network.store.zeroGrad() // of parameters that take no part in the loss
  const training = new Epoch(network, rows, { batchSize, train: true, shuffle })
  // (A loss of one's own may do with the training's batches only.)
  const validation =
    held &&
    asArgument('fit', `validation, in batches of ${Math.min(validationBatchSize, held.rows)}`, () => {
      return new Epoch(network, held, { batchSize: validationBatchSize, train: false, shuffle: false })
    })
  const history = new History()
  const progress = verbose
    ? await createProgress({ epochs, steps: training.steps, batchSize, rows: rows.rows })
    : undefined
  const run: Run = { network, training, validation, history, signal, stop, progress }
  model.stopTraining = false
  model.history = history
  try {
    signal?.throwIfAborted()
    for (const c of callbacks) await c.onTrainBegin?.(model)
    for (let epoch = 1; epoch <= epochs && !model.stopTraining; epoch++) {
      if (epoch > 1) signal?.throwIfAborted()
      for (const c of callbacks) await c.onEpochBegin?.(epoch, model)
      // Before the next order is drawn: who goes on later goes on with the same one.
      signal?.throwIfAborted()
      const logs = await runEpoch(run, epoch)
      for (const c of callbacks) await c.onEpochEnd?.(epoch, logs, model)
    }
    for (const c of callbacks) await c.onTrainEnd?.(history, model)
  } catch (error) {
    if (isAbort(error, signal)) addHistory(error, history)
    if (error instanceof NonFiniteError && error.history === history) await endAll(callbacks, history, model, error)
    throw error
  } finally {
    progress?.stop()
  }
  return history
}

/** Who keeps the weights of the best epoch puts them back after `error` too, which is told whatever happens here. */
async function endAll(callbacks: readonly Callback[], history: History, model: TrainingModel, error: NonFiniteError) {
  for (const c of callbacks) {
    try {
      await c.onTrainEnd?.(history, model)
    } catch (cause) {
      error.cause ??= cause
    }
  }
}

/** What the epochs of a fit have in common. */
interface Run {
  network: Network
  training: Epoch
  validation: Epoch | undefined
  history: History
  signal: AbortSignalLike | undefined
  /** Whether it ends where a loss is not finite. */
  stop: boolean
  progress: Progress | undefined
}

async function runEpoch(run: Run, epoch: number): Promise<Logs> {
  const { network, training, validation, history, signal, stop, progress } = run
  const stepsOf = (count: number) =>
    figuresOf(
      network,
      training.logs.map((log) => log.data.subarray(0, count)),
    )
  const check = (done: number) => {
    const error = reportNonFinite('nonFinite', training, done, epoch, history, stop)
    if (error === undefined) return
    history.addSteps(stepsOf(history.nonFinite?.step ?? 0))
    throw error
  }
  const start = performance.now()
  progress?.start(epoch)
  let seconds = 0
  let steps = 0
  try {
    await training.run({
      signal,
      onProgress: (done) => {
        steps = done
        if (stop) check(done)
        progress?.update(done, figuresOf(network, training.means(done)))
      },
    })
    seconds = (performance.now() - start) / 1000
    check(training.steps)
    await validation?.run({ signal })
  } catch (error) {
    if (isAbort(error, signal)) {
      check(steps)
      history.addSteps(stepsOf(steps))
    }
    throw error
  }
  const logs = figuresOf(network, training.means())
  if (validation)
    for (const [name, value] of Object.entries(figuresOf(network, validation.means())))
      logs[validationName(name)] = value
  history.addEpoch(logs)
  history.addSteps(stepsOf(training.steps), seconds)
  progress?.endEpoch(epoch, logs, seconds)
  const error = validation && reportNonFinite('valNonFinite', validation, validation.steps, epoch, history, stop)
  if (error) throw error
  return logs
}

export async function evaluateNetwork(network: Network, data: Dataset, options: EvaluateOptions): Promise<Figures> {
  const rows = checkRows('evaluate', data, network.input, network.output, network.compiled.loss, network.store.dtype)
  const batchSize = checkCount(
    'evaluate',
    'batchSize',
    checkOptions('evaluate', options, ['batchSize', 'signal']).batchSize ?? EVALUATION_BATCH,
  )
  checkSignal('evaluate', options.signal)
  const epoch = new Epoch(network, rows, { batchSize, train: false, shuffle: false })
  await epoch.run({ signal: options.signal })
  return figuresOf(network, epoch.means()) as Figures
}
