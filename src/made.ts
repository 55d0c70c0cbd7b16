import { describe, TypeMismatchError, ValueError } from './errors.js'

type Class<T> = abstract new (...args: never[]) => T

/** Whether the constructor of a class made a value: what Object.create(Class.prototype) makes is an instance without fields. */
export function isMade<T>(value: unknown, Class: Class<T>, field: PropertyKey): value is T {
  return value instanceof Class && (value as Record<PropertyKey, unknown>)[field] !== undefined
}

/** Returns the value; methods check with it what they are called on. */
export function checkMade<T>(op: string, value: T, Class: Class<unknown>, field: PropertyKey): T {
  if (isMade(value, Class, field)) return value
  const received = (value as unknown) instanceof Class ? `${Class.name} without fields` : describe(value)
  throw new TypeMismatchError(op, `an instance of ${Class.name} that its constructor made`, received)
}

/**
 * Setting `name`, as other libraries allow, would make a field that nothing reads: it is an error, which says what to do here. A class
 * derived from this one may have such a field.
 */
export function refuse(Class: Class<unknown>, name: string, expected: string): void {
  function set(this: object, value: unknown): void {
    if (this.constructor === Class) throw new ValueError(`${Class.name}.${name}`, expected, describe(value))
    Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true })
  }
  Object.defineProperty(Class.prototype, name, { set })
}
