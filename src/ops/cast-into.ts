import { isFloat } from '../dtype.js'
import type { Tensor } from '../tensor.js'
import { divide } from './binary.js'
import { copy } from './memory.js'

/** cast() into y, which has x's shape and the dtype to convert to. */
export function castInto(x: Tensor, y: Tensor): Tensor {
  copy(x, y)
  return x.divisor !== 1 && isFloat(y.dtype) ? divide(y, x.divisor, y) : y
}
