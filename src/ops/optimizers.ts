import type { FloatDType } from '../dtype.js'
import { ShapeError } from '../errors.js'
import { written } from '../gradient-nodes.js'
import { emit } from '../tape.js'
import { checkStill, checkTensor, type Tensor } from '../tensor.js'
import { defineOp, type Op } from './op.js'
import { sliceRows } from './views.js'

// One pass over flat buffers of parameters w, gradients g and state; formulas in docs/commands.md. src/optimizers calls these.
export const SGD = defineOp('sgd', 'w:u:T:n g:r:T:n lr:r:d:1 | n decay:d')
export const MOMENTUM = defineOp('momentum', 'w:u:T:n g:r:T:n v:u:T:n lr:r:d:1 | n nesterov<2 mu:d decay:d')
export const RMSPROP = defineOp('rmsprop', 'w:u:T:n g:r:T:n v:u:T:n lr:r:d:1 | n rho:d eps:d decay:d')
export const ADAM = defineOp(
  'adam',
  'w:u:T:n g:r:T:n m:u:T:n v:u:T:n lr:r:d:1 t:r:i:1 | n beta1:d beta2:d eps:d decay:d',
)

/**
 * Emits an update of the whole buffer `w` by `flat`, gradients and state of its size and shape, and by `rest`: lr and t. `pieces` are ranges
 * of a flat one, each of which gets a command of its own.
 */
export function update(
  op: Op,
  w: Tensor,
  flat: readonly Tensor[],
  rest: readonly Tensor[],
  flags: readonly number[],
  doubles: readonly number[],
  pieces: readonly [from: number, to: number][] = [],
): void {
  checkStill(op.name, w)
  for (const t of flat) {
    if (checkTensor(op.name, t).size !== w.size || t.dtype !== w.dtype)
      throw new ShapeError(op.name, `gradients and state of ${w.size} ${w.dtype}, as the parameters have`, t.describe())
  }
  const of = (one: Tensor, ...others: Tensor[]) =>
    written(emit(op, w.dtype as FloatDType, [one, ...others, ...rest], [one.size, ...flags], doubles))
  if (pieces.length < 2) of(w, ...flat)
  else for (const [from, to] of pieces) of(sliceRows(w, from, to), ...flat.map((t) => sliceRows(t, from, to)))
}
