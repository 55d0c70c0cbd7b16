import { describe, ShapeError } from './errors.js'

/** Sizes of the dimensions, the outermost first; [] for a single number. At most 6. */
export type Shape = readonly number[]

/** A tensor has at most this many dimensions. */
export const MAX_RANK = 6
/** A tensor has at most this many elements: commands count in int32. */
export const MAX_SIZE = 2 ** 31 - 1

export function sizeOf(shape: Shape): number {
  let n = 1
  for (let i = 0; i < shape.length; i++) n *= shape[i]
  return n
}

/**
 * Returns `shape`, or throws where its sizes, 0 left out, multiply to more than commands can count. (0 is left out because an
 * empty tensor [2^40, 0] would still be passed to commands as 2^40 rows.)
 */
export function checkSize<S extends Shape>(op: string, shape: S): S {
  if (fitsCounts(shape)) return shape
  const expected = `at most ${MAX_SIZE} elements${shape.includes(0) ? ', if sizes of 0 were 1' : ''}`
  throw new ShapeError(op, expected, show(shape))
}

/** Whether products of the sizes, whichever are taken, are at most MAX_SIZE. */
export function fitsCounts(shape: Shape): boolean {
  let n = 1
  for (let i = 0; i < shape.length; i++) n *= shape[i] || 1
  return n <= MAX_SIZE
}

export function show(shape: Shape): string {
  return `[${shape.join(', ')}]`
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Whether it is an array of sizes; holes are none. */
export function isShape(shape: unknown): shape is Shape {
  if (!Array.isArray(shape) || shape.length > MAX_RANK) return false
  for (let i = 0; i < shape.length; i++) {
    const d: unknown = shape[i]
    if (!(Number.isInteger(d) && (d as number) >= 0)) return false
  }
  return true
}

/** A copy, by number: an iterator of one's own may never end. Undefined for what cannot be a shape. */
export function copyOfShape(shape: unknown): unknown[] | undefined {
  if (!Array.isArray(shape) || shape.length > MAX_RANK) return undefined
  const copy: unknown[] = []
  for (let i = 0; i < shape.length; i++) copy.push(shape[i])
  return copy
}

/** Returns `shape` as a plain array of sizes, or throws. */
export function checkShape(op: string, shape: unknown): number[] {
  // Copied before it is checked: a getter may give another size the second time.
  const copy = copyOfShape(shape)
  if (!isShape(copy)) {
    const hint = typeof shape === 'number' ? `, such as [${shape}]` : ''
    throw new ShapeError(op, `a shape: an array of at most ${MAX_RANK} whole numbers >= 0${hint}`, describe(shape))
  }
  return checkSize(op, copy as number[])
}

/** An axis counted from 0, or from the end when negative. */
export function checkAxis(op: string, axis: unknown, rank: number): number {
  if (Number.isInteger(axis) && (axis as number) >= -rank && (axis as number) < rank) {
    return (axis as number) < 0 ? (axis as number) + rank : (axis as number)
  }
  if (rank === 0) throw new ShapeError(op, 'a tensor with an axis', '[]')
  throw new ShapeError(op, `an axis from ${-rank} to ${rank - 1}`, describe(axis))
}
