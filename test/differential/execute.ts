import type { Backend } from '../../src/backend/backend.js'
import type { TypedArray } from '../../src/dtype.js'
import { type DType, dtypeOf } from '../../src/dtype.js'
import type { Op } from '../../src/ops/op.js'
import { Storage } from '../../src/storage.js'
import type { Case } from './cases.js'

/** Runs a command on copies of its operands, each at an odd place in memory of its own; gives what all hold after. */
export function execute(backend: Backend, op: Op, c: Case): TypedArray[] {
  const places = c.before.map((values, i) => {
    const offset = i + 1
    const Type = values.constructor as Float64ArrayConstructor
    const buffer = new SharedArrayBuffer((values.length + offset) * values.BYTES_PER_ELEMENT)
    const array: TypedArray = new Type(buffer as unknown as ArrayBuffer)
    array.set(values, offset)
    return { storage: new Storage(array, dtypeOf(array) as DType, -1), offset }
  })
  if (c.inPlace !== undefined) places[0] = places[c.inPlace]
  backend.execute(op, c.dtype, places, c.ints, c.doubles)
  return places.map(({ storage, offset }) => storage.array.subarray(offset))
}

/** The operands that a command writes. */
export function writtenBy(op: Op): number[] {
  return op.operands.flatMap(({ role }, i) => (role === 'w' || role === 'u' ? [i] : []))
}
