import { asArgument } from '../errors.js'
import { castInto } from '../ops/cast-into.js'
import { affine } from '../ops/matmul.js'
import { copy } from '../ops/memory.js'
import { flatten, sliceRows } from '../ops/views.js'
import { type Shape, sizeOf } from '../shape.js'
import { record, type Tape } from '../tape.js'
import { empty, type Tensor } from '../tensor.js'
import { EVALUATION_BATCH } from '../train/fit.js'
import { forward } from '../train/network.js'
import { Affine, Flatten, LeakyRelu, Relu, Sigmoid, Softmax, Tanh } from './layers.js'
import type { Module, ParameterStore } from './module.js'

/**
 * The classes, with their forward, that do the same ops each time. A module of the caller's own may look at values, or at numbers
 * that have changed since: it cannot be recorded once for all predictions.
 */
const recordable = new Map<unknown, Module['forward']>()
for (const Class of [Affine, Sigmoid, Softmax, Tanh, Relu, LeakyRelu, Flatten])
  recordable.set(Class, Class.prototype.forward)

/** What a recording of layers depends on: whoever changes it wants another one. Undefined where they cannot be recorded. */
function dependencies(layers: readonly Module[]): unknown[] | undefined {
  const parts: unknown[] = []
  for (const layer of layers) {
    if (recordable.get(layer.constructor) !== layer.forward) return undefined
    parts.push(layer)
    if (layer instanceof Affine) parts.push(layer.weight.value, layer.bias.value)
    if (layer instanceof LeakyRelu) parts.push(layer.slope)
  }
  return parts
}

/** The layers after a first affine one, recorded for a number of rows: from its result, to that of the last. */
interface Pass {
  readonly rows: number
  readonly from: Tensor
  readonly to: Tensor
  readonly tape: Tape
}

/** Of the widest layer in a batch: it stays in the second-level cache, and few commands are so small that calls cost more. */
const NUMBERS_AT_ONCE = 1 << 16

/**
 * The outputs of a model, many rows at a time. What follows a first affine layer is a tape where it can be recorded: its results
 * have one place, and not new memory in every batch (60,000 rows by 13-64-64-1 0.4 of the time).
 */
export class Predictions {
  private readonly rowsAtOnce: number
  private parts: unknown[] = []
  private whole: Pass | undefined
  private rest: Pass | undefined
  /** Rows of the last call beyond whole batches. */
  private lastRest = 0

  constructor(
    private readonly input: Shape,
    private readonly outputs: readonly Shape[],
    private readonly store: ParameterStore,
  ) {
    const widest = Math.max(1, sizeOf(input), ...outputs.map(sizeOf))
    this.rowsAtOnce = Math.min(4096, Math.max(32, NUMBERS_AT_ONCE / 2 ** Math.ceil(Math.log2(widest))))
  }

  /** Writes the outputs of `layers` for the rows of x to those of `result`. */
  write(layers: readonly Module[], x: Tensor, result: Tensor): void {
    const [rows] = x.shape
    const at = layers[0] instanceof Flatten ? 1 : 0
    const first = layers[at]
    const recorded = first instanceof Affine && this.keepPasses(layers, at)
    const most = recorded ? this.rowsAtOnce : EVALUATION_BATCH
    const { dtype } = this.store
    // One place for the rows of all batches, as above (60,000 rows of 784 bytes 0.63 of the time).
    const floats = x.dtype === dtype ? undefined : empty('predict', [Math.min(rows, most), ...this.input], dtype)
    for (let from = 0; from < rows; from += most) {
      const to = Math.min(rows, from + most)
      const part = sliceRows(x, from, to)
      const batch = floats ? castInto(part, sliceRows(floats, 0, to - from)) : part
      const pass = recorded ? this.pass(layers, at, to - from) : undefined
      let y: Tensor
      if (pass && recorded) {
        affine(at === 1 ? flatten(batch) : batch, first.weight.value, first.bias.value, pass.from)
        pass.tape.replay()
        y = pass.to
      } else y = forward(layers, batch)
      asArgument('predict', 'build and forward to agree', () => copy(y, sliceRows(result, from, to)))
    }
    this.lastRest = rows % most
  }

  /** Whether there can be passes; those of layers that were changed since are forgotten. */
  private keepPasses(layers: readonly Module[], at: number): boolean {
    const parts = dependencies(layers)
    if (parts === undefined || !layers.some((layer, i) => i > at && !(layer instanceof Flatten))) return false
    if (parts.length !== this.parts.length || parts.some((part, i) => part !== this.parts[i])) {
      this.whole = undefined
      this.rest = undefined
    }
    this.parts = parts
    return true
  }

  /** To record takes as long as a batch or two: for what is left of the rows only when as many come again. */
  private pass(layers: readonly Module[], at: number, rows: number): Pass | undefined {
    if (rows === this.rowsAtOnce) {
      this.whole ??= this.record(layers, at, rows)
      return this.whole
    }
    if (rows === this.lastRest && rows !== this.rest?.rows) this.rest = this.record(layers, at, rows)
    return rows === this.rest?.rows ? this.rest : undefined
  }

  private record(layers: readonly Module[], at: number, rows: number): Pass {
    const from = empty('predict', [rows, ...this.outputs[at]], this.store.dtype)
    let to = from
    const tape = record(() => {
      to = forward(layers.slice(at + 1), from)
    })
    return { rows, from, to, tape }
  }
}
