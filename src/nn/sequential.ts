import { noGrad } from '../autograd.js'
import { checkFloat, type FloatArrayCopy, type FloatDType } from '../dtype.js'
import { asArgument, checkOptions, describe, keepNames, ShapeError, StateError, TypeMismatchError } from '../errors.js'
import { recordingState } from '../gradient-nodes.js'
import { begins, onInterrupted } from '../interrupted.js'
import type { Loss } from '../losses/index.js'
import { type LossName, resolveLoss } from '../losses/named.js'
import { checkMade, isMade, refuse } from '../made.js'
import { type Metric, type MetricName, resolveMetrics } from '../metrics/index.js'
import { seededState } from '../ops/random.js'
import { type Optimizer, type OptimizerName, resolveOptimizer } from '../optimizers/index.js'
import { checkShape, type Shape, show, sizeOf } from '../shape.js'
import { resultSlabs } from '../storage.js'
import { checkStill, empty, isTensor, type Tensor, type TensorValues, tensor, tensorOf } from '../tensor.js'
import type { TrainingModel } from '../train/callbacks.js'
import { checkInput, type Dataset } from '../train/dataset.js'
import { type EvaluateOptions, evaluateNetwork, type FitOptions, fitNetwork } from '../train/fit.js'
import type { Figures, History } from '../train/history.js'
import { type Compiled, forward, type Network, stateOf } from '../train/network.js'
import { build, checkForward, descend, isEach, isModule, Module, type ParameterStore, withTraining } from './module.js'
import { Predictions } from './predictions.js'

/** What a Sequential is made of. */
export interface SequentialOptions {
  /** Shape of one input, without the batch: [784]. */
  input: readonly number[]
  /** From the input to the output; each belongs to one model. */
  layers: readonly Module[]
  /** Every source of chance hangs on it: initial values, shuffling. Default 0. */
  seed?: number | undefined
  /** Of parameters and all computing. Default float32. */
  dtype?: FloatDType | undefined
}

/** How fit trains and evaluate judges. */
export interface CompileOptions {
  /** Default adam. */
  optimizer?: Optimizer | OptimizerName | undefined
  /** What training lowers; it says which targets y it takes. */
  loss: Loss | LossName
  /** Figures beside the loss. Default none. */
  metrics?: readonly (Metric | MetricName)[] | undefined
}

/** What is a model's own; not by a name: fields of a subclass of the caller's own may have any but those of public ones. */
interface Own {
  shapes: Shape[]
  predictions?: Predictions
  compiled?: Compiled
  task?: Network | undefined
}

const OWN = Symbol('own')

function ownOf(model: Sequential): Own {
  return (model as unknown as { [OWN]: Own })[OWN]
}

/** What computes one after another: a subclass may have a forward of its own. */
function partsOf(model: Sequential): readonly Module[] {
  return model.forward === Sequential.prototype.forward ? model.layers : [model]
}

/** Whose fit or evaluate has not yet come to where it waits for something. */
const beginning = new Set<Sequential>()

onInterrupted(() => {
  for (const model of beginning) {
    const own = ownOf(model)
    own.task = undefined
    for (const { storage } of stateOf(model.store, own.compiled?.optimizer)) storage.busyWith = undefined
  }
  beginning.clear()
})

/**
 * The model, which its constructor made. Functions and not methods, as those below: a subclass may have methods of these names, and `this`
 * may be nothing.
 */
function made(op: string, model: Sequential): Sequential {
  return checkMade(op, model, Sequential, 'layers')
}

function checkNotRecording(op: string): void {
  if (recordingState.active) throw new StateError(op, `no ${op} inside record()`, 'a recording')
}

function checkIdle(op: string, model: Sequential): void {
  const { task } = ownOf(made(op, model))
  checkNotRecording(op)
  if (task) throw new StateError(op, 'one task at a time of a model', `a model that is busy with ${task.op}`)
}

function networkOf(op: Network['op'], model: Sequential): Network {
  const { compiled } = ownOf(model)
  if (compiled === undefined)
    throw new StateError(op, 'a compiled model: call compile first', 'one that is not compiled')
  const { input, output, store, shuffleState } = model
  return { op, input, output, store, layers: partsOf(model), shuffleState, compiled }
}

async function exclusively<T>(op: Network['op'], model: Sequential, fn: (network: Network) => Promise<T>): Promise<T> {
  checkIdle(op, model)
  const network = networkOf(op, model)
  begins()
  beginning.add(model)
  const own = ownOf(model)
  own.task = network
  try {
    const result = fn(network)
    beginning.delete(model)
    return await result
  } finally {
    own.task = undefined
  }
}

/** Layers one after another, with Keras's compile, fit, evaluate and predict. */
export class Sequential extends Module implements TrainingModel {
  readonly layers: readonly Module[]
  /** Shape of one input, without the batch. */
  readonly input: Shape
  /** Shape of one output, without the batch. */
  readonly output: Shape
  /** The parameters of all layers, for an optimizer's step(). */
  readonly store: ParameterStore
  /** Set by a callback to end fit after the epoch. */
  stopTraining = false
  /** The course of the fit that runs, or of the last one, also where it was aborted; undefined before. */
  history: History | undefined = undefined
  /**
   * Where its shuffling is, as of randomState(): int32 [4]. Kept beside the weights and the optimizer's state, and put back by set(), it lets
   * a training go on with the orders of rows that would have come.
   */
  readonly shuffleState: Tensor
  private readonly [OWN]: Own

  constructor(options: SequentialOptions) {
    super()
    const layers = checkOptions('Sequential', options, ['input', 'layers', 'seed', 'dtype']).layers
    if (!Array.isArray(layers) || layers.length === 0 || !isEach(layers, isModule)) {
      throw new TypeMismatchError('Sequential', 'layers: an array of at least one Module', describe(layers))
    }
    for (const layer of layers) checkForward('Sequential', layer)
    this.layers = Object.freeze([...layers])
    this.input = Object.freeze(checkShape('Sequential.input', options.input))
    const seed = options.seed ?? 0
    this.shuffleState = seededState('Sequential', seed, 1)
    const own: Own = { shapes: [] }
    this[OWN] = own
    this.store = build(this, this.input, { dtype: checkFloat('Sequential', options.dtype ?? 'float32'), seed })
    this.output = Object.freeze(own.shapes[own.shapes.length - 1])
    own.predictions = new Predictions(this.input, own.shapes, this.store, (x) => this.forward(x))
  }

  override build(input: Shape): Shape {
    return descend('build', this, () => {
      let shape = input
      const { shapes } = made('build', this)[OWN]
      for (const layer of this.layers) {
        shape = checkShape(`${layer.kind}.build`, layer.build(shape))
        shapes.push(shape)
      }
      return shape
    })
  }

  forward(x: Tensor): Tensor {
    return descend('forward', this, () => forward(made('forward', this).layers, x))
  }

  /**
   * Chooses how to train. May be called again; the weights stay, the optimizer's memory belongs to the optimizer.
   * @throws ValueError for an unknown name, two metrics of one name, or a cross-entropy whose last layer gives no probabilities
   */
  compile(options: CompileOptions): this {
    checkIdle('compile', this)
    checkOptions('compile', options, ['optimizer', 'loss', 'metrics'])
    const metrics = options.metrics ?? []
    if (!Array.isArray(metrics)) throw new TypeMismatchError('compile', 'metrics: an array', describe(metrics))
    const optimizer = resolveOptimizer(options.optimizer ?? 'adam')
    const last = partsOf(this).at(-1)
    const loss = resolveLoss(options.loss, last, this.output[this.output.length - 1])
    this[OWN].compiled = { optimizer, loss, metrics: resolveMetrics(metrics, loss) }
    return this
  }

  /**
   * Trains off the event loop.
   * @returns loss and metrics of every epoch and step
   * @throws StateError before compile or while the model is busy; ShapeError, TypeMismatchError or ValueError for data that do not fit
   */
  async fit(data: Dataset, options: FitOptions = {}): Promise<History> {
    return exclusively('fit', this, (network) => fitNetwork(network, this, data, options))
  }

  /** Mean loss and metrics over a data set, as { loss, accuracy, … }. Rejects as fit does. */
  async evaluate(data: Dataset, options: EvaluateOptions = {}): Promise<Figures> {
    return exclusively('evaluate', this, (network) => evaluateNetwork(network, data, options))
  }

  /**
   * The outputs for rows x [rows, …input]: probabilities where the last layer is Softmax. Blocks; takes no gradient.
   * @throws ShapeError or TypeMismatchError for x that does not fit; StateError inside record()
   */
  predict(x: Tensor | TensorValues): Tensor {
    if (recordingState.active)
      throw new StateError('predict', 'no predict inside record(): call forward', 'a recording')
    const { dtype } = made('predict', this).store
    const input = checkInput('predict', x, this.input, dtype)
    const result = empty('predict', checkShape('predict', [input.shape[0], ...this.output]), dtype, resultSlabs)
    if (result.size > 0)
      withTraining(false, () => noGrad(() => this[OWN].predictions?.write(partsOf(this), input, result)))
    return result
  }

  /** A table of layers, output shapes and parameter counts. */
  summary(): string {
    const { shapes } = made('summary', this)[OWN]
    const lines = this.layers.map((layer, i) => {
      const parameters = layer.allParameters().reduce((n, p) => n + sizeOf(p.shape), 0)
      return [layer.kind, `[${['rows', ...shapes[i]].join(', ')}]`, parameters.toLocaleString('en-US')]
    })
    const table = [['Layer', 'Output', 'Parameters'], ...lines]
    const widths = [0, 1, 2].map((c) => Math.max(...table.map((row) => row[c].length)))
    const rows = table.map(([a, b, c]) => `${a.padEnd(widths[0])}  ${b.padEnd(widths[1])}  ${c.padStart(widths[2])}`)
    const rule = '-'.repeat(rows[0].length)
    return [
      rows[0],
      rule,
      ...rows.slice(1),
      rule,
      `Total parameters: ${this.countParameters().toLocaleString('en-US')}`,
    ].join('\n')
  }

  /** What console.log and the REPL show. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return isMade(this, Sequential, 'output') ? this.summary() : 'Sequential'
  }

  /** How many numbers its parameters have, trained or not. */
  countParameters(): number {
    return made('countParameters', this).store.count
  }

  /** Copies of all parameters, in the order of the layers: weight, bias, weight, bias … */
  getWeights(): Tensor[] {
    return made('getWeights', this).store.parameters.map((p) => tensor(p.value.data, { shape: p.shape }))
  }

  /**
   * Overwrites all parameters; the list must have getWeights' order and shapes. Nothing is changed if anything does not fit.
   * During fit in callbacks only.
   */
  setWeights(weights: readonly (Tensor | TensorValues)[]): void {
    checkStill('setWeights', made('setWeights', this).store.values)
    checkNotRecording('setWeights')
    const { parameters } = this.store
    if (!Array.isArray(weights) || weights.length !== parameters.length) {
      throw new ShapeError('setWeights', `${parameters.length} tensors`, describe(weights))
    }
    // Copies: the values may be the model's own, in another order. (Not weights.map, which leaves out holes.)
    const checked = parameters.map(({ shape, name }, i) => {
      const w: Tensor | TensorValues = weights[i]
      const t = isTensor(w)
        ? empty('setWeights', w.shape, this.store.dtype).set(w)
        : asArgument('setWeights', name, () => tensorOf(w, this.store.dtype))
      const flat = ArrayBuffer.isView(w) && t.size === sizeOf(shape)
      if (!flat && show(t.shape) !== show(shape))
        throw new ShapeError('setWeights', `${name} of shape ${show(shape)} at [${i}]`, show(t.shape))
      return flat ? t.data : t
    })
    parameters.forEach((p, i) => {
      p.value.set(checked[i])
    })
  }

  /**
   * A copy of all parameter values, for restore() of this model; their order and the gaps between them are its own. Beside a
   * fit (not in its callbacks) it may mix the values of several steps, as getWeights and predict may.
   */
  snapshot(): FloatArrayCopy {
    return made('snapshot', this).store.values.toTypedArray() as FloatArrayCopy
  }

  /** Puts back what snapshot() copied; during fit in callbacks only. */
  restore(values: Float32Array | Float64Array): void {
    const { store } = made('restore', this)
    checkStill('restore', store.values)
    asArgument('restore', 'a snapshot of this model', () => store.values.set(values))
  }
}

keepNames({ Sequential })
refuse(Sequential, 'stop_training', 'stopTraining to be set')
refuse(Sequential, 'trainable', 'value.requiresGrad of its parameters to be set')
