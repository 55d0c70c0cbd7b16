import { CODE, DTYPES, type DType, dtypeOf, type TypedArray } from '../dtype.js'
import { describe, IndexError, ShapeError, TypeMismatchError, ValueError } from '../errors.js'
import type { Op } from '../ops/op.js'
import { isWritten, type OperandSpec, type TypeLetter } from '../ops/signature.js'

const MOST = Number.MAX_SAFE_INTEGER

const F32 = 1,
  F64 = 2,
  I32 = 4,
  U8 = 8
/** What a type letter admits, as bits of dtype codes; T depends on the command. */
const ADMITS: Readonly<Record<TypeLetter, number>> = { T: 0, d: F64, i: I32, L: I32 | U8, A: F32 | F64 | I32 | U8 }

const namesOf = (admitted: number): string => DTYPES.filter((_, code) => (admitted >> code) & 1).join(' or ')

/** An int parameter by its name. */
const parameter = (op: Op, ints: readonly number[], name: string): number =>
  ints[op.ints.findIndex((p) => p.name === name)]

/** What a signature cannot say. */
type Rule = (op: Op, types: readonly DType[], ints: readonly number[], doubles: readonly number[]) => void

const mustHaveElements: Rule = (op, _types, ints) => {
  if (ints[1] === 0) throw new ShapeError(op.name, 'at least one element to choose from', 'a dimension of size 0')
}

const mustHavePanels: Rule = (op, _types, ints) => {
  if (parameter(op, ints, 'panels') === 0) throw new ValueError(op.name, 'at least one panel', '0')
}

const RULES: Readonly<Record<string, Rule | undefined>> = {
  max: mustHaveElements,
  argmax: mustHaveElements,
  gatherRows: (op, [y, src], _ints, [divisor]) => {
    if (y === 'float32' || y === 'float64') return
    if (y !== src && !(y === 'int32' && src === 'uint8')) {
      throw new TypeMismatchError(op.name, `y to be float32, float64 or ${src}`, y)
    }
    if (divisor !== 1) throw new ValueError(op.name, `divisor 1 for ${y}`, describe(divisor))
  },
  copyColumns: (op, [y, x], [, n, p, q, at, from]) => {
    if (y !== x) throw new TypeMismatchError(op.name, `y to be ${x}`, y)
    if (n + at > p || n + from > q)
      throw new ShapeError(op.name, 'columns that both rows have', `${n} of ${q} from ${from}, to ${at} of ${p}`)
  },
  gatherAffine: mustHavePanels,
  gatherAffineGrad: mustHavePanels,
  put: (op, [dst, src]) => {
    if (dst !== src && dst !== 'float64') throw new TypeMismatchError(op.name, `dst to be float64 or ${src}`, dst)
  },
}

/**
 * Checks everything about a command that could make a kernel touch what it must not: counts, dtypes, ranges, aliasing.
 * After this the kernel cannot fault, except for indices that live in buffers.
 */
export function checkCommand(
  op: Op,
  dtype: number,
  arrays: readonly TypedArray[],
  offsets: readonly number[],
  ints: readonly number[],
  doubles: readonly number[],
): void {
  if (dtype !== 0 && dtype !== 1)
    throw new TypeMismatchError(op.name, 'dtype 0 (float32) or 1 (float64)', describe(dtype))
  checkCount(op, 'operands', op.operands.length, arrays.length)
  checkCount(op, 'int parameters', op.ints.length, ints.length)
  checkCount(op, 'double parameters', op.doubles.length, doubles.length)
  for (let i = 0; i < ints.length; i++) {
    const v = ints[i]
    const { name, below } = op.ints[i]
    if (!(v >= 0 && v < below && Number.isInteger(v))) {
      throw new ValueError(op.name, `${name} to be a whole number from 0 to ${below - 1}`, describe(v))
    }
  }
  for (let i = 0; i < doubles.length; i++) {
    if (typeof doubles[i] !== 'number')
      throw new ValueError(op.name, `${op.doubles[i]} to be a number`, describe(doubles[i]))
  }
  for (let i = 0; i < arrays.length; i++) {
    checkType(op, op.operands[i], dtype, arrays[i])
    extents[i] = checkRange(op, op.operands[i], arrays[i], offsets[i], ints)
  }
  checkAliases(op, arrays, offsets)
  RULES[op.name]?.(op, arrays.map(dtypeOf) as DType[], ints, doubles)
}

/** What the operands of the command at hand span. One array for all: this runs before every eager command. */
const extents: number[] = []

function checkCount(op: Op, what: string, expected: number, received: number): void {
  if (expected !== received) throw new ValueError(op.name, `${expected} ${what}`, String(received))
}

function checkType(op: Op, operand: OperandSpec, dtype: number, array: TypedArray): void {
  if (operand.type === 'T' && (dtype === 0 ? array instanceof Float32Array : array instanceof Float64Array)) return
  const type = dtypeOf(array)
  const admitted = operand.type === 'T' ? 1 << dtype : ADMITS[operand.type]
  if (type === undefined || !((admitted >> CODE[type]) & 1)) {
    throw new TypeMismatchError(op.name, `${operand.name} to be ${namesOf(admitted)}`, type ?? describe(array))
  }
}

function checkRange(op: Op, operand: OperandSpec, array: TypedArray, offset: number, ints: readonly number[]): number {
  const extent = operand.extent(ints)
  if (!(extent <= MOST)) throw new ShapeError(op.name, `${operand.name} of at most 2^53 elements`, `${extent} elements`)
  if (!(Number.isInteger(offset) && offset >= 0 && offset + extent <= array.length)) {
    throw new ShapeError(
      op.name,
      `${operand.name} within its buffer of ${array.length}`,
      `${extent} elements from ${offset}`,
    )
  }
  return extent
}

function checkAliases(op: Op, arrays: readonly TypedArray[], offsets: readonly number[]): void {
  for (let i = 0; i < arrays.length; i++) {
    if (!isWritten(op.operands[i])) continue
    for (let j = 0; j < arrays.length; j++) {
      const other = op.operands[j]
      if (j === i || (j < i && isWritten(other))) continue
      const overlap = overlapOf(arrays[i], offsets[i], extents[i], arrays[j], offsets[j], extents[j])
      if (overlap === 'none' || (overlap === 'same' && other.role === 'i')) continue
      const allowed = other.role === 'i' ? 'apart or the same' : 'apart'
      throw new ValueError(
        op.name,
        `${op.operands[i].name} and ${other.name} to be ${allowed} in memory`,
        'overlapping ranges',
      )
    }
  }
}

/** How two ranges lie. Arrays may be views of one buffer, so bytes decide. */
function overlapOf(
  a: TypedArray,
  ao: number,
  an: number,
  b: TypedArray,
  bo: number,
  bn: number,
): 'none' | 'same' | 'some' {
  if (an === 0 || bn === 0) return 'none'
  if (a === b) {
    if (ao >= bo + bn || bo >= ao + an) return 'none'
    return ao === bo && an === bn ? 'same' : 'some'
  }
  if (a.buffer !== b.buffer) return 'none'
  const from = a.byteOffset + ao * a.BYTES_PER_ELEMENT,
    to = from + an * a.BYTES_PER_ELEMENT
  const begin = b.byteOffset + bo * b.BYTES_PER_ELEMENT,
    end = begin + bn * b.BYTES_PER_ELEMENT
  if (from >= end || begin >= to) return 'none'
  return from === begin && to === end ? 'same' : 'some'
}

/** Which parameter bounds the indices of a checked operand; of all other checked ops it is the labels t and n. */
const INDEXED: Readonly<Record<string, readonly [operand: string, bound: string]>> = {
  gatherRows: ['idx', 'rows'],
  gatherAffine: ['idx', 'rows'],
  scatterRows: ['idx', 'rows'],
  put: ['at', 'cap'],
}

/** The error for a bad index that a checked command found. */
export function badIndex(op: Op, ints: readonly number[], position: number, value: number): IndexError {
  if (position < 0) {
    const last = parameter(op, ints, 'count') - parameter(op, ints, 'm')
    return new IndexError(op.name, `the cursor from 0 to ${last}`, String(value))
  }
  const [operand, bound] = INDEXED[op.name] ?? ['t', 'n']
  return new IndexError(op.name, `${operand}[${position}] from 0 to ${parameter(op, ints, bound) - 1}`, String(value))
}
