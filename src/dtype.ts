import { types } from 'node:util'
import { describe, TypeMismatchError } from './errors.js'

/** What models compute in. */
export type FloatDType = 'float32' | 'float64'
/** What a tensor's numbers are stored as; int32 for indices and labels, uint8 for images. */
export type DType = FloatDType | 'int32' | 'uint8'
/** The typed array of each DType. */
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array
/**
 * One of floats in memory of its own, which is not shared: what `of` gives, as before TypeScript 5.7 no typed array says in what memory
 * it lies.
 */
export type FloatArrayCopy = ReturnType<Float32ArrayConstructor['of']> | ReturnType<Float64ArrayConstructor['of']>
/** The same of any DType. */
export type TypedArrayCopy =
  | FloatArrayCopy
  | ReturnType<Int32ArrayConstructor['of']>
  | ReturnType<Uint8ArrayConstructor['of']>

/** Codes shared with the addon; 0 and 1 are also the dtypes a command can have. */
export const DTYPES: readonly DType[] = ['float32', 'float64', 'int32', 'uint8']
export const CODE: Readonly<Record<DType, number>> = { float32: 0, float64: 1, int32: 2, uint8: 3 }
export const BYTES: Readonly<Record<DType, number>> = { float32: 4, float64: 8, int32: 4, uint8: 1 }

const CONSTRUCTORS = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint8: Uint8Array } as const

export function arrayType(dtype: DType): (typeof CONSTRUCTORS)[DType] {
  return CONSTRUCTORS[dtype]
}

/** The dtype of a typed array, or undefined for anything else. */
export function dtypeOf(value: unknown): DType | undefined {
  if (!ArrayBuffer.isView(value)) return undefined // a proxy of one is an instance, too
  if (value instanceof Float32Array) return 'float32'
  if (value instanceof Float64Array) return 'float64'
  if (value instanceof Int32Array) return 'int32'
  if (value instanceof Uint8Array) return 'uint8'
  return foreignDType(value)
}

/** Of a typed array from another realm, as in vm contexts and test runners, which is no instance of these classes. */
function foreignDType(value: ArrayBufferView): DType | undefined {
  if (types.isFloat32Array(value)) return 'float32'
  if (types.isFloat64Array(value)) return 'float64'
  if (types.isInt32Array(value)) return 'int32'
  return types.isUint8Array(value) ? 'uint8' : undefined
}

export function isFloat(dtype: unknown): dtype is FloatDType {
  return dtype === 'float32' || dtype === 'float64'
}

export function checkDType(op: string, dtype: unknown): DType {
  if (typeof dtype === 'string' && Object.hasOwn(CODE, dtype)) return dtype as DType
  throw new TypeMismatchError(op, `a dtype (${DTYPES.join(', ')})`, describe(dtype))
}

export function checkFloat(op: string, dtype: unknown): FloatDType {
  if (isFloat(dtype)) return dtype
  throw new TypeMismatchError(op, 'dtype float32 or float64', describe(dtype))
}
