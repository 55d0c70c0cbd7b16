import { backwardTo, noGrad, withoutValues } from '../autograd.js'
import { StateError } from '../errors.js'
import { isWeight, withTraining } from '../nn/module.js'
import { advance, put } from '../ops/memory.js'
import { permutation } from '../ops/random.js'
import { type ReplayOptions, record, recordHeld, type Tape } from '../tape.js'
import { type Tensor, zeros } from '../tensor.js'
import { Batch, type Rows } from './dataset.js'
import { evaluateBatch, type Network, stateOf } from './network.js'

interface EpochOptions {
  batchSize: number
  train: boolean
  shuffle: boolean
}

/** Rows whose order is drawn within a millisecond; handing a tape to another thread and back takes a tenth of one. */
const SHUFFLED_AT_ONCE = 1 << 17

/**
 * One pass over a data set as tapes: a step for full batches, one for a smaller last batch, and the shuffle. Losses and
 * metrics of every step are logged by the tape itself, so that nothing crosses to JavaScript inside a step.
 */
export class Epoch {
  readonly steps: number
  /** Per step: the loss first, then the metrics. */
  readonly logs: readonly Tensor[]
  /** A step of `size` rows, of which there are `whole`, and of the smaller last batch. */
  private full: Tape
  private rest: Tape | undefined
  private readonly size: number
  private readonly whole: number
  private readonly indices: Tensor
  /** For each parameter whether these train it. */
  private trained: readonly boolean[]
  private readonly shuffle: Tape | undefined
  /** Of this run: steps summed for means(), the sums, and steps whose loss is known to be finite. */
  private summed = 0
  private totals: number[] = []
  private finite = 0
  private readonly cursor = zeros([1], { dtype: 'int32' })
  private readonly step = zeros([1], { dtype: 'int32' })

  constructor(
    private readonly network: Network,
    private readonly data: Rows,
    private readonly options: EpochOptions,
  ) {
    const { rows } = data
    this.indices = zeros([rows], { dtype: 'int32' })
    const { data: order } = this.indices
    for (let i = 0; i < rows; i++) order[i] = i
    this.size = Math.min(options.batchSize, rows)
    this.whole = Math.floor(rows / this.size)
    this.steps = Math.ceil(rows / this.size)
    this.logs = [undefined, ...network.compiled.metrics].map(() => zeros([this.steps], { dtype: 'float64' }))
    this.shuffle = options.shuffle ? record(() => permutation(network.shuffleState, rows, this.indices)) : undefined
    this.trained = this.wanted()
    ;[this.full, this.rest] = this.recordSteps()
  }

  private recordSteps(): [full: Tape, rest: Tape | undefined] {
    const left = this.data.rows % this.size
    return [this.recordStep(this.size), left > 0 ? this.recordStep(left) : undefined]
  }

  private wanted(): boolean[] {
    return this.network.store.parameters.map((p) => p.value.requiresGrad)
  }

  /** Records the steps anew where a callback has frozen a parameter, or thawed one: what no step reaches any more has no gradient. */
  private followCallbacks(): void {
    if (!this.options.train) return
    const wanted = this.wanted()
    if (wanted.every((is, i) => is === this.trained[i])) return
    this.network.store.zeroGrad()
    ;[this.full, this.rest] = this.recordSteps()
    this.trained = wanted
  }

  /**
   * @throws StateError for a leaf that this model's optimizer would not change: one that is no parameter (in a private field, where build()
   * does not find it), or another model's, whose gradients are that one's
   */
  private checkOwn(leaf: Tensor): void {
    if (this.network.store.parameters.some((p) => p.value === leaf)) return
    const wanted = isWeight(leaf)
      ? 'parameters of this model only (requiresGrad = false for those of another)'
      : 'what is trained to be declared by this.parameter() in build()'
    throw new StateError(this.network.op, wanted, leaf.describe())
  }

  private recordStep(size: number): Tape {
    return recordHeld(() => {
      const batch = new Batch(this.data, this.indices, this.cursor, size, this.network.store.dtype)
      const compute = () => evaluateBatch(this.network, batch)
      const { loss, metrics } = this.options.train
        ? withTraining(true, () => withoutValues(this.network.store.values, compute))
        : withTraining(false, () => noGrad(compute))
      if (this.options.train) {
        if (loss.node === undefined)
          throw new StateError(
            this.network.op,
            'a loss computed from what is trained',
            'one that no trained parameter changes',
          )
        backwardTo(loss, (leaf) => this.checkOwn(leaf))
        this.network.compiled.optimizer.step(this.network.store)
      }
      for (const [i, value] of [loss, ...metrics].entries()) put(this.logs[i], value, this.step)
      advance(this.step, 1)
      batch.advance()
    })
  }

  /** Runs the whole pass; `onProgress` hears of the steps done, about every 100 ms (10 in JavaScript). */
  async run(options: ReplayOptions): Promise<void> {
    this.followCallbacks()
    this.summed = this.finite = 0
    this.totals = this.logs.map(() => 0)
    this.cursor.set([0])
    this.step.set([0])
    const { rows } = this.data
    this.held(this.network.op)
    try {
      if (rows <= SHUFFLED_AT_ONCE) this.shuffle?.replay(1)
      else await this.shuffle?.replayAsync(1, { signal: options.signal })
      await this.full.replayAsync(this.whole, options)
      if (this.rest)
        await this.rest.replayAsync(1, { ...options, onProgress: (n) => options.onProgress?.(this.whole + n) })
    } finally {
      this.held(undefined)
    }
  }

  /** What the steps write, and what they compute with, is nobody else's to write while they run; in callbacks it is. */
  private held(task: string | undefined): void {
    const { op, store, compiled } = this.network
    const state = stateOf(store, this.options.train ? compiled.optimizer : undefined)
    // (An evaluation shows what is there: values of some moment.)
    if (this.options.train && task !== undefined && state.some(({ storage }) => storage.replays > 0))
      throw new StateError(op, 'no tape of your own at work that writes to the model', 'one in replayAsync')
    for (const { storage } of state) storage.busyWith = task
  }

  /**
   * Means over the rows of the first `steps` steps: what Keras shows. The last batch counts by its size. Goes on from the last
   * call of this run: it is called all along a long one.
   */
  means(steps = this.steps): number[] {
    const { size } = this
    this.logs.forEach((log, l) => {
      const values = log.data
      for (let i = this.summed; i < steps; i++) this.totals[l] += values[i] * Math.min(size, this.data.rows - i * size)
    })
    this.summed = steps
    return this.totals.map((total) => total / Math.min(this.data.rows, this.summed * size))
  }

  /** The first of the first `steps` steps whose loss is not finite, from 0; -1 if all are. */
  firstNonFinite(steps: number): number {
    const values = this.logs[0].data
    while (this.finite < steps && Number.isFinite(values[this.finite])) this.finite++
    return this.finite < steps ? this.finite : -1
  }
}
