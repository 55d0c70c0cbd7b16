import { getHeapStatistics } from 'node:v8'
import { dtypeOf } from '../dtype.js'
import { checkObject, describe, TypeMismatchError, ValueError } from '../errors.js'
import { checkMade, isMade } from '../made.js'

/** What `fit` reports: plain data, so that JSON.stringify(history) keeps all of it (non-finite values become null). */
export interface HistoryData {
  /** Epoch numbers, the first is 1. */
  epoch: number[]
  /** One value an epoch for each metric: loss, accuracy, valLoss, valAccuracy … */
  history: Record<string, number[]>
  /** One value a training step for each metric: loss, accuracy … The first 2^24 of each. */
  steps: Record<string, number[]>
  /** Seconds that the training of each epoch took, validation left out. */
  seconds: number[]
  /** Where the loss first was not finite: the epoch, and the step in it, from 1; absent when it never was. */
  nonFinite?: { epoch: number; step: number }
  /** The same of the validation loss; its steps are batches of the validation data. */
  valNonFinite?: { epoch: number; step: number }
}

/** `index` is its place in a list of that name; what it is called is written only where it is wrong. */
function checkFigure(op: string, name: string, value: unknown, index?: number): number {
  if (name === '__proto__') throw new ValueError(op, 'a name that an object can have', name)
  if (typeof value === 'number') return value
  throw new TypeMismatchError(op, `${name}${index === undefined ? '' : `[${index}]`}: a number`, describe(value))
}

function checkList(name: string, list: ArrayLike<number>): void {
  if (!Array.isArray(list) && !(ArrayBuffer.isView(list) && !(list instanceof DataView)))
    throw new TypeMismatchError('addSteps', `${name}: an array of numbers`, describe(list))
  const checked = dtypeOf(list) === undefined ? list.length : Math.min(1, list.length) // all are numbers
  for (let i = 0; i < checked; i++) checkFigure('addSteps', name, list[i], i)
}

/** What a figure of the validation data is called: valLoss for loss. */
export function validationName(figure: string): string {
  return `val${figure.charAt(0).toUpperCase()}${figure.slice(1)}`
}

/** The mean loss of a pass over a data set, and each metric by its name. */
export type Figures = Record<string, number> & { loss: number }

/** V8 ends the process where an array outgrows some 112 million numbers. */
const MOST = Math.min(2 ** 24, Math.floor(getHeapStatistics().heap_size_limit / 128))

/** 1 where the greater figure is the better one, -1 where the lesser is: by `mode`, or else by its name. */
export function directionOf(op: string, figure: string, mode: unknown): 1 | -1 {
  const [max, min] =
    mode === undefined ? [/accuracy$/i.test(figure), /(loss|error)$/i.test(figure)] : [mode === 'max', mode === 'min']
  if (!max && !min) throw new ValueError(op, `mode 'min' or 'max' for ${figure}`, describe(mode))
  return max ? 1 : -1
}

/** The course of a training run. */
export class History implements HistoryData {
  readonly epoch: number[] = []
  readonly history: Record<string, number[]> = {}
  readonly steps: Record<string, number[]> = {}
  readonly seconds: number[] = []
  declare nonFinite?: { epoch: number; step: number }
  declare valNonFinite?: { epoch: number; step: number }
  /** Of what a warning was given. */
  readonly #full = new Set<string>()

  /**
   * Appends one epoch, numbered one more than the last. A metric that comes and goes is NaN for the epochs without it.
   * What is valLoss here is drawn in one diagram with loss. The first 2^24 are kept.
   */
  addEpoch(values: Record<string, number>): void {
    for (const [name, value] of Object.entries(checkObject('addEpoch', values))) checkFigure('addEpoch', name, value)
    const before = checkMade('addEpoch', this, History, 'epoch').epoch.length
    if (before === MOST) {
      this.#warn('epochs')
      return
    }
    this.epoch.push((this.epoch[before - 1] ?? 0) + 1)
    for (const [name, value] of Object.entries(values)) {
      if (!Object.hasOwn(this.history, name)) this.history[name] = new Array(before).fill(Number.NaN)
      this.history[name].push(value)
    }
    for (const list of Object.values(this.history)) if (list.length === before) list.push(Number.NaN)
  }

  /** Appends the values of an epoch's training steps, in order (up to 2^24 in all), and the seconds they took. */
  addSteps(values: Record<string, ArrayLike<number>>, seconds?: number): void {
    checkMade('addSteps', this, History, 'steps')
    for (const [name, list] of Object.entries(checkObject('addSteps', values))) checkList(name, list)
    if (seconds !== undefined) {
      checkFigure('addSteps', 'seconds', seconds)
      if (this.seconds.length < MOST) this.seconds.push(seconds)
    }
    for (const [name, list] of Object.entries(values)) {
      if (!Object.hasOwn(this.steps, name)) this.steps[name] = []
      const target = this.steps[name]
      const room = Math.min(list.length, MOST - target.length)
      for (let i = 0; i < room; i++) target.push(list[i])
      if (room < list.length) this.#warn('steps')
    }
  }

  #warn(what: 'steps' | 'epochs'): void {
    if (this.#full.has(what)) return
    this.#full.add(what)
    process.emitWarning(`history: ${what} beyond ${MOST} are not kept`, { code: 'LANEWISE_HISTORY' })
  }

  /**
   * The epoch (from 1) where a metric was best, and its value; the first of equals.
   * @param mode default: 'max' for names that end in accuracy, 'min' for those in loss or error
   * @throws ValueError for an unknown metric, one without a finite value, or a name of another end without `mode`
   */
  best(metric: string, mode?: 'min' | 'max'): { epoch: number; value: number } {
    if (typeof metric !== 'string')
      throw new TypeMismatchError('History.best', 'the name of a metric', describe(metric))
    if (!Object.hasOwn(checkMade('History.best', this, History, 'history').history, metric))
      throw new ValueError(
        'History.best',
        `a metric (${Object.keys(this.history).join(', ') || 'none yet'})`,
        describe(metric),
      )
    const sign = directionOf('History.best', metric, mode)
    let best = -1
    const list = this.history[metric]
    list.forEach((value, i) => {
      if (Number.isFinite(value) && (best < 0 || sign * value > sign * list[best])) best = i
    })
    if (best < 0) throw new ValueError('History.best', `a finite ${metric}`, `none in ${list.length} epochs`)
    return { epoch: this.epoch[best], value: list[best] }
  }

  /** What console.log and the REPL show: of thousands of steps only how many. */
  [Symbol.for('nodejs.util.inspect.custom')](): unknown {
    if (!isMade(this, History, 'epoch')) return 'History'
    const steps = Object.entries(this.steps).map(([name, list]) => [name, `${list.length} steps`])
    return { ...this, steps: Object.fromEntries(steps) }
  }

  /** A plain copy of the data. */
  toJSON(): HistoryData {
    const copy = (lists: Record<string, number[]>) =>
      Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, [...list]]))
    const { epoch, history, steps, seconds, nonFinite, valNonFinite } = checkMade('toJSON', this, History, 'epoch')
    const data: HistoryData = { epoch: [...epoch], history: copy(history), steps: copy(steps), seconds: [...seconds] }
    if (nonFinite) data.nonFinite = { ...nonFinite }
    if (valNonFinite) data.valNonFinite = { ...valNonFinite }
    return data
  }
}
