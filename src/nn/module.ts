import { noGrad } from '../autograd.js'
import { checkFloat, type FloatDType, type TypedArray } from '../dtype.js'
import {
  checkFlag,
  checkOptions,
  checkSynchronous,
  describe,
  ShapeError,
  StateError,
  TypeMismatchError,
  ValueError,
} from '../errors.js'
import type { Initializer } from '../init.js'
import { type InitializerName, resolveInitializer } from '../init-named.js'
import { begins, onInterrupted, Setting } from '../interrupted.js'
import { checkMade, isMade, refuse } from '../made.js'
import { fill } from '../ops/memory.js'
import { seededState } from '../ops/random.js'
import { checkShape, MAX_SIZE, type Shape, sameShape, show, sizeOf } from '../shape.js'
import { aligned } from '../storage.js'
import { checkStill, checkTensor, flatBlock, isTensor, type Tensor } from '../tensor.js'

/** What is missing where a module has no parameters yet. */
export const BUILT = 'a built model (see build), its parts in public fields or in arrays there'

/** The values of all parameters. */
const weights = new WeakSet<Tensor>()

/** A tensor that is kept with a module's weights, and trained unless `trained` is false. Its `value` exists once the model is built. */
export class Parameter {
  private tensor: Tensor | undefined
  constructor(
    /** With its layer's kind, as errors call it: Affine.weight, Affine.bias. */
    readonly name: string,
    readonly shape: Shape,
    /** Fills its value when the model is built. */
    readonly initializer: Initializer,
    private readonly isTrained = true,
  ) {
    if (typeof name !== 'string' || name === '') throw new TypeMismatchError('Parameter', 'a name', describe(name))
    if (typeof initializer !== 'function')
      throw new TypeMismatchError('Parameter', 'an initializer: a function', describe(initializer))
    checkFlag('Parameter', 'trained', isTrained)
    this.shape = checkShape('Parameter', shape)
  }

  /** Whether optimizers change it. What is not trained is kept with the weights all the same: running averages. */
  get trained(): boolean {
    return this.isTrained
  }

  /** Its tensor, a leaf with a gradient if it is trained. @throws StateError before the model is built */
  get value(): Tensor {
    if (this.tensor === undefined) throw new StateError(this.name, BUILT, 'a parameter without a value')
    return this.tensor
  }

  /** Called once by build(). */
  bind(tensor: Tensor): void {
    checkMade('bind', this, Parameter, 'initializer')
    if (!sameShape(checkTensor(this.name, tensor).shape, this.shape))
      throw new ShapeError(this.name, `a value of shape ${show(this.shape)}`, tensor.describe())
    this.tensor = tensor
    weights.add(tensor)
  }

  /** Whether it has a value: whether build() was. */
  get bound(): boolean {
    return this.tensor !== undefined
  }
}

for (const name of ['requiresGrad', 'trained']) refuse(Parameter, name, 'value.requiresGrad to be set')

/** Modules on the way from where a walk began to where it is; one that is met again contains itself. */
const paths = { allParameters: new Set<Module>(), build: new Set<Module>(), forward: new Set<Module>() }
onInterrupted(() => {
  for (const path of Object.values(paths)) path.clear()
})

/** Takes a walk's next step, into a module. @throws StateError where that module contains itself: the walk would not end */
export function descend<T>(walk: keyof typeof paths, module: Module, step: () => T): T {
  const path = paths[walk]
  if (path.has(module)) {
    const kinds = [...path, module].map((m) => m.kind)
    throw new StateError(walk, 'modules that do not contain themselves', kinds.slice(-8).join(' > '))
  }
  begins()
  path.add(module)
  try {
    return step()
  } finally {
    path.delete(module)
  }
}

const training = new Setting(false)

/** Whether a step that trains is computed, by fit or within whileTraining(): for modules that do otherwise then, such as dropout. */
export function isTraining(): boolean {
  return training.now
}

/** Does `step`, which is not asynchronous, as one that trains; gives what it gives. For loops of your own: fit does so itself. */
export function whileTraining<T>(step: () => T): T {
  if (typeof step !== 'function') throw new TypeMismatchError('whileTraining', 'a function', describe(step))
  return checkSynchronous('whileTraining', withTraining(true, step))
}

/** Does `step` as one that trains, or as a prediction, whatever it is called from. */
export function withTraining<T>(value: boolean, step: () => T): T {
  return training.during(value, step)
}

/** Not a name: fields of a module of the caller's own may have any. */
const OWN = Symbol('own parameters')

/**
 * A part of a network, written forward only, from ops; derivatives follow by themselves.
 *
 * A module of your own declares its parameters in build() and uses them in forward():
 * ```ts
 * class Gain extends Module {
 *   gain!: Parameter
 *   override build(input: Shape): Shape {
 *     this.gain = this.parameter('gain', input, initializers.constant(1))
 *     return input
 *   }
 *   forward(x: Tensor): Tensor {
 *     return multiply(x, this.gain.value)
 *   }
 * }
 * ```
 */
export abstract class Module {
  private readonly [OWN]: Parameter[] = []

  /** Takes nothing. What a layer without a constructor is given comes here, where it would change nothing. */
  constructor(...none: []) {
    const given = (none as unknown[]).find((value) => value !== undefined)
    if (given !== undefined) throw new ValueError(new.target.name, 'no arguments', describe(given))
  }

  /** The class's name in summaries. */
  get kind(): string {
    return this.constructor.name
  }

  /**
   * Declares parameters for an input shape (without the batch) and returns the output shape. Calls build of its parts: a module that
   * has parts with a build of their own needs one too.
   */
  build(input: Shape): Shape {
    const part = this.children().find((c) => c.build !== Module.prototype.build)
    if (part !== undefined)
      throw new StateError(`${this.kind}.build`, `a method that calls build of its parts (${part.kind} …)`, 'none')
    return input
  }

  /**
   * Computes the output of a batch x [rows, …input], for training and predictions alike (isTraining() tells which). fit calls it
   * once, to record it: numbers of JavaScript in it (`Math.random()`, a counter) are the same in every step.
   */
  abstract forward(x: Tensor): Tensor

  /**
   * Declares a parameter in build(). With `trained: false` no optimizer changes it (see Parameter): forward() does, by an op's `out`
   * under noGrad, as batch normalization does with its averages.
   */
  protected parameter(
    name: string,
    shape: Shape,
    initializer: Initializer | InitializerName,
    options: { trained?: boolean | undefined } = {},
  ): Parameter {
    if (typeof name !== 'string' || name === '')
      throw new TypeMismatchError(`${this.kind}.parameter`, 'a name', describe(name))
    const full = `${this.kind}.${name}`
    const trained = checkFlag(full, 'trained', checkOptions(full, options, ['trained']).trained, true)
    const checked = checkShape(full, shape)
    checkMade(full, this, Module, OWN)
    const known = this[OWN].find((p) => p.name === full)
    if (known !== undefined) {
      if (!sameShape(known.shape, checked))
        throw new ShapeError(full, `shape ${show(known.shape)} as where it was declared first`, show(checked))
      if (known.trained !== trained)
        throw new StateError(full, `trained: ${known.trained} as where it was declared first`, `${trained}`)
      return known
    }
    const made = new Parameter(full, checked, resolveInitializer(full, initializer), trained)
    this[OWN].push(made)
    return made
  }

  /** Modules held in fields, or in arrays in fields, in their order. */
  children(): Module[] {
    return Object.values(this)
      .flat()
      .filter((v) => v instanceof Module)
  }

  /** Own parameters, then those of the parts; each once. */
  allParameters(): Parameter[] {
    checkMade('allParameters', this, Module, OWN)
    return descend('allParameters', this, () => [
      ...new Set([...this[OWN], ...this.children().flatMap((c) => c.allParameters())]),
    ])
  }
}

export function isModule(value: unknown): value is Module {
  return isMade(value, Module, OWN)
}

/** Whether all of a list are something; a hole is not, and is found at once however long the list. */
export function isEach(list: readonly unknown[], is: (item: unknown) => boolean): boolean {
  for (const item of list) if (!is(item)) return false
  return true
}

/** All parameters of a model in one block of memory, their gradients in another: one pass updates them all. */
export class ParameterStore {
  /** How many numbers all parameters have, without the gaps. */
  readonly count: number
  constructor(
    /** In the order of the layers. */
    readonly parameters: readonly Parameter[],
    /** Every value, each parameter aligned to 64 bytes (the gaps are zero). No gradient flows through it: a penalty adds up `parameters`. */
    readonly values: Tensor,
    /** Every gradient, in the places of `values`. */
    readonly gradients: Tensor,
    /** Of values and gradients. */
    readonly dtype: FloatDType,
  ) {
    if (!Array.isArray(parameters) || !isEach(parameters, (p) => isMade(p, Parameter, 'initializer')))
      throw new TypeMismatchError('ParameterStore', 'an array of Parameters', describe(parameters))
    checkFloat('ParameterStore', dtype)
    for (const t of [values, gradients]) {
      if (checkTensor('ParameterStore', t).dtype !== dtype)
        throw new TypeMismatchError('ParameterStore', `values and gradients of ${dtype}`, t.describe())
    }
    if (!sameShape(values.shape, gradients.shape))
      throw new ShapeError('ParameterStore', `gradients ${show(values.shape)}`, show(gradients.shape))
    this.count = parameters.reduce((n, p) => n + sizeOf(p.shape), 0)
  }

  /** Gradients to zero, in record() by a command: for loops in which a parameter does not take part in every step. */
  zeroGrad(): void {
    const { gradients } = checkStore('zeroGrad', this)
    checkStill('zeroGrad', gradients)
    fill(gradients, 0)
  }
}

function checkStore(op: string, store: ParameterStore): ParameterStore {
  return checkMade(op, store, ParameterStore, 'gradients')
}

/** Module is abstract in TypeScript only. */
export function checkForward(op: string, module: Module): void {
  if (typeof module.forward !== 'function')
    throw new TypeMismatchError(op, `${module.kind} to have a method forward`, describe(module.forward))
}

/** How build() makes parameters. */
export interface BuildOptions {
  /** Default float32. */
  dtype?: FloatDType | undefined
  /** Seed of the initial values. Default 0. */
  seed?: number | undefined
}

/**
 * @throws StateError for a tensor with requiresGrad in a field, or in an array there: no optimizer would get it (another model's weight may
 * lie there); for two parameters of one name
 */
function checkFields(module: Module): void {
  const stray = Object.values(module)
    .flat()
    .find((v) => isTensor(v) && v.requiresGrad && !weights.has(v))
  if (stray)
    throw new StateError('build', `this.parameter() in build() of ${module.kind}`, `a field with ${describe(stray)}`)
  const again = declaredAgain(module)
  if (again)
    throw new StateError('build', `parameters of ${module.kind} with names of their own`, `two that are ${again}`)
  module.children().forEach(checkFields)
}

/**
 * A parameter that is there twice, in two fields or in one array or object: this.parameter() gives the same one for the same name, as a
 * model may be built again.
 */
function declaredAgain(module: Module): string | undefined {
  const fields = Object.values(module) as unknown[]
  for (const values of [fields, ...fields.map(itemsOf)]) {
    const parameters = values.filter((v) => v instanceof Parameter)
    const again = parameters.find((p, i) => parameters.indexOf(p) < i)
    if (again) return again.name
  }
  return undefined
}

/** What is in an array or in a plain object. */
function itemsOf(value: unknown): unknown[] {
  const isPlain = typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  return Array.isArray(value) ? value : isPlain ? Object.values(value) : []
}

/** Whether it is the value of a model's parameter. */
export function isWeight(t: Tensor): boolean {
  return weights.has(t)
}

function drawInitial({ name, initializer }: Parameter, part: Tensor, state: Tensor): void {
  let made: unknown
  // Values computed from another model's weights are values: no gradient goes back to those.
  noGrad(() => {
    made = initializer(part, state)
  })
  checkSynchronous(name, made)
  // What it gives is lost: values, or another initializer. (p => p.data.fill(0) gives the parameter's own memory.)
  const isOwn = made === undefined || made === part || (made as Partial<TypedArray> | null)?.buffer === part.data.buffer
  if (!isOwn && (isTensor(made) || part.data.every((v) => v === 0)))
    throw new TypeMismatchError(
      name,
      'an initializer that fills the parameter (heNormal(), not heNormal)',
      describe(made),
    )
}

/**
 * Builds a module for inputs of shape `input` (without the batch): allocates its parameters and draws their initial values.
 */
export function build(module: Module, input: readonly number[], options: BuildOptions = {}): ParameterStore {
  if (!isModule(module)) throw new TypeMismatchError('build', 'a Module', describe(module))
  const dtype = checkFloat('build', checkOptions('build', options, ['dtype', 'seed']).dtype ?? 'float32')
  const state = seededState('build', options.seed ?? 0)
  const shape = checkShape('build', input)
  const before = module.allParameters() // refuses a module that contains itself, before it builds its parts without end
  try {
    return buildNew(module, shape, dtype, state)
  } catch (error) {
    forget(module, new Set(before))
    throw error
  }
}

/** Takes back what a build that failed declared: the next one may be of another shape. */
function forget(module: Module, before: ReadonlySet<Parameter>, met = new Set<Module>()): void {
  if (met.has(module)) return
  met.add(module)
  const own = (module as unknown as { [OWN]: Parameter[] })[OWN]
  own.splice(0, own.length, ...own.filter((p) => before.has(p)))
  for (const child of module.children()) forget(child, before, met)
}

function buildNew(module: Module, shape: Shape, dtype: FloatDType, state: Tensor): ParameterStore {
  checkFields(module)
  module.build(shape)
  const parameters = module.allParameters()
  checkFields(module) // what build() made
  const taken = parameters.find((p) => p.bound)
  if (taken)
    throw new StateError(
      'build',
      'modules that belong to no other model',
      `${taken.name}, which is built already (so is a Sequential)`,
    )
  const shapes = parameters.map((p) => p.shape)
  const size = shapes.reduce((n, s) => n + aligned(sizeOf(s), dtype), 0)
  if (size > MAX_SIZE)
    throw new ShapeError('build', `at most ${MAX_SIZE} parameters, each aligned to 64 bytes`, `${size}`)
  const values = flatBlock('build', shapes, dtype)
  const gradients = flatBlock('build', shapes, dtype)
  parameters.forEach((p, i) => {
    drawInitial(p, values.parts[i], state)
  })
  // Only now, when nothing can fail any more, do they belong to this model.
  parameters.forEach((p, i) => {
    const value = values.parts[i]
    value.requiresGrad = p.trained
    value.grad = gradients.parts[i]
    p.bind(value)
  })
  return new ParameterStore(parameters, values.flat, gradients.flat, dtype)
}
