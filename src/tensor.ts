import {
  arrayType,
  BYTES,
  checkDType,
  type DType,
  dtypeOf,
  isFloat,
  type TypedArray,
  type TypedArrayCopy,
} from './dtype.js'
import {
  allocating,
  checkFlag,
  checkOptions,
  describe,
  ownTensors,
  ShapeError,
  StateError,
  TypeMismatchError,
  ValueError,
} from './errors.js'
import { type GradientNode, recordingState, written } from './gradient-nodes.js'
import { scratch } from './scratch.js'
import { checkShape, fitsCounts, isShape, type Shape, sameShape, show, sizeOf } from './shape.js'
import {
  aligned,
  allocate,
  allocatedOffset,
  checkFree,
  GAP_BYTES,
  newStorage,
  type resultSlabs,
  SMALL_BYTES,
  Storage,
  tapeSlabs,
} from './storage.js'
import { flatten, isDetached, type NestedArray, type TensorValues } from './values.js'
import { newWrites, type Writes } from './writes.js'

export type { NestedArray, TensorValues } from './values.js'

/** More nested arrays than this do not fit JavaScript's memory. */
const MAX_ARRAYS = 2 ** 24

/** V8 makes a dictionary of a longer array, or ends the process. */
const MAX_NUMBERS = 2 ** 25
/** A gigabyte of JavaScript's memory, half of what there may be: beyond it V8 ends the process. */
const MAX_ALL_NUMBERS = 2 ** 27

/**
 * A contiguous, row-major block of numbers. The values live in memory (with the addon: shared memory) that the kernels read
 * and write in place; the garbage collector frees it. Operations are functions of the package and methods of the tensor.
 */
export class Tensor {
  /** How many numbers: the product of `shape`. */
  readonly size: number
  /** dL/d(this), in this shape, of the last backward() that reached it; undefined before (of a parameter, or what was made with `requiresGrad: true`: zeros). */
  grad: Tensor | undefined = undefined
  /** How backward() gets from this tensor to what it was computed from. */
  node: GradientNode | undefined = undefined
  /** When its memory was written, which views share: backward() compares it with the `order` of nodes. */
  writes: Writes
  /** When it became, within noGrad, a view: no gradient flows through it to results noted before. */
  detachedAt = -1
  private quotient = 1
  private wantsGrad = false

  constructor(
    /** The memory that its values lie in, with those of others. */
    readonly storage: Storage,
    /** Where in `storage` they begin, in elements. */
    readonly offset: number,
    readonly shape: Shape,
    readonly dtype: DType,
  ) {
    this.size = checkPlace(storage, offset, shape, dtype)
    this.writes = newWrites(this.size)
  }

  /** The values of a uint8 tensor stand for value / divisor (255 for images); casts to a float dtype divide. */
  get divisor(): number {
    return this.quotient
  }
  /** @throws ValueError, TypeMismatchError for one that is not above 0, or of another dtype than uint8 (but 1) */
  set divisor(divisor: number) {
    checkTensor('tensor', this)
    if (!(typeof divisor === 'number' && divisor > 0 && Number.isFinite(divisor)))
      throw new ValueError('tensor', 'a divisor above 0', describe(divisor))
    if (this.dtype !== 'uint8' && divisor !== 1)
      throw new TypeMismatchError('tensor', 'dtype uint8 for a tensor with a divisor', this.dtype)
    this.quotient = divisor
  }

  /** Leaves with requiresGrad get a gradient in `grad` from backward(). */
  get requiresGrad(): boolean {
    return this.wantsGrad
  }
  /** @throws TypeMismatchError for true where the dtype is no float, or for what is not true or false */
  set requiresGrad(wanted: boolean) {
    checkTensor('requiresGrad', this)
    const wants = checkFlag('requiresGrad', 'requiresGrad', wanted)
    if (wants && !isFloat(this.dtype)) throw new TypeMismatchError('requiresGrad', 'a float tensor', this.describe())
    if (wants && this.node !== undefined)
      throw new StateError('requiresGrad', 'a tensor without history (a copy made within noGrad)', this.describe())
    this.wantsGrad = wants
  }

  /** How many dimensions. */
  get rank(): number {
    return checkTensor('rank', this).shape.length
  }

  /**
   * The values in place, as a typed array: no copy; of images the bytes, not yet divided. While a replay runs they change
   * under you. With the addon the memory is a SharedArrayBuffer, of this and of other tensors: structuredClone and postMessage
   * share it, toTypedArray() copies.
   */
  get data(): TypedArray {
    checkReadable('data', this)
    return this.storage.array.subarray(this.offset, this.offset + this.size)
  }

  /** A copy of the values, row by row; of a tensor with a divisor the quotients. */
  toTypedArray(): TypedArrayCopy {
    checkReadable('toTypedArray', this)
    const dtype = this.divisor === 1 ? this.dtype : 'float32'
    const Copy = arrayType(dtype)
    const copy = allocating('toTypedArray', this.size * BYTES[dtype], () => new Copy(this.size))
    copy.set(this.data)
    if (this.divisor !== 1) for (let i = 0; i < copy.length; i++) copy[i] /= this.divisor
    return copy
  }

  /** A copy of the values as nested arrays; a number for a tensor without dimensions. T says how deep: toArray<number[]>(). */
  toArray<T extends NestedArray = NestedArray>(): T {
    checkReadable('toArray', this)
    let arrays = 0
    for (let i = 0, n = 1; i < this.rank - 1; i++) {
      n *= this.shape[i]
      arrays += n
    }
    // Even a tensor without elements may have rows without end.
    if (arrays > MAX_ARRAYS) throw new ShapeError('toArray', `at most ${MAX_ARRAYS} arrays`, show(this.shape))
    if (this.size > MAX_NUMBERS && this.shape[this.rank - 1] > MAX_NUMBERS)
      throw new ShapeError(
        'toArray',
        `rows of at most ${MAX_NUMBERS} numbers (toTypedArray() gives more)`,
        show(this.shape),
      )
    if (this.size > MAX_ALL_NUMBERS)
      throw new ShapeError(
        'toArray',
        `at most ${MAX_ALL_NUMBERS} numbers (toTypedArray() gives more)`,
        show(this.shape),
      )
    const flat = this.toTypedArray()
    if (this.rank === 0) return flat[0] as T
    let next = 0
    const build = (dim: number): NestedArray => {
      const length = this.shape[dim]
      const list: NestedArray[] = new Array(length)
      if (dim < this.rank - 1) for (let i = 0; i < length; i++) list[i] = build(dim + 1)
      else for (let i = 0; i < length; i++) list[i] = flat[next++]
      return list
    }
    return build(0) as T
  }

  /** The value of a tensor of one element. */
  item(): number {
    checkReadable('item', this)
    if (this.size !== 1) throw new ShapeError('item', 'a tensor of one element', show(this.shape))
    return this.storage.array[this.offset] / this.divisor
  }

  /**
   * Overwrites the values, which must have this tensor's shape (a flat typed array: its size). Numbers are stored as they
   * are, also where this tensor has a divisor; of another tensor with one the quotients count.
   * @throws ValueError, and leaves the values, for numbers that an int32 or uint8 tensor cannot hold
   */
  set(values: TensorValues | Tensor): this {
    checkWritable('set')
    checkTensor('set', this)
    checkStill('set', this)
    const source = isTensor(values)
      ? { flat: valuesFor(this, values), shape: values.shape }
      : flatten('set', values, this.dtype)
    const fits = source.flat.length === this.size && (source.shape === undefined || sameShape(source.shape, this.shape))
    if (!fits) {
      const got = source.shape === undefined ? `${source.flat.length} values` : show(source.shape)
      throw new ShapeError('set', `values of shape ${show(this.shape)}`, got)
    }
    checkIntegers('set', source.flat, this.dtype)
    checkStill('set', this) // again: a getter among the values may have begun a fit
    // A detached array counts as empty, but cannot be copied.
    if (this.size > 0) this.data.set(source.flat)
    return written(this) as this
  }

  /** For JSON.stringify: nested arrays, of which tensor() makes a tensor again. (JSON has null for what is not finite.) */
  toJSON(): NestedArray {
    return this.toArray()
  }

  /** As in `Tensor float32 [32, 784]`: what errors call it. */
  describe(): string {
    if (!isTensor(this)) return 'Tensor without values'
    return `Tensor ${this.dtype}${this.divisor === 1 ? '' : ` / ${this.divisor}`} ${show(this.shape)}`
  }

  /** Text where text is wanted; a number in JavaScript it is not: `loss < 1` would be false, whatever the loss. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint !== 'string') {
      const wanted =
        hint === 'number' ? 'item() or an op, where a number is wanted' : `item(), an op, or \`\${tensor}\` for text`
      throw new TypeMismatchError('Tensor', wanted, this.describe())
    }
    return this.toString()
  }

  toString(): string {
    return this.describe()
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    if (recordingState.active || !isTensor(this)) return this.describe()
    const head = Array.from(this.data.subarray(0, 8), (v) => String(v / this.divisor)).join(', ')
    return `${this.describe()} (${head}${this.size > 8 ? ', …' : ''})`
  }
}

ownTensors.describe = Tensor.prototype.describe

/** How many elements there are; each op makes a tensor, so this is short. */
function checkPlace(storage: Storage, offset: number, shape: Shape, dtype: DType): number {
  const size = isShape(shape) ? sizeOf(shape) : Number.NaN
  const fits = storage instanceof Storage && offset >= 0 && offset + size <= storage.array.length
  if (fits && storage.dtype === dtype && Number.isInteger(offset) && (size > 0 || fitsCounts(shape))) return size
  const expected = 'a place within a storage (tensor() and zeros() make tensors)'
  throw new ShapeError('Tensor', expected, `shape ${describe(shape)}, ${describe(dtype)}, at ${describe(offset)}`)
}

function checkReadable(what: string, t: Tensor): void {
  checkTensor(what, t)
  if (recordingState.active) {
    throw new StateError(
      what,
      'no reading while recording (record(), or a step of fit): values exist only when the tape is replayed',
      `a call of ${what} inside record()`,
    )
  }
}

function checkWritable(what: string): void {
  if (recordingState.active) {
    const expected =
      'no values from the host inside record() (fit records a step): they would be baked into the tape; create the tensor outside and write to it with set() between replays'
    throw new StateError(what, expected, `a call of ${what} inside record()`)
  }
}

/** Asked before anything is written to a tensor that was there before; of what is recorded its tape asks. @throws StateError as checkFree */
export function checkStill(op: string, t: Tensor): void {
  if (!recordingState.active) checkFree(op, t.storage)
}

/** A tensor of unset memory (zeros when fresh) for an op's result. */
export function empty(op: string, shape: Shape, dtype: DType, slabs?: typeof resultSlabs): Tensor {
  const size = sizeOf(shape)
  if (scratch !== undefined && size * BYTES[dtype] > SMALL_BYTES)
    return new Tensor(scratch.take(op, dtype, size), 0, shape, dtype)
  const storage = allocate(op, dtype, size, slabs ?? (recordingState.active ? tapeSlabs : undefined))
  return new Tensor(storage, allocatedOffset, shape, dtype)
}

/** What tensor() and zeros() make. */
export interface TensorOptions {
  /** Sizes of the dimensions; default: those of the nesting, or one dimension. */
  shape?: readonly number[] | undefined
  /** Default: the typed array's own, float32 for numbers and nested arrays. */
  dtype?: DType | undefined
  /** For uint8: the values stand for value / divisor. */
  divisor?: number | undefined
  /** Whether backward() computes a gradient for it. */
  requiresGrad?: boolean | undefined
}

/**
 * Makes a tensor from a number, nested arrays or a typed array (copied).
 * @throws ShapeError for ragged nesting or a shape of another size, TypeMismatchError for anything that is not numbers
 */
export function tensor(values: TensorValues, options: TensorOptions = {}): Tensor {
  checkWritable('tensor')
  // Read before the values: a getter may take their memory away.
  checkOptions('tensor', options, ['shape', 'dtype', 'divisor', 'requiresGrad'])
  const { shape: given, dtype: kind, divisor, requiresGrad } = options
  const { flat, shape: natural } = flatten('tensor', values, kind ?? 'float32')
  if (isDetached(flat))
    throw new TypeMismatchError('tensor', 'a typed array that has its memory', 'one whose memory was transferred away')
  const shape = checkShape('tensor', given ?? natural ?? [flat.length])
  if (sizeOf(shape) !== flat.length)
    throw new ShapeError('tensor', `${sizeOf(shape)} values for shape ${show(shape)}`, `${flat.length}`)
  const dtype = kind === undefined ? (dtypeOf(values) ?? 'float32') : checkDType('tensor', kind)
  const result = empty('tensor', shape, dtype)
  checkIntegers('tensor', flat, dtype)
  if (flat.length > 0) result.data.set(flat)
  if (divisor !== undefined) result.divisor = divisor
  return requireGrad(result, requiresGrad)
}

/** Values as a tensor: plain numbers become `dtype`, a typed array keeps its own. */
export function tensorOf(values: TensorValues, dtype: DType): Tensor {
  return tensor(values, dtypeOf(values) === undefined ? { dtype } : {})
}

function requireGrad(t: Tensor, wanted: boolean | undefined): Tensor {
  if (checkFlag('requiresGrad', 'requiresGrad', wanted)) {
    t.requiresGrad = true
    t.grad = empty('requiresGrad', t.shape, t.dtype)
    t.grad.data.fill(0)
  }
  return t
}

/** What set() is to store: the values, or what those of a tensor with a divisor stand for. */
function valuesFor(to: Tensor, from: Tensor): TypedArray {
  if (from.divisor === to.divisor || from.divisor === 1) return from.data
  if (to.divisor !== 1)
    throw new TypeMismatchError('set', `a tensor of divisor ${to.divisor} or 1`, `one of divisor ${from.divisor}`)
  const { data, divisor } = from
  const quotients = allocating('set', 8 * data.length, () => new Float64Array(data.length))
  for (let i = 0; i < data.length; i++) quotients[i] = data[i] / divisor
  return quotients
}

/** @throws ValueError for a number that the dtype cannot hold */
export function checkIntegers(op: string, flat: ArrayLike<number>, dtype: DType): void {
  if (isFloat(dtype) || dtypeOf(flat) === dtype) return
  const [low, high] = dtype === 'uint8' ? [0, 255] : [-(2 ** 31), 2 ** 31 - 1]
  for (let i = 0; i < flat.length; i++) {
    if (!Number.isInteger(flat[i]) || flat[i] < low || flat[i] > high) {
      throw new ValueError(op, `whole numbers from ${low} to ${high} for ${dtype}`, `${flat[i]} at ${i}`)
    }
  }
}

/** A tensor of zeros. @throws StateError inside record(), where full(shape, 0) makes one in each step */
export function zeros(shape: readonly number[], options: Pick<TensorOptions, 'dtype' | 'requiresGrad'> = {}): Tensor {
  checkWritable('zeros')
  const dtype = checkDType('zeros', checkOptions('zeros', options, ['dtype', 'requiresGrad']).dtype ?? 'float32')
  return requireGrad(empty('zeros', checkShape('zeros', shape), dtype), options.requiresGrad) // new memory is zero
}

/** Some of base's elements, of any shape. */
export function viewOf(base: Tensor, offset: number, shape: Shape): Tensor {
  const view = new Tensor(base.storage, offset, shape, base.dtype)
  view.writes = base.writes
  return view
}

/** One block of memory for many tensors, each aligned to 64 bytes: parameters, gradients, optimizer state. */
export function flatBlock(op: string, shapes: readonly Shape[], dtype: DType): { flat: Tensor; parts: Tensor[] } {
  const starts: number[] = []
  let length = 0
  for (const shape of shapes) {
    starts.push(length)
    length += aligned(sizeOf(shape), dtype)
  }
  const storage = newStorage(op, dtype, length, length * BYTES[dtype] > GAP_BYTES / 4 ? GAP_BYTES : 0)
  const flat = new Tensor(storage, 0, [length], dtype)
  return { flat, parts: shapes.map((s, i) => viewOf(flat, starts[i], s)) }
}

/** Not what Object.create(Tensor.prototype) makes, which is an instance too, but has no memory. */
export function isTensor(value: unknown): value is Tensor {
  return value instanceof Tensor && value.storage !== undefined
}

export function checkTensor(op: string, value: unknown, what = 'a tensor'): Tensor {
  if (!isTensor(value)) throw new TypeMismatchError(op, what, describe(value))
  // JavaScript can write to `shape`. (To freeze it took longer than a small op.)
  if (sizeOf(value.shape) !== value.size)
    throw new ShapeError(op, `a shape of ${value.size} elements, as it was made with`, show(value.shape))
  return value
}
