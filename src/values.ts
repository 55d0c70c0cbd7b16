import { dtypeOf, type TypedArray } from './dtype.js'
import { allocating, describe, ShapeError, TypeMismatchError } from './errors.js'
import { checkSize, MAX_RANK, sizeOf } from './shape.js'

/** A number, or arrays of arrays … of numbers: what toArray() gives. */
export type NestedArray = number | readonly NestedArray[]
/** Nested arrays whose innermost rows may be typed arrays. */
type NestedValues = number | TypedArray | readonly NestedValues[]
/** What tensor() takes: a number, nested arrays, or a typed array. */
export type TensorValues = NestedValues

/**
 * Numbers from the host, one after another, as exactly as `dtype` needs; `shape` is undefined for a typed array, which has none of its own.
 * @throws ShapeError for ragged nesting, TypeMismatchError for anything that is not numbers, MemoryError
 */
export function flatten(op: string, values: unknown, dtype: unknown): { flat: ArrayLike<number>; shape?: number[] } {
  if (dtypeOf(values) !== undefined) return { flat: values as TypedArray }
  if (typeof values === 'number') return { flat: [values], shape: [] }
  if (!Array.isArray(values)) {
    throw new TypeMismatchError(
      op,
      'a number, nested arrays of numbers or a Float32Array, Float64Array, Int32Array or Uint8Array',
      describe(values),
    )
  }
  const shape = shapeOf(op, values)
  const size = sizeOf(checkSize(op, shape))
  const Numbers = dtype === 'float32' ? Float32Array : Float64Array
  const flat = allocating(op, size * Numbers.BYTES_PER_ELEMENT, () => new Numbers(size))
  const last = shape.length - 1
  /** Indices on the way to where `walk` is. */
  const way: number[] = []
  const place = (to: readonly number[]) => `at ${to.map((i) => `[${i}]`).join('')}`
  const copyRow = (row: ArrayLike<unknown>, to: Float32Array | Float64Array, at: number): void => {
    for (let i = 0; i < row.length; i++) {
      const value: unknown = row[i]
      if (typeof value !== 'number') {
        const got = `${describe(value)} ${place([...way.slice(0, last), i])}`
        throw new TypeMismatchError(op, `numbers at depth ${last + 1}`, got)
      }
      to[at + i] = value
    }
  }
  let next = 0
  const walk = (level: unknown, dim: number): void => {
    const length = shape[dim]
    if (!isRow(level) || level.length !== length) {
      const got = isRow(level) ? `${level.length}` : describe(level)
      throw new ShapeError(op, `equal lengths at depth ${dim} (${length})`, `${got} ${place(way.slice(0, dim))}`)
    }
    if (dim < last) {
      for (let i = 0; i < length; i++) {
        way[dim] = i
        walk(level[i], dim + 1)
      }
      return
    }
    copyRow(level, flat, next)
    next += length
  }
  walk(values, 0)
  return { flat, shape }
}

/** Whether it is a typed array whose memory is somebody else's now: it has no length then. (`buffer.detached` is newer than Node 20.) */
export function isDetached(values: ArrayLike<number>): boolean {
  if (values.length > 0 || !ArrayBuffer.isView(values)) return false
  try {
    new Uint8Array(values.buffer)
    return false
  } catch {
    return true
  }
}

/** Whether it holds values, as an array or a typed array does. */
export const isRow = (level: unknown): level is ArrayLike<unknown> =>
  Array.isArray(level) || dtypeOf(level) !== undefined

/** The lengths of the first array at each depth. */
function shapeOf(op: string, values: readonly unknown[]): number[] {
  const shape: number[] = []
  for (let level: unknown = values; isRow(level); level = level[0]) {
    if (shape.length === MAX_RANK) throw new ShapeError(op, `at most ${MAX_RANK} dimensions`, 'deeper nesting')
    shape.push(level.length)
  }
  return shape
}
