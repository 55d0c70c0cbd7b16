// Values of JavaScript that are wrong nearly everywhere, each made anew by its name: what a corpus can hold is text.

/** Thrown by getters, traps and functions that stand for the caller's own: it may come through as it is. */
export class Mine extends Error {}
const throwing = () => {
  throw new Mine('mine')
}
const detached = (Type = Float32Array) => {
  const array = new Type(8)
  structuredClone(array.buffer, { transfer: [array.buffer] })
  return array
}
const resizable = (Type, bytes) => {
  const buffer = new ArrayBuffer(64, { maxByteLength: 128 })
  const array = new Type(buffer)
  buffer.resize(bytes)
  return array
}
const cyclic = (list) => {
  list.push(list)
  return list
}
const traps = { get: throwing, has: throwing, getPrototypeOf: throwing, ownKeys: throwing }
const rejected = () => {
  const promise = Promise.reject(new Mine('mine'))
  promise.catch(() => {})
  return promise
}

export const JUNK = {
  undefined: () => undefined,
  symbol: () => Symbol('s'),
  bigint: () => 10n,
  arrow: () => () => {},
  identity: () => (x) => x,
  async: () => async () => 1,
  throws: () => throwing,
  class: () => class {},
  date: () => new Date(Number.NaN),
  map: () => new Map([[1, 2]]),
  set: () => new Set([1]),
  regexp: () => /x/g,
  error: () => new Error('e'),
  boxedNumber: () => Object(1),
  boxedString: () => Object('x'),
  nullObject: () => Object.create(null),
  promise: () => new Promise(() => {}),
  rejected,
  generator: () =>
    (function* () {
      yield 1
    })(),
  weirdConstructor: () => ({ constructor: { name: Symbol('s') } }),
  noConstructor: () => ({ constructor: null }),
  weirdToString: () => ({ toString: () => ({}), valueOf: () => ({}), describe: () => Object.create(null) }),
  throwingToString: () => ({ toString: throwing, valueOf: throwing }),
  throwingGetters: () =>
    Object.defineProperties(
      {},
      { length: { get: throwing, enumerable: true }, x: { get: throwing, enumerable: true } },
    ),
  throwingItem: () => Object.defineProperty([1, 2], 1, { get: throwing }),
  shrinkingItem: () => {
    const list = [1, 2, 3]
    return Object.defineProperty(list, 0, { get: () => (list.length = 1) })
  },
  flippingItem: () => {
    let n = 0
    return Object.defineProperty([1, 2, 3], 1, { get: () => (n++ % 2 ? 'x' : 2) })
  },
  proxy: () => new Proxy({}, {}),
  proxyOfArray: () => new Proxy([1, 2, 3], {}),
  proxyOfFunction: () => new Proxy(() => 1, {}),
  trap: () => new Proxy([], traps),
  trapOfFunction: () => new Proxy(() => {}, { ...traps, apply: throwing }),
  revoked: () => {
    const { proxy, revoke } = Proxy.revocable([], {})
    revoke()
    return proxy
  },
  cyclicArray: () => cyclic([]),
  cyclicLater: () => cyclic([1]),
  cyclicObject: () => {
    const object = {}
    object.x = object
    object.layers = object
    return object
  },
  sparse: () => new Array(3),
  hole: () => Object.assign(new Array(3), { 0: 1, 2: 3 }),
  endless: () => new Array(2 ** 32 - 1),
  lengthOnly: () => ({ length: 2 ** 32 - 1 }),
  lengthBad: () => ({ length: -1, x: 1 }),
  deep: () => JSON.parse('['.repeat(5000) + ']'.repeat(5000)),
  subclassedArray: () => class Own extends Array {}.from([1, 2, 3]),
  namelessClass: () => new (class {})(),
  iterable: () => ({
    *[Symbol.iterator]() {
      yield 1
    },
  }),
  detachedFloats: () => detached(),
  detachedInts: () => detached(Int32Array),
  detachedBuffer: () => detached().buffer,
  shrunk: () => resizable(Int32Array, 6),
  grown: () => resizable(Float64Array, 128),
  outOfBounds: () => {
    const buffer = new ArrayBuffer(64, { maxByteLength: 128 })
    const array = new Float32Array(buffer, 32, 4)
    buffer.resize(16)
    return array
  },
  shared: () => new Float32Array(new SharedArrayBuffer(24)),
  sharedBuffer: () => new SharedArrayBuffer(16),
  growable: () => new Float32Array(new SharedArrayBuffer(16, { maxByteLength: 64 })),
  buffer: () => new ArrayBuffer(16),
  nodeBuffer: () => Buffer.from([1, 2, 3]),
  dataView: () => new DataView(new ArrayBuffer(8)),
  int8: () => new Int8Array(3),
  clamped: () => new Uint8ClampedArray(3),
  int16: () => new Int16Array(3),
  bigints: () => new BigInt64Array(3),
  notNumbers: () => Float64Array.of(Number.NaN, Number.POSITIVE_INFINITY, 1e300),
}
