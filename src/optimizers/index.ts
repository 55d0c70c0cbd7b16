import { checkFlag, checkOptions, describe, keepNames, takeOptions, ValueError } from '../errors.js'
import { isMade, refuse } from '../made.js'
import type { ParameterStore } from '../nn/module.js'
import { ADAM, MOMENTUM, RMSPROP, SGD as SGD_OP } from '../ops/optimizers.js'
import { checkRange, Optimizer, type OptimizerState, updateAll } from './optimizer.js'

export { Optimizer, type OptimizerState }

/** The numbers of its formula. Not a name: fields of an optimizer derived from one of these may have any. */
const NUMBERS = Symbol('numbers')

/** What SGD takes. */
export interface SGDOptions {
  /** Default 0.01. */
  learningRate?: number | undefined
  /** Default 0: plain gradient descent. */
  momentum?: number | undefined
  /** Looks ahead by the momentum. Default false. */
  nesterov?: boolean | undefined
  /** Share of every weight taken off per unit of learning rate (decoupled, as in Keras). Default 0. */
  weightDecay?: number | undefined
}

const SGD_OPTIONS = ['learningRate', 'momentum', 'nesterov', 'weightDecay'] as const

/** Stochastic gradient descent: w −= lr·g; with momentum v = μ·v − lr·g, w += v (nesterov: w += μ·v − lr·g), as in Keras. */
export class SGD extends Optimizer {
  protected readonly slotCount: number
  private readonly [NUMBERS]: { flags: number[]; doubles: number[] }
  constructor(options: SGDOptions = {}) {
    super(checkOptions('SGD', options, SGD_OPTIONS).learningRate ?? 0.01)
    const momentum = checkRange('SGD', 'momentum', options.momentum ?? 0, 0, 1)
    const decay = checkRange('SGD', 'weightDecay', options.weightDecay ?? 0, 0, 1)
    const nesterov = checkFlag('SGD', 'nesterov', options.nesterov)
    if (nesterov && !momentum) throw new ValueError('SGD', 'a momentum above 0 for nesterov', '0')
    this.slotCount = momentum > 0 ? 1 : 0
    this[NUMBERS] =
      momentum > 0 ? { flags: [nesterov ? 1 : 0], doubles: [momentum, decay] } : { flags: [], doubles: [decay] }
  }

  protected emit(store: ParameterStore, state: OptimizerState): void {
    const { flags, doubles } = this[NUMBERS]
    updateAll(this.slotCount > 0 ? MOMENTUM : SGD_OP, store, state, [this.rate], flags, doubles)
  }
}

/** What RMSProp takes. */
export interface RMSPropOptions {
  /** Default 0.001. */
  learningRate?: number | undefined
  /** How much of the mean square is kept each step. Default 0.9. */
  rho?: number | undefined
  /** Default 1e-7. */
  epsilon?: number | undefined
  /** Decoupled: w −= lr·weightDecay·w before the update. Default 0. */
  weightDecay?: number | undefined
}

const RMSPROP_OPTIONS = ['learningRate', 'rho', 'epsilon', 'weightDecay'] as const

/** Hinton's RMSProp: v += (1−ρ)(g² − v), w −= lr·g/√(v + ε), as in Keras. */
export class RMSProp extends Optimizer {
  protected readonly slotCount = 1
  private readonly [NUMBERS]: number[]
  constructor(options: RMSPropOptions = {}) {
    super(checkOptions('RMSProp', options, RMSPROP_OPTIONS).learningRate ?? 0.001)
    this[NUMBERS] = [
      checkRange('RMSProp', 'rho', options.rho ?? 0.9, 0, 1),
      checkRange('RMSProp', 'epsilon', options.epsilon ?? 1e-7, 1e-30, 1),
      checkRange('RMSProp', 'weightDecay', options.weightDecay ?? 0, 0, 1),
    ]
  }

  protected emit(store: ParameterStore, state: OptimizerState): void {
    updateAll(RMSPROP, store, state, [this.rate], [], this[NUMBERS])
  }
}

/** What Adam and AdamW take. */
export interface AdamOptions {
  /** Default 0.001. */
  learningRate?: number | undefined
  /** Default 0.9. */
  beta1?: number | undefined
  /** Default 0.999. */
  beta2?: number | undefined
  /** Default 1e-7, as in Keras. */
  epsilon?: number | undefined
  /** Decoupled: w −= lr·weightDecay·w before the update. Default 0, of AdamW 0.004. */
  weightDecay?: number | undefined
}

const ADAM_OPTIONS = ['learningRate', 'beta1', 'beta2', 'epsilon', 'weightDecay'] as const

/** Kingma and Ba (2014), in the form of section 2 that Keras uses: w −= lr·√(1−β2^t)/(1−β1^t)·m/(√v + ε). */
export class Adam extends Optimizer {
  protected readonly slotCount = 2
  private readonly [NUMBERS]: number[]
  constructor(options: AdamOptions = {}) {
    const name = new.target.name
    super(checkOptions(name, options, ADAM_OPTIONS).learningRate ?? 0.001)
    this[NUMBERS] = [
      checkRange(name, 'beta1', options.beta1 ?? 0.9, 0, 0.9999999),
      checkRange(name, 'beta2', options.beta2 ?? 0.999, 0, 0.99999999),
      checkRange(name, 'epsilon', options.epsilon ?? 1e-7, 1e-30, 1),
      checkRange(name, 'weightDecay', options.weightDecay ?? 0, 0, 1),
    ]
  }

  protected emit(store: ParameterStore, state: OptimizerState): void {
    updateAll(ADAM, store, state, [this.rate, state.step], [], this[NUMBERS])
  }
}

/** Loshchilov and Hutter (2017): Adam with decoupled weight decay, w −= lr·decay·w before each update. Default decay 0.004. */
export class AdamW extends Adam {
  constructor(options: AdamOptions = {}) {
    super({ ...takeOptions('AdamW', options, ADAM_OPTIONS), weightDecay: options.weightDecay ?? 0.004 })
  }
}

keepNames({ SGD, RMSProp, Adam, AdamW })
for (const [Class, options] of [
  [SGD, SGD_OPTIONS],
  [RMSProp, RMSPROP_OPTIONS],
  [Adam, ADAM_OPTIONS],
  [AdamW, ADAM_OPTIONS],
] as const) {
  for (const name of ['lr', 'learning_rate']) refuse(Class, name, 'learningRate to be set')
  for (const name of options)
    if (name !== 'learningRate') refuse(Class, name, `a new ${Class.name} with it: only learningRate can be changed`)
}

const NAMED = { sgd: () => new SGD(), rmsprop: () => new RMSProp(), adam: () => new Adam(), adamw: () => new AdamW() }
/** The optimizers that have a name, with their defaults. */
export type OptimizerName = keyof typeof NAMED

export function resolveOptimizer(wish: Optimizer | OptimizerName): Optimizer {
  if (isMade<Optimizer>(wish, Optimizer, 'rate')) return wish
  if (typeof wish === 'string' && Object.hasOwn(NAMED, wish)) return NAMED[wish]()
  throw new ValueError('compile', `an Optimizer or one of ${Object.keys(NAMED).join(', ')}`, describe(wish))
}
