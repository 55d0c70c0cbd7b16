import type { FloatDType } from '../dtype.js'
import { written } from '../gradient-nodes.js'
import { emit } from '../tape.js'
import { checkStill, type Tensor } from '../tensor.js'
import { defineOp, type Op } from './op.js'

// One pass over flat buffers of parameters w, gradients g and state; formulas in docs/commands.md. src/optimizers calls these.
export const SGD = defineOp('sgd', 'w:u:T:n g:r:T:n lr:r:d:1 | n decay:d')
export const MOMENTUM = defineOp('momentum', 'w:u:T:n g:r:T:n v:u:T:n lr:r:d:1 | n nesterov<2 mu:d decay:d')
export const RMSPROP = defineOp('rmsprop', 'w:u:T:n g:r:T:n v:u:T:n lr:r:d:1 | n rho:d eps:d decay:d')
export const ADAM = defineOp(
  'adam',
  'w:u:T:n g:r:T:n m:u:T:n v:u:T:n lr:r:d:1 t:r:i:1 | n beta1:d beta2:d eps:d decay:d',
)

/** Emits an update of the whole flat buffer `w`. */
export function update(
  op: Op,
  w: Tensor,
  rest: readonly Tensor[],
  flags: readonly number[],
  doubles: readonly number[],
): void {
  checkStill(op.name, w)
  written(emit(op, w.dtype as FloatDType, [w, ...rest], [w.size, ...flags], doubles))
}
