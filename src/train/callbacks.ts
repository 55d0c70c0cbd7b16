import {
  checkFlag,
  checkObject,
  checkOptions,
  checkWhole,
  describe,
  StateError,
  TypeMismatchError,
  ValueError,
} from '../errors.js'
import { checkMade, refuse } from '../made.js'
import type { Tensor, TensorValues } from '../tensor.js'
import { directionOf, type History } from './history.js'

/** Figures of an epoch by name: loss, accuracy, valLoss, valAccuracy … */
export type Logs = Readonly<Record<string, number>>

/** What a callback may do with the model it watches. */
export interface TrainingModel {
  /** Set it to end the training after this epoch; in onTrainBegin before the first. */
  stopTraining: boolean
  /** The course of the fit that runs, or of the last one, also where it was aborted. */
  history: History | undefined
  /** A copy of all parameter values, and back. */
  snapshot(): Float32Array | Float64Array
  /** Puts back what snapshot() copied. */
  restore(values: Float32Array | Float64Array): void
  /** A copy of each parameter, for a checkpoint. */
  getWeights(): Tensor[]
  /** Puts back what getWeights() copied. */
  setWeights(weights: readonly (Tensor | TensorValues)[]): void
  /** The model's output for rows of inputs. (evaluate() has to wait for the end of fit.) */
  predict(x: Tensor | TensorValues): Tensor
}

/** Hooks of fit; each may return a promise, which is awaited. Epochs count from 1. */
export interface Callback {
  /** Before the first epoch. */
  onTrainBegin?(model: TrainingModel): unknown
  /** Before the rows of an epoch are put in order. */
  onEpochBegin?(epoch: number, model: TrainingModel): unknown
  /** After an epoch and its validation. */
  onEpochEnd?(epoch: number, logs: Logs, model: TrainingModel): unknown
  /** After the last epoch, or after a NonFiniteError of `stopOnNonFinite`; not after another error or an abort. */
  onTrainEnd?(history: History, model: TrainingModel): unknown
}

const HOOKS = ['onTrainBegin', 'onEpochBegin', 'onEpochEnd', 'onTrainEnd'] as const

/** What people call them elsewhere, or by mistake. */
const LIKE_A_HOOK = /^on_?(train|epoch|batch|step)s?_?(begin|start|end)s?$/i

/** The names of an object and of its class's members. */
function namesOf(value: object): string[] {
  const names: string[] = []
  for (let o: object | null = value; o !== null && o !== Object.prototype; o = Object.getPrototypeOf(o))
    names.push(...Object.getOwnPropertyNames(o))
  return names
}

/** A copy of the list. Refuses what fit would not call: hooks that are no functions, and names that are nearly a hook's. */
export function checkCallbacks(callbacks: readonly Callback[]): readonly Callback[] {
  if (!Array.isArray(callbacks)) throw new TypeMismatchError('fit', 'callbacks: an array', describe(callbacks))
  // A copy: one that takes itself out of the list is no reason to leave the next one out. By number: what is no callback ends it, however
  // many more there are.
  const copy: Callback[] = []
  for (let i = 0; i < callbacks.length; i++) {
    const callback = callbacks[i]
    const odd = HOOKS.find(
      (hook) =>
        !['function', 'undefined'].includes(typeof checkObject('fit', callback, 'callbacks: objects with hooks')[hook]),
    )
    const unknown = namesOf(callback).find(
      (name) => LIKE_A_HOOK.test(name) && !(HOOKS as readonly string[]).includes(name),
    )
    if (unknown !== undefined) throw new ValueError('fit', `hooks among ${HOOKS.join(', ')}`, describe(unknown))
    if (odd) throw new TypeMismatchError('fit', `${odd} to be a function`, describe(callback[odd]))
    copy.push(callback)
  }
  return copy
}

/** When EarlyStopping ends a training. */
export interface EarlyStoppingOptions {
  /** Figure to watch. Default valLoss. */
  monitor?: string | undefined
  /** Epochs without improvement, in a row, after which training ends; 0, the default, is as 1. As in Keras. */
  patience?: number | undefined
  /** An improvement is a change for the better by more than this. Default 0. */
  minDelta?: number | undefined
  /** Default: 'max' for names that end in accuracy, 'min' for those in loss or error; others need one, as in Keras. */
  mode?: 'min' | 'max' | undefined
  /** Puts back the weights of the best epoch when training ends. Default true (in Keras false). */
  restoreBestWeights?: boolean | undefined
}

const EARLY_STOPPING = ['monitor', 'patience', 'minDelta', 'mode', 'restoreBestWeights'] as const

/** What EarlyStopping needs of a model. */
type Watched = Pick<TrainingModel, 'stopTraining' | 'snapshot' | 'restore'>

function checkModel(model: Watched): void {
  if (typeof model?.snapshot !== 'function' || typeof model.restore !== 'function')
    throw new TypeMismatchError('EarlyStopping', 'a model', describe(model))
}

/** What is each one's own beside its public fields; not by a name: fields of a subclass may have any other. */
interface Own {
  readonly sign: 1 | -1
  readonly restores: boolean
  /** Of the best epoch. */
  weights?: Float32Array | Float64Array | undefined
  /** Of the fit that began last. */
  model?: Watched
}

const OWN = Symbol('own')

function checkStopping(method: string, stopping: EarlyStopping): void {
  checkMade(`EarlyStopping.${method}`, stopping, EarlyStopping, OWN)
}

/** Ends training when a figure has stopped improving, or is NaN. */
export class EarlyStopping implements Callback {
  /** Epoch of the best figure so far. */
  bestEpoch = 0
  /** The best figure so far; NaN before there is one. */
  best = Number.NaN
  /** The figure that it watches. */
  readonly monitor: string
  /** As in its options. */
  readonly patience: number
  /** As in its options. */
  readonly minDelta: number
  private readonly [OWN]!: Own

  constructor(options: EarlyStoppingOptions = {}) {
    const op = 'EarlyStopping'
    const { monitor = 'valLoss', patience = 0, minDelta = 0 } = checkOptions(op, options, EARLY_STOPPING)
    if (typeof monitor !== 'string') throw new TypeMismatchError(op, 'monitor: the name of a figure', describe(monitor))
    checkWhole(op, 'a patience of whole epochs >= 0', patience, 0)
    if (!(Number.isFinite(minDelta) && minDelta >= 0)) throw new ValueError(op, 'a minDelta >= 0', describe(minDelta))
    const sign = directionOf(op, monitor, options.mode)
    const restores = checkFlag(op, 'restoreBestWeights', options.restoreBestWeights, true)
    this.monitor = monitor
    this.patience = patience
    this.minDelta = minDelta
    const own: Own = { sign, restores }
    Object.defineProperty(this, OWN, { value: own }) // prints show none
  }

  /** Begins anew: one EarlyStopping may serve several fits, one after another. */
  onTrainBegin(model?: Watched): void {
    checkStopping('onTrainBegin', this)
    const own = this[OWN]
    if (model !== undefined) own.model = model
    this.bestEpoch = 0
    this.best = Number.NaN
    own.weights = undefined
  }

  /** @throws ValueError where the epoch has no figure of that name */
  onEpochEnd(epoch: number, logs: Logs, model: Watched): void {
    checkModel(model)
    checkStopping('onEpochEnd', this)
    const { monitor, minDelta, patience, [OWN]: own } = this
    if ((own.model ?? model) !== model)
      throw new StateError(
        'EarlyStopping',
        'one of its own for each fit that runs',
        'another model than that of the last onTrainBegin',
      )
    const value = checkObject('EarlyStopping', logs)[monitor]
    if (typeof value !== 'number') {
      throw new ValueError(
        'EarlyStopping',
        `a figure to monitor among ${Object.keys(logs).join(', ')}${/^val/.test(monitor) ? ' (fit has those of validation data where it is given some)' : ''}`,
        JSON.stringify(monitor),
      )
    }
    const first = Number.isNaN(this.best) && !Number.isNaN(value)
    if (first || own.sign * (value - this.best) > minDelta) {
      this.best = value
      this.bestEpoch = epoch
      if (own.restores) own.weights = model.snapshot()
    } else if (Number.isNaN(value) || epoch - this.bestEpoch >= patience) {
      model.stopTraining = true
    }
  }

  /** Puts the weights of the best epoch back. */
  onTrainEnd(_history: History, model: Watched): void {
    checkModel(model)
    checkStopping('onTrainEnd', this)
    const own = this[OWN]
    if (own.weights) model.restore(own.weights)
    own.weights = undefined
  }
}

for (const name of ['mode', 'restoreBestWeights']) refuse(EarlyStopping, name, 'a new EarlyStopping with it')
