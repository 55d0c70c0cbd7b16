/**
 * Every error lanewise throws on wrong use names the operation, what it expected and what it received:
 * `matmul: expected inner sizes that agree, received [32, 784] x [50, 10]`.
 */
export class LanewiseError extends Error {
  readonly op: string
  readonly expected: string
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

/** Whether V8 or the addon threw `error` for want of memory. (V8's is a RangeError, as that of a full stack is.) */
export function isOutOfMemory(error: unknown): boolean {
  if ((error as { code?: unknown } | undefined)?.code === 'LANEWISE_MEMORY') return true
  return error instanceof RangeError && /allocation|array length|array buffer/i.test(error.message)
}

/** What to throw for what an attempt threw: a MemoryError where there was no memory for `expected`, else `error` itself. */
export function memoryErrorOr(op: string, expected: string, error: unknown): unknown {
  return isOutOfMemory(error) ? new MemoryError(op, expected, (error as Error).message) : error
}

/** Returns `value`, or throws where it is no object with names. */
export function checkObject<T extends object>(op: string, value: T, what = 'an object'): T {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new TypeMismatchError(op, what, describe(value))
}

/** Returns `options`, or throws for what a caller meant otherwise: new Adam(0.01), sum(x, 0, true), new SGD({ lr: 0.1 }). */
export function checkOptions<T extends object>(op: string, options: T, names: readonly (keyof T & string)[]): T {
  checkObject(op, options, 'an object with options')
  for (const name of Object.keys(options)) {
    if (!(names as readonly string[]).includes(name))
      throw new ValueError(op, `options among ${names.join(', ')}`, describe(name))
  }
  return options
}

/** An option that is true or false, or `otherwise` where it is absent. */
export function checkFlag(op: string, name: string, value: unknown, otherwise = false): boolean {
  if (typeof value === 'boolean') return value
  if (value === undefined) return otherwise
  throw new TypeMismatchError(op, `${name}: true or false`, describe(value))
}

/** Does `make`; its error, if lanewise's, then names `op` and `what` of its arguments. */
export function asArgument<T>(op: string, what: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof LanewiseError)) throw error
    const Kind = error.constructor as new (op: string, expected: string, received: string) => LanewiseError
    throw new Kind(op, `${what}: ${error.expected}`, error.received)
  }
}

/** Arrays within arrays are shown to this depth: they may be endless. */
const DEPTH = 3

/** A short rendering of any value for the "received" part of a message: never empty. */
export function describe(value: unknown, depth = 0): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) {
    if (depth === DEPTH) return '[…]'
    const items = Array.from({ length: Math.min(8, value.length) }, (_, i) => describe(value[i], depth + 1))
    return `[${items.join(', ')}${value.length > 8 ? ', …' : ''}]`
  }
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
    case 'function':
      return `function ${nameOf(value, '(anonymous)')}`
    case 'bigint':
      return `${value}n`
    case 'symbol':
      return value.toString()
    case 'object': {
      if (ArrayBuffer.isView(value)) return `${nameOf(value.constructor, 'view')} of ${(value as Uint8Array).length}`
      const { describe: own } = value as { describe?: unknown }
      const text = typeof own === 'function' ? own.call(value) : undefined
      return typeof text === 'string' && text ? text : nameOf(value.constructor, 'object')
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
