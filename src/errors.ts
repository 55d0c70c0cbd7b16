import { types } from 'node:util'

/**
 * Every error lanewise throws on wrong use names the operation, what it expected and what it received:
 * `matmul: expected inner sizes that agree, received [32, 784] x [50, 10]`.
 */
export class LanewiseError extends Error {
  /** Which function refused, as in `matmul`. */
  readonly op: string
  /** What it takes. */
  readonly expected: string
  /** What came instead. */
  readonly received: string
  constructor(op: string, expected: string, received: string) {
    const [o, e, r] = [op, expected, received].map((part) => (typeof part === 'string' && part ? part : describe(part)))
    super(`${o}: expected ${e}, received ${r}`)
    this.name = new.target.name
    this.op = o
    this.expected = e
    this.received = r
  }
}

/** A tensor's shape, rank or size does not fit. */
export class ShapeError extends LanewiseError {}

/** A tensor's dtype, or a value's JavaScript type, does not fit. */
export class TypeMismatchError extends LanewiseError {}

/** A number or an option lies outside what is allowed. */
export class ValueError extends LanewiseError {}

/** A label or row index stored in a tensor lies outside its range; found while the command ran. */
export class IndexError extends LanewiseError {}

/** The call is right, but not now: a model that is busy or not compiled, a read while recording. */
export class StateError extends LanewiseError {}

/** A data file or folder is missing, truncated or of another format. */
export class DataError extends LanewiseError {}

/** The native addon is missing, broken or of another version, or the environment asks for the impossible. */
export class BackendError extends LanewiseError {}

/** There was no memory for what was asked. The process goes on: with smaller shapes, or once other tensors are garbage. */
export class MemoryError extends LanewiseError {}

/** What classes are called here is in messages and summaries, whatever a bundler calls them. */
export function keepNames(classes: Readonly<Record<string, object>>): void {
  for (const [name, value] of Object.entries(classes)) Object.defineProperty(value, 'name', { value: name })
}
keepNames({
  LanewiseError,
  ShapeError,
  TypeMismatchError,
  ValueError,
  IndexError,
  StateError,
  DataError,
  BackendError,
  MemoryError,
})

/** Whether the engine (V8, Bun's) or the addon threw `error` for want of memory. (Theirs is a RangeError, as that of a full stack is.) */
export function isOutOfMemory(error: unknown): boolean {
  if ((error as { code?: unknown } | undefined)?.code === 'LANEWISE_MEMORY') return true
  const { name, message } = (error ?? {}) as Partial<Error> // by name: test runners have realms of their own
  return name === 'RangeError' && /allocation|array length|array buffer|out of memory/i.test(message ?? '')
}

/** What `make` gives. @throws MemoryError, naming `op`, where there was no memory for `expected` */
export function withMemoryError<T>(op: string, expected: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw isOutOfMemory(error) ? new MemoryError(op, expected, (error as Error).message) : error
  }
}

/** What `make` gives. @throws MemoryError, naming `op`, where there are not so many bytes */
export function allocating<T>(op: string, bytes: number, make: () => T): T {
  return withMemoryError(op, `${bytes} bytes of memory`, make)
}

/** Returns `value`, or throws where it is no object with names. */
export function checkObject<T extends object>(op: string, value: T, what = 'an object'): T {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new TypeMismatchError(op, what, describe(value))
}

/** Returns `options`, or throws for what a caller meant otherwise: new Adam(0.01), sum(x, 0, true), new SGD({ lr: 0.1 }). */
export function checkOptions<T extends object>(op: string, options: T, names: readonly (keyof T & string)[]): T {
  if (options == null || Object.getPrototypeOf(options) !== Object.prototype) checkPlain(op, options, names)
  for (const name of Object.keys(options)) {
    if (!(names as readonly string[]).includes(name))
      throw new ValueError(op, `options among ${names.join(', ')}`, describe(name))
    // What JSON makes of NaN: no wish for the default.
    if (options[name as keyof T] === null)
      throw new TypeMismatchError(op, `${name} to have a value, or to be left out`, 'null')
  }
  return options
}

/** What is no simple object may be options all the same (a class's, another realm's), but not a tensor or a signal, whose names say nothing. */
function checkPlain(op: string, options: unknown, names: readonly string[]): void {
  const isTensor = describe(options).startsWith('Tensor ')
  if (!isTensor && /t (Object|Module)]/.test(Object.prototype.toString.call(options))) return
  const wanted = `an object with options (${names.join(', ')})${isTensor ? ', before an out' : ''}`
  throw new TypeMismatchError(op, wanted, describe(options))
}

/** A copy of them as they are now, also of those that are inherited, as a class's getters are. */
export function takeOptions<T extends object>(op: string, options: T, names: readonly (keyof T & string)[]): T {
  checkOptions(op, options, names)
  return Object.fromEntries(names.map((name) => [name, options[name]])) as T
}

/** Returns `value` where it is a whole number from `low` to `high`; `expected` is what the error says. */
export function checkWhole(op: string, expected: string, value: unknown, low: number, high = Infinity): number {
  if (Number.isInteger(value) && (value as number) >= low && (value as number) <= high) return value as number
  throw new ValueError(op, expected, describe(value))
}

/** Returns what a function gave, or throws where that is a promise: what it does after its first await would come too late. */
export function checkSynchronous<T>(op: string, result: T): T {
  if (!types.isPromise(result)) return result
  result.catch(() => {})
  throw new StateError(op, 'a synchronous function', 'one that returns a promise')
}

/** An option that is true or false, or `otherwise` where it is absent. */
export function checkFlag(op: string, name: string, value: unknown, otherwise = false): boolean {
  if (typeof value === 'boolean') return value
  if (value === undefined) return otherwise
  throw new TypeMismatchError(op, `${name}: true or false`, describe(value))
}

/** Returns what `make` returns. A LanewiseError thrown in it is thrown again in the name of `op`, saying which argument (`what`) it is about. */
export function asArgument<T>(op: string, what: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof LanewiseError)) throw error
    const Kind = error.constructor as new (op: string, expected: string, received: string) => LanewiseError
    throw new Kind(op, `${what}: ${error.expected}`, error.received)
  }
}

/** How this copy's tensors describe themselves; those of another (two versions, or modules that were loaded twice) are no tensors here. */
export const ownTensors: { describe?: () => string } = {}

/** Arrays within arrays are shown to this depth: they may be endless. */
const DEPTH = 3

/** A short rendering of any value for the "received" part of a message: never empty. */
export function describe(value: unknown): string {
  try {
    return rendering(value, 0)
  } catch {
    return typeof value === 'function' ? 'a function' : 'an object' // a getter that throws, a proxy that was revoked
  }
}

function rendering(value: unknown, depth: number): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) {
    if (depth === DEPTH) return '[…]'
    const items = Array.from({ length: Math.min(8, value.length) }, (_, i) => rendering(value[i], depth + 1))
    return `[${items.join(', ')}${value.length > 8 ? ', …' : ''}]`
  }
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
    case 'function':
      return `${/^class\b/.test(Function.prototype.toString.call(value)) ? 'class' : 'function'} ${nameOf(value, '(anonymous)')}`
    case 'bigint':
      return BigInt.asIntN(64, value) === value ? `${value}n` : 'a bigint of more than 64 bits'
    case 'symbol':
      return value.toString()
    case 'object': {
      if (ArrayBuffer.isView(value))
        return `${nameOf(value.constructor, 'view')} of ${(value as Partial<Uint8Array>).length ?? `${value.byteLength} bytes`}`
      const { describe: own } = value as { describe?: unknown }
      const text = typeof own === 'function' ? own.call(value) : undefined
      if (typeof text === 'string' && text)
        return own !== ownTensors.describe && /^Tensor (float|u?int)\d+ /.test(text)
          ? `${text} of another copy of lanewise`
          : text
      const name = nameOf(value.constructor, 'object')
      if (name !== 'Object') return name
      const keys = Object.keys(value)
      // What postMessage and structuredClone make of one.
      if (['storage', 'offset', 'shape'].every((key) => keys.includes(key)))
        return 'a clone of a Tensor (of a toTypedArray() of it tensor() makes one)'
      return keys.length > 0 ? `{ ${keys.join(', ').slice(0, 60)} }` : '{}'
    }
    default:
      return String(value)
  }
}

/** The name of a function or class, which may have been set to anything. */
function nameOf(named: { readonly name?: unknown } | undefined, otherwise: string): string {
  const name = named?.name
  return typeof name === 'string' && name ? name : otherwise
}
