import { castInto } from '../ops/cast.js'
import { affine } from '../ops/matmul.js'
import { copy } from '../ops/memory.js'
import { flatten, sliceRows } from '../ops/views.js'
import { type Shape, sizeOf } from '../shape.js'
import { tapeSlabs } from '../storage.js'
import { record } from '../tape.js'
import { empty, type Tensor } from '../tensor.js'
import { checkOutput, forward } from '../train/network.js'
import { Affine, Flatten, LAYERS, LeakyRelu } from './layers.js'
import type { Module, ParameterStore } from './module.js'

/**
 * The classes, with their forward, that do the same ops each time. A module of the caller's own may look at values, or at numbers
 * that have changed since: it cannot be recorded once for all predictions.
 */
const recordable = new Map<unknown, Module['forward']>()
for (const Class of Object.values(LAYERS)) recordable.set(Class, Class.prototype.forward)

/** What a recording of layers depends on: whoever changes it wants another one. Undefined where they cannot be recorded. */
function dependencies(layers: readonly Module[]): unknown[] | undefined {
  const parts: unknown[] = []
  for (const layer of layers) {
    if (recordable.get(layer.constructor) !== layer.forward) return undefined
    parts.push(layer)
    if (layer instanceof Affine) {
      if (layer.weight === undefined) return undefined // somebody took it away: its forward says so
      parts.push(layer.weight.value, layer.bias.value)
    }
    if (layer instanceof LeakyRelu) parts.push(layer.slope)
  }
  return parts
}

/** Whether two lists have the same parts; -0 is another slope than 0. (Object.is of objects, or every(), takes a microsecond here.) */
function areSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (typeof a[i] === 'number' ? !Object.is(a[i], b[i]) : a[i] !== b[i]) return false
  return true
}

/** The layers of a model for a number of rows: a first affine one, and those after it, recorded from its result on. */
interface Pass {
  readonly rows: number
  run(batch: Tensor): Tensor
}

/** Of the widest layer in a batch: it stays in the second-level cache, and few commands are so small that calls cost more. */
const NUMBERS_AT_ONCE = 1 << 16

/** Calls that leave as many rows beyond whole batches before those are recorded, which takes as long as some ten small predictions. */
const ALIKE = 8

/**
 * The outputs of a model, many rows at a time. What follows a first affine layer is a tape where it can be recorded: its results
 * have one place, and not new memory in every batch (60,000 rows by 13-64-64-1 0.4 of the time).
 */
export class Predictions {
  private readonly rowsAtOnce: number
  private parts: unknown[] = []
  private whole: Pass | undefined
  private rest: Pass | undefined
  /** Rows of the last call beyond whole batches, and how many calls left as many. */
  private lastRest = 0
  private alike = 0

  constructor(
    private readonly input: Shape,
    outputs: readonly Shape[],
    private readonly store: ParameterStore,
    private readonly forward: (x: Tensor) => Tensor,
  ) {
    const widest = Math.max(1, sizeOf(input), ...outputs.map(sizeOf))
    this.rowsAtOnce = Math.min(4096, Math.max(32, NUMBERS_AT_ONCE / 2 ** Math.ceil(Math.log2(widest))))
  }

  /** Writes the outputs for the rows of x to those of `result`; `layers` are what `forward` computes one after another. */
  write(layers: readonly Module[], x: Tensor, result: Tensor): void {
    const [rows] = x.shape
    const rest = rows % this.rowsAtOnce
    this.alike = rest === this.lastRest ? this.alike + 1 : 1
    this.lastRest = rest
    const first = rows > rest || this.alike >= ALIKE ? this.firstOf(layers) : undefined
    const most = this.rowsAtOnce
    const { dtype } = this.store
    // One place for the rows of all batches: memory that is new is slow (60,000 rows of 784 bytes 0.63 of the time).
    const floats = x.dtype === dtype ? undefined : empty('predict', [Math.min(rows, most), ...this.input], dtype)
    for (let from = 0; from < rows; from += most) {
      const to = Math.min(rows, from + most)
      const part = sliceRows(x, from, to)
      const batch = floats ? castInto(part, sliceRows(floats, 0, to - from)) : part
      const pass = first && this.pass(layers, first, to - from)
      const y = pass ? pass.run(batch) : this.forward(batch)
      copy(checkOutput('predict', y, to - from, result.shape.slice(1)), sliceRows(result, from, to))
    }
  }

  /** The first affine layer, where it and what follows can be recorded. Passes of layers that were changed since are forgotten. */
  private firstOf(layers: readonly Module[]): Affine | undefined {
    const at = layers[0] instanceof Flatten ? 1 : 0
    const first = layers[at]
    if (!(first instanceof Affine)) return undefined
    let next = at + 1
    while (layers[next] instanceof Flatten) next++
    if (next === layers.length) return undefined
    const parts = dependencies(layers)
    if (parts === undefined) return undefined
    if (!areSame(parts, this.parts)) {
      this.whole = undefined
      this.rest = undefined
    }
    this.parts = parts
    return first
  }

  private pass(layers: readonly Module[], first: Affine, rows: number): Pass | undefined {
    if (rows === this.rowsAtOnce) {
      this.whole ??= this.record(layers, first, rows)
      return this.whole
    }
    if (rows !== this.rest?.rows) {
      if (this.alike < ALIKE) return undefined
      this.rest = this.record(layers, first, rows)
    }
    return this.rest
  }

  private record(layers: readonly Module[], first: Affine, rows: number): Pass {
    const flattens = layers[0] !== first
    const [weight, bias] = [first.weight.value, first.bias.value]
    // By the layers that there are now: others than those of the constructor may be of other sizes.
    const shape = [rows, ...(flattens ? [] : this.input.slice(0, -1)), weight.shape[1]]
    const from = empty('predict', shape, this.store.dtype, tapeSlabs)
    let to = from
    const tape = record(() => {
      to = forward(layers.slice(flattens ? 2 : 1), from)
    })
    const run = (batch: Tensor) => {
      affine(flattens ? flatten(batch) : batch, weight, bias, from)
      tape.replay()
      return to
    }
    return { rows, run }
  }
}
