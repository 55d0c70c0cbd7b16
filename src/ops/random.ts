import { checkFloat, type DType } from '../dtype.js'
import { checkOptions, checkWhole, describe, TypeMismatchError, ValueError } from '../errors.js'
import { written } from '../gradient-nodes.js'
import { checkShape, MAX_SIZE } from '../shape.js'
import { emit } from '../tape.js'
import { isTensor, type Tensor, tensor } from '../tensor.js'
import { output } from './common.js'
import { defineOp, type Op } from './op.js'

const UNIFORM = defineOp('uniform', 'y:w:T:n rng:u:i:4 | n lo:d hi:d')
const NORMAL = defineOp('normal', 'y:w:T:n rng:u:i:4 | n mean:d std:d')
const PERMUTATION = defineOp('permutation', 'y:w:i:n rng:u:i:4 | n')

/**
 * The state of a random stream: int32[4], the seed and a 64-bit counter that random ops advance. Streams with different
 * `stream` numbers (0 to 2047) of one seed do not overlap, those of the same are the same: layers that draw need one
 * each. A model of that seed draws its weights from stream 0, its order of rows from 1.
 */
export function randomState(seed: number, stream = 0): Tensor {
  return seededState('randomState', seed, stream)
}

/** The same for what takes a seed as an option, which errors name. */
export function seededState(op: string, seed: number, stream = 0): Tensor {
  const expected = 'a seed: a whole number from 0 to 2^53 − 1'
  const checked = checkWhole(op, expected, seed, 0, Number.MAX_SAFE_INTEGER)
  checkWhole(op, 'a stream from 0 to 2047', stream, 0, 2047)
  return tensor(Int32Array.of(checked | 0, (Math.floor(checked / 2 ** 32) | 0) ^ (stream << 21), 0, 0))
}

function checkState(op: string, state: Tensor): void {
  if (!isTensor(state) || state.dtype !== 'int32' || state.size !== 4)
    throw new TypeMismatchError(op, 'a state made by randomState()', describe(state))
}

function checkFinite(op: string, name: string, value: unknown): number {
  if (Number.isFinite(value)) return value as number
  throw new ValueError(op, `a finite ${name}`, describe(value))
}

/** What uniform and normal draw. */
export interface RandomOptions {
  /** float32 (the default) or float64; may be another tensor's. */
  dtype?: DType | undefined
}

const MAX_FLOAT32 = (2 - 2 ** -23) * 2 ** 127

function draw(
  op: Op,
  state: Tensor,
  shape: readonly number[],
  doubles: readonly number[],
  options: RandomOptions,
  out: Tensor | undefined,
): Tensor {
  const dtype = checkFloat(op.name, checkOptions(op.name, options, ['dtype']).dtype ?? 'float32')
  const y = output(op.name, out, checkShape(op.name, shape), dtype)
  return written(emit(op, dtype, [y, state], [y.size], doubles))
}

/**
 * Uniform numbers from `low` up to `high`: float32 stays below it, float64 may round to it where both lie a few roundings apart.
 * Philox4x32-10; 53 random bits each.
 */
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
  const most = options?.dtype === 'float64' ? Number.MAX_VALUE : MAX_FLOAT32
  if (Math.max(high - low, -low, high) > most)
    throw new ValueError('uniform', `limits, and a difference, of at most ${most}`, `${low} and ${high}`)
  return draw(UNIFORM, state, shape, doubles, options, out)
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
  if (std < 0) throw new ValueError('normal', 'a standard deviation >= 0', describe(std))
  return draw(NORMAL, state, shape, doubles, options, out)
}

/** The numbers 0 … n − 1 in random order, as int32 [n] (Fisher–Yates), to `out` if given. */
export function permutation(state: Tensor, n: number, out?: Tensor): Tensor {
  checkState('permutation', state)
  const size = checkWhole('permutation', `n from 0 to ${MAX_SIZE}`, n, 0, MAX_SIZE)
  const y = output('permutation', out, [size], 'int32')
  return written(emit(PERMUTATION, 'float32', [y, state], [size]))
}
