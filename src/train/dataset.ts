import { noGrad, tracked } from '../autograd.js'
import { type FloatDType, isFloat } from '../dtype.js'
import { asArgument, describe, ShapeError, TypeMismatchError, ValueError } from '../errors.js'
import { binaryCrossentropy, categoricalCrossentropy, type Loss } from '../losses/index.js'
import { cast } from '../ops/cast.js'
import { gatherAffine } from '../ops/gather-affine.js'
import { gatherRows } from '../ops/indexing.js'
import { advance } from '../ops/memory.js'
import { max } from '../ops/reduce.js'
import { negate } from '../ops/unary.js'
import { reshape, sliceRows } from '../ops/views.js'
import { type Shape, sameShape, show, sizeOf } from '../shape.js'
import { isTensor, type Tensor, type TensorValues, tensorOf } from '../tensor.js'

/** Inputs x [rows, …] and labels or targets y [rows, …]. Anything that tensor() takes will do. */
export interface Dataset {
  /** [rows, …input]; of uint8 with a divisor the quotients. */
  x: Tensor | TensorValues
  /** [rows] class numbers or [rows, …output], as the loss takes them. */
  y: Tensor | TensorValues
}

/** A data set that was checked against a model: rows of x fit its input, rows of y its loss. */
export interface Rows {
  x: Tensor
  y: Tensor
  rows: number
}

function asTensor(op: string, value: unknown, name: string, dtype: FloatDType): Tensor {
  // A view without the history: training does not go on into what the data were computed from.
  if (isTensor(value)) return tracked(value) ? noGrad(() => reshape(value, value.shape)) : value
  if (value === undefined || value === null)
    throw new TypeMismatchError(op, `${name}: a tensor or values for one`, describe(value))
  return asArgument(op, name, () => tensorOf(value as TensorValues, dtype))
}

/** What other libraries call weights of rows or classes, which would be ignored here. */
const WEIGHTS = /^((sample|class|row)_?)?weights?$/i
/** Options of fit and evaluate, which stand beside the data. */
const OPTIONS =
  /^(epochs|batch_?size|shuffle|validation(_?(data|split|batch_?size))?|signal|callbacks|verbose|stopOnNonFinite)$/i

/** Checks a data set for a model of input and output shapes (without the batch) and a loss. */
export function checkRows(op: string, data: unknown, input: Shape, output: Shape, loss: Loss, dtype: FloatDType): Rows {
  if (typeof data !== 'object' || data === null || !('x' in data) || !('y' in data)) {
    throw new TypeMismatchError(op, 'data { x, y }', describe(data))
  }
  const { x: inputs, y: targets, ...others } = data as Dataset & Record<string, unknown>
  const given = Object.keys(others).filter((name) => others[name] !== undefined)
  const option = given.find((name) => OPTIONS.test(name))
  if (option !== undefined)
    throw new ValueError(
      op,
      `data { x, y }, and options in an object of their own: ${op}(data, { … })`,
      describe(option),
    )
  const weights = given.find((name) => WEIGHTS.test(name))
  if (weights !== undefined)
    throw new ValueError(
      op,
      "data { x, y } (weights of rows beside y, for a loss with targets 'any')",
      describe(weights),
    )
  const x = checkInput(op, inputs, input, dtype)
  const rows = x.shape[0]
  const y = asTensor(op, targets, 'y', dtype)
  if (rows < 1) throw new ValueError(op, 'at least one row', show(x.shape))
  if (y.rank < 1 || y.shape[0] !== rows) throw new ShapeError(op, `y with ${rows} rows, as x has`, show(y.shape))
  return {
    x,
    y: loss.targets === 'index' ? indexTargets(op, y, output, loss) : denseTargets(op, y, output, loss, dtype),
    rows,
  }
}

/** x as a tensor whose rows have the model's input shape. */
export function checkInput(op: string, value: unknown, input: Shape, dtype: FloatDType): Tensor {
  const x = asTensor(op, value, 'x', dtype)
  if (x.rank < 1 || !sameShape(x.shape.slice(1), input)) {
    const isFlat = x.rank === 1 && input.length > 0 && x.size % sizeOf(input) === 0
    const hint = isFlat
      ? ` (of numbers one after another tensor(values, { shape: [${x.size / sizeOf(input)}, ${input.join(', ')}] }) makes one)`
      : ''
    throw new ShapeError(op, `x of shape [${['rows', ...input].join(', ')}]${hint}`, show(x.shape))
  }
  return x
}

function indexTargets(op: string, y: Tensor, output: Shape, loss: Loss): Tensor {
  const rows = y.shape[0]
  if (output.length !== 1) throw new ShapeError(op, `a model output [classes] for ${loss.name}`, show(output))
  if (y.size !== rows) {
    throw new ShapeError(
      op,
      `labels [${rows}] for ${loss.name} (for one-hot rows take categoricalCrossentropy)`,
      show(y.shape),
    )
  }
  if (y.divisor !== 1) throw new TypeMismatchError(op, `labels without a divisor for ${loss.name}`, y.describe())
  const data = y.data
  for (let i = 0; i < rows; i++) {
    if (!Number.isInteger(data[i])) throw new ValueError(op, 'whole numbers as labels', `${data[i]} at row ${i}`)
    if (data[i] < 0 || data[i] >= output[0])
      throw new ValueError(op, `labels from 0 to ${output[0] - 1}`, `${data[i]} at row ${i}`)
  }
  return reshape(cast(y, 'int32'), [rows])
}

function denseTargets(op: string, y: Tensor, output: Shape, loss: Loss, dtype: FloatDType): Tensor {
  const rows = y.shape[0]
  if (loss.targets === 'any') {
    if (y.rank === 1 && sameShape(output, [1]))
      throw new ShapeError(
        op,
        `y [${rows}, 1] for ${loss.name}: beside predictions [${rows}, 1] one of [${rows}] is broadcast to [${rows}, ${rows}]`,
        show(y.shape),
      )
    return cast(y, dtype)
  }
  if (!sameShape(y.shape.slice(1), output) && !(y.rank === 1 && sizeOf(output) === 1)) {
    const hint = loss.probabilities && y.size === rows ? ' (for class numbers take sparseCategoricalCrossentropy)' : ''
    throw new ShapeError(op, `targets [${[rows, ...output].join(', ')}] for ${loss.name}${hint}`, show(y.shape))
  }
  if (loss.call === binaryCrossentropy.call) checkShares(op, y, loss, 1)
  if (loss.call === categoricalCrossentropy.call) checkShares(op, y, loss, Infinity)
  return reshape(cast(y, dtype), [rows, ...output])
}

/**
 * Targets below 0, or above `most` (one-hot rows may have weights), would take the loss below 0. What rounding leaves of a scale to 0 … 1
 * is no mistake.
 */
function checkShares(op: string, y: Tensor, loss: Loss, most: number): void {
  const { data, divisor, dtype } = y
  const [low, high] = [-1e-5, most + 1e-5]
  if (divisor >= 255 || (isFloat(dtype) && isWithin(y, low, high))) return // 255: bytes
  for (let i = 0; i < data.length; i++) {
    if (!(data[i] >= low * divisor && data[i] <= high * divisor))
      throw new ValueError(op, `targets from 0 ${most === 1 ? 'to 1' : 'on'} for ${loss.name}`, `${data[i]} at ${i}`)
  }
}

/** The batch that a recorded step works on: rows of a data set in the order of `indices`, moved on by a cursor. */
export class Batch {
  readonly y: Tensor
  constructor(
    private readonly source: Rows,
    private readonly indices: Tensor,
    private readonly cursor: Tensor,
    readonly size: number,
    private readonly dtype: FloatDType,
  ) {
    const { dtype: y } = source.y
    this.y = gatherRows(source.y, indices, { ...this.place(), dtype: isFloat(y) ? dtype : y })
  }

  private place() {
    return { cursor: this.cursor, count: this.size }
  }

  /** Its rows of x. */
  rows(): Tensor {
    return gatherRows(this.source.x, this.indices, { ...this.place(), dtype: this.dtype })
  }

  /** x·w + b of its rows at once, where that pays. */
  affine(w: Tensor, b: Tensor): Tensor | undefined {
    return gatherAffine(this.source.x, this.indices, this.place(), w, b)
  }

  /** Moves the cursor to the next batch; the last command of a step. */
  advance(): void {
    advance(this.cursor, this.size)
  }
}

/** Whether all numbers are from low to high. By ops, a megabyte at a time: a loop takes 60 times as long, in which no server would answer. */
function isWithin(y: Tensor, low: number, high: number): boolean {
  const AT_ONCE = 1 << 18
  const flat = reshape(y, [y.size])
  for (let from = 0; from < y.size; from += AT_ONCE) {
    const part = sliceRows(flat, from, Math.min(from + AT_ONCE, y.size))
    if (!(max(part).item() <= high && max(negate(part)).item() <= -low)) return false
  }
  return true
}
