import type { TypedArray } from '../../dtype.js'

/** One command as a kernel sees it: decoded, validated, its operands found. */
export interface Call {
  /** The operands' arrays, in the order of the signature. */
  a: TypedArray[]
  /** Where in them, in elements. */
  o: number[]
  /** Int parameters. */
  n: readonly number[]
  /** Double parameters. */
  d: readonly number[]
  /** 0 float32, 1 float64. */
  dtype: 0 | 1
  /** Of a product: only the rows from i0 to i1 of its columns from j0 to j1; undefined: all. */
  part?: readonly [i0: number, i1: number, j0: number, j1: number] | undefined
  /** Throws the error for a bad index of a checked command. Position -1 means the cursor. */
  fail(position: number, value: number): never
}

export type Kernel = (call: Call) => void
export type Kernels = Readonly<Record<string, Kernel>>

/** A parameter as the command's dtype knows it: the addon rounds a float32 command's scalars once, and so do we. */
export function rounded(dtype: Call['dtype'], value: number): number {
  return dtype === 0 ? Math.fround(value) : value
}
