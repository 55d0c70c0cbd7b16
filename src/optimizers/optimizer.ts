import { noGrad } from '../autograd.js'
import { checkSynchronous, checkWhole, describe, StateError, TypeMismatchError, ValueError } from '../errors.js'
import { recordingState } from '../gradient-nodes.js'
import { checkMade, isMade } from '../made.js'
import { ParameterStore } from '../nn/module.js'
import { advance, copy } from '../ops/memory.js'
import type { Op } from '../ops/op.js'
import { update } from '../ops/optimizers.js'
import { reshape, sliceRows } from '../ops/views.js'
import { checkStill, empty, flatBlock, type Tensor } from '../tensor.js'
import { lastWrite } from '../writes.js'

/** What an optimizer keeps for one model. */
export interface OptimizerState {
  /** As many tensors as `slotCount` says, each of the size and dtype of the store's values; zero before the first step. */
  readonly slots: readonly Tensor[]
  /** Steps taken, int32; Adam's t. */
  readonly step: Tensor
}

/** A state whose tensors stay: a recorded step would go on with those that it had. */
function keeping(op: string, slots: readonly Tensor[], step: Tensor): OptimizerState {
  const fixed = (name: string, value: unknown, instead: string) => ({
    enumerable: true,
    get: () => value,
    set(given: unknown) {
      throw new ValueError(`${op}.state.${name}`, instead, describe(given))
    },
  })
  return Object.defineProperties({} as OptimizerState, {
    slots: fixed('slots', Object.freeze([...slots]), 'set() of each of its tensors'),
    step: fixed('step', step, 'set() of its tensor'),
  })
}

/** From this size on a parameter is updated by a command of its own, which threads share as they do its gradient: by rows. */
const LARGE = 1 << 16

/** The flat buffer in pieces, [from, to), of one command each. */
function piecesOf({ parameters, values }: ParameterStore): [from: number, to: number][] {
  const pieces: [number, number][] = []
  let end = 0
  const add = (to: number) => {
    if (to > end) pieces.push([end, to])
    end = to
  }
  const isLarge = (v: Tensor) => v.size >= LARGE && v.storage === values.storage && values.rank === 1
  const large = parameters.map((p) => p.value).filter(isLarge)
  for (const { offset, size } of large.sort((a, b) => a.offset - b.offset)) {
    const from = offset - values.offset
    if (from < end || from + size > values.size) continue // a store that somebody put together
    add(from)
    add(from + size)
  }
  add(values.size)
  return pieces
}

/** Gives each piece of the parameters a command `op`, of which `rest` are the rate and t. */
export function updateAll(
  op: Op,
  store: ParameterStore,
  state: OptimizerState,
  rest: readonly Tensor[],
  flags: readonly number[],
  doubles: readonly number[],
): void {
  update(op, store.values, [store.gradients, ...state.slots], rest, flags, doubles, piecesOf(store))
}

export function checkRange(op: string, name: string, value: unknown, low: number, high: number): number {
  if (typeof value === 'number' && value >= low && value <= high) return value
  throw new ValueError(op, `${name} from ${low} to ${high}`, describe(value))
}

/** Not a name: an optimizer derived from another may call what is its own as it likes. */
const STATES = Symbol('states')

/** What an optimizer is made of, as JavaScript may have it. */
interface Definition {
  emit?: unknown
  slotCount?: unknown
  [STATES]: WeakMap<ParameterStore, OptimizerState>
}

/** What `optimizer` keeps for a store. */
function stateOf(method: string, optimizer: Optimizer, store: ParameterStore): OptimizerState {
  const op = checkMade(method, optimizer, Optimizer, 'rate').constructor.name
  if (!isMade(store, ParameterStore, 'gradients'))
    throw new TypeMismatchError(`${op}.${method}`, 'a ParameterStore, as build() returns', describe(store))
  const { emit, slotCount, [STATES]: states } = optimizer as unknown as Definition
  if (typeof emit !== 'function')
    throw new TypeMismatchError(`${op}.${method}`, 'an optimizer with a method emit, such as Adam', describe(optimizer))
  let state = states.get(store)
  if (state === undefined) {
    // Fresh memory is zero; a first step may well be inside record(), where writing values is not allowed.
    const slots = Array.from(
      { length: checkWhole(op, 'slotCount to be a whole number from 0 to 16', slotCount ?? 0, 0, 16) },
      () => flatBlock(op, [[store.values.size]], store.dtype).parts[0],
    )
    state = keeping(op, slots, flatBlock(op, [[1]], 'int32').parts[0])
    states.set(store, state)
  }
  return state
}

/**
 * Turns gradients into updates, in one pass over all parameters. The learning rate is a tensor, so it may be changed
 * between replays of a recorded step, and between epochs by a callback.
 *
 * An optimizer of your own says how to update `store.values` from `store.gradients`, with ops:
 * ```ts
 * class SignDescent extends Optimizer {
 *   protected readonly slotCount = 0
 *   protected emit(store: ParameterStore): void {
 *     const sign = subtract(greater(store.gradients, 0), greater(0, store.gradients))
 *     subtract(store.values, multiply(sign, cast(this.rate, store.dtype)), store.values)
 *   }
 * }
 * ```
 */
export abstract class Optimizer {
  /** The learning rate for emit(), float64 [1]. (`learningRate` is a number, which a recorded step would keep for ever.) */
  protected readonly rate: Tensor
  protected readonly [STATES] = new WeakMap<ParameterStore, OptimizerState>()
  /** How many buffers of the parameters' size the update keeps. */
  protected abstract readonly slotCount: number

  constructor(learningRate: number) {
    this.rate = empty('learningRate', [1], 'float64')
    this.learningRate = learningRate
  }

  /** From 0 to 1e6; a new one holds from the next step on, in recorded tapes too. @throws StateError inside record(), which would keep the number */
  get learningRate(): number {
    const { rate } = checkMade('learningRate', this, Optimizer, 'rate')
    if (recordingState.active)
      throw new StateError(
        'learningRate',
        'the tensor this.rate inside record()',
        'the number, which the tape would keep',
      )
    return rate.item()
  }

  set learningRate(value: number) {
    const { rate } = checkMade('learningRate', this, Optimizer, 'rate')
    rate.set([checkRange(this.constructor.name, 'learningRate', value, 0, 1e6)])
  }

  /**
   * Updates the parameters from their gradients, those with requiresGrad; at once, or inside record() as commands. What the last backward()
   * did not reach keeps its gradient, and is moved by it again: store.zeroGrad() before it, where losses of parts take turns.
   */
  step(store: ParameterStore): void {
    const state = stateOf('step', this, store)
    checkStill('step', store.values)
    for (const { name, value } of store.parameters) {
      if (value.grad?.storage !== store.gradients.storage)
        throw new StateError(
          'step',
          'gradients where build() put them (zeroGrad() clears them)',
          `another grad of ${name}`,
        )
    }
    advance(state.step, 1)
    noGrad(() => {
      // A parameter without requiresGrad stays, and what is kept for it, whatever momentum, decay or an old gradient would do. One that
      // is not trained stays even if it was given requiresGrad, as who thaws a part gives it to all of it.
      const frozen = store.parameters.filter((p) => !p.trained || !p.value.requiresGrad).map((p) => p.value)
      const parts = frozen.flatMap((value) => {
        const from = value.offset - store.values.offset
        return [value, ...state.slots.map((slot) => reshape(sliceRows(slot, from, from + value.size), value.shape))]
      })
      const kept = parts.map((part) => copy(part))
      const before = lastWrite(store.values)
      try {
        const name = `${this.constructor.name}.emit`
        checkSynchronous(name, this.emit(store, state) as unknown)
        // (At once it may write by way of `data`.)
        if (recordingState.active && store.values.size > 0 && lastWrite(store.values) === before)
          throw new StateError(name, 'an op that writes to store.values (out)', 'none')
      } catch (error) {
        if (!recordingState.active) state.step.data[0]--
        throw error
      } finally {
        for (const [i, part] of parts.entries()) copy(kept[i], part)
      }
    })
  }

  /**
   * What it keeps for a model (`model.store`): its own tensors, to be read between steps and, with set(), put back, so that a training
   * goes on where it was saved.
   */
  state(store: ParameterStore): OptimizerState {
    return stateOf('state', this, store)
  }

  /** Forgets momenta and step counts: the next step is a first one. */
  reset(store: ParameterStore): void {
    const state = stateOf('reset', this, store)
    checkStill('reset', state.step)
    for (const slot of state.slots) slot.data.fill(0)
    state.step.data.fill(0)
  }

  /** What an optimizer is: changes `store.values` by `store.gradients`, `this.rate` and its slots, by ops with an `out`. */
  protected abstract emit(store: ParameterStore, state: OptimizerState): void
}
