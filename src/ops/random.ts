import { checkFloat, type DType } from '../dtype.js'
import { checkOptions, describe, TypeMismatchError, ValueError } from '../errors.js'
import { checkShape } from '../shape.js'
import { emit } from '../tape.js'
import { empty, type Tensor, tensor, written } from '../tensor.js'
import { output } from './common.js'
import { defineOp } from './op.js'

const UNIFORM = defineOp('uniform', 'y:w:T:n rng:u:i:4 | n lo:d hi:d')
const NORMAL = defineOp('normal', 'y:w:T:n rng:u:i:4 | n mean:d std:d')
const PERMUTATION = defineOp('permutation', 'y:w:i:n rng:u:i:4 | n')

function checkSeed(op: string, seed: unknown): number {
  if (Number.isSafeInteger(seed) && (seed as number) >= 0) return seed as number
  throw new ValueError(op, 'a seed: a whole number from 0 to 2^53 − 1', describe(seed))
}

/**
 * The state of a random stream: int32[4], the seed and a 64-bit counter that random ops advance. Streams with different
 * `stream` numbers (0 to 2047) of one seed do not overlap.
 */
export function randomState(seed: number, stream = 0): Tensor {
  const checked = checkSeed('randomState', seed)
  if (!Number.isInteger(stream) || stream < 0 || stream > 2047)
    throw new ValueError('randomState', 'a stream from 0 to 2047', describe(stream))
  return tensor(Int32Array.of(checked | 0, (Math.floor(checked / 2 ** 32) | 0) ^ (stream << 21), 0, 0))
}

function checkState(op: string, state: Tensor): void {
  if (state?.dtype !== 'int32' || state.size !== 4)
    throw new TypeMismatchError(op, 'a state made by randomState()', describe(state))
}

function checkFinite(op: string, name: string, value: unknown): number {
  if (Number.isFinite(value)) return value as number
  throw new ValueError(op, `a finite ${name}`, describe(value))
}

export interface RandomOptions {
  /** float32 (the default) or float64. */
  dtype?: DType
}

/** Uniform numbers from `low` up to, not including, `high`. Philox4x32-10; 53 random bits each. */
export function uniform(
  state: Tensor,
  shape: readonly number[],
  low = 0,
  high = 1,
  options: RandomOptions = {},
  out?: Tensor,
): Tensor {
  checkState('uniform', state)
  const doubles = [checkFinite('uniform', 'low', low), checkFinite('uniform', 'high', high)]
  if (low > high) throw new ValueError('uniform', 'low <= high', `${low} and ${high}`)
  const dtype = checkFloat('uniform', checkOptions('uniform', options, ['dtype']).dtype ?? 'float32')
  const y = output('uniform', out, checkShape('uniform', shape), dtype)
  emit(UNIFORM, dtype, [y, state], [y.size], doubles)
  return written(y)
}

/** Normal numbers with a mean and standard deviation: Box–Muller in float64, the same bits on every machine. */
export function normal(
  state: Tensor,
  shape: readonly number[],
  mean = 0,
  std = 1,
  options: RandomOptions = {},
  out?: Tensor,
): Tensor {
  checkState('normal', state)
  const doubles = [checkFinite('normal', 'mean', mean), checkFinite('normal', 'standard deviation', std)]
  const dtype = checkFloat('normal', checkOptions('normal', options, ['dtype']).dtype ?? 'float32')
  const y = output('normal', out, checkShape('normal', shape), dtype)
  emit(NORMAL, dtype, [y, state], [y.size], doubles)
  return written(y)
}

/** The numbers 0 … n − 1 in random order, as int32 (Fisher–Yates). */
export function permutation(state: Tensor, n: number, out?: Tensor): Tensor {
  checkState('permutation', state)
  const [size] = checkShape('permutation', [n])
  const y = out ?? empty('permutation', [size], 'int32')
  if (y.dtype !== 'int32' || y.size !== size)
    throw new TypeMismatchError('permutation', `out to be int32 [${size}]`, describe(y))
  emit(PERMUTATION, 'float32', [y, state], [size])
  return written(y)
}
