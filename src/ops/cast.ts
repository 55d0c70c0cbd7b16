import { checkDType, type DType, isFloat } from '../dtype.js'
import { checkTensor, empty, type Tensor } from '../tensor.js'
import { divide } from './binary.js'
import { copy } from './memory.js'

/**
 * Converts to another dtype; x itself if it has it. To int32 and uint8 values are truncated and saturated, NaN gives 0.
 * A uint8 tensor with a divisor becomes its quotients in a float dtype.
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  checkTensor('cast', x)
  if (checkDType('cast', dtype) === x.dtype) return x
  return castInto(x, empty('cast', x.shape, dtype))
}

/** cast() into y, which has x's shape and the dtype to convert to. */
export function castInto(x: Tensor, y: Tensor): Tensor {
  copy(x, y)
  return x.divisor !== 1 && isFloat(y.dtype) ? divide(y, x.divisor, y) : y
}
