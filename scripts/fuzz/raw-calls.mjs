// Calls of the addon's functions with any values of JavaScript: an Error or a result, never a crash.
import { shared } from './commands.mjs'

/** What only newer Nodes have. */
const SMALL_FLOATS = globalThis.Float16Array ? [globalThis.Float16Array] : []

const throwing = () => {
  throw new Error('mine')
}

function makers({ random, pick }, words) {
  const detached = () => {
    const array = new Int32Array(8)
    structuredClone(array.buffer, { transfer: [array.buffer] })
    return array
  }
  const resizable = () => {
    const buffer = new ArrayBuffer(64, { maxByteLength: 128 })
    const array = new Int32Array(buffer)
    if (random(2)) buffer.resize(random(129))
    return array
  }
  const growable = () => {
    const array = new Float32Array(new SharedArrayBuffer(64, { maxByteLength: 4096 }))
    if (random(2)) array.buffer.grow(64 + 4 * random(1000))
    return array
  }
  const trap = () => new Proxy([], { get: throwing, has: throwing, getPrototypeOf: throwing })
  const getter = () =>
    Object.defineProperty([1, 2], random(2), { get: pick([throwing, detached, growable, () => words]) })
  return [
    () => pick([undefined, null, true, '', 'x', 1.5, -1, 0, 1, Number.NaN, 2 ** 31, 2 ** 53, 1e300, 10n, Symbol('s')]),
    () => pick([{}, [], [1], [[1], [2]], () => {}, new Date(), new Map(), Object.create(null), new Proxy({}, {})]),
    () => new (pick([Float32Array, ...SMALL_FLOATS, Int8Array, BigInt64Array, Int32Array, Float64Array]))(random(9)),
    () => new DataView(new ArrayBuffer(8)),
    () => shared(pick([Float32Array, ...SMALL_FLOATS, Float64Array, Int32Array, Uint8Array, Int16Array]), random(70)),
    () => new Int32Array(new SharedArrayBuffer(256), 4 * random(60), random(4)),
    () => Object.assign([], { length: pick([0, 1, 2 ** 32 - 1]) }),
    () => [shared(Float32Array, 4), shared(Float32Array, random(5))],
    () => Int32Array.from({ length: random(12) }, () => random(60)),
    detached,
    resizable,
    growable,
    trap,
    getter,
    () => words,
  ]
}

/** Makes a function that makes one such call. */
export function rawCalls(addon, dice, words) {
  const { random, pick } = dice
  const list = makers(dice, words)
  const value = () => pick(list)()
  const { isas } = addon.info()
  const { BoundTape } = addon
  const fill = addon.ops().findIndex(([name]) => name === 'fill')
  const tape = () => new BoundTape(Int32Array.of(fill, 0, 0, 0, 4, 0, 0), [shared(Float32Array, 4)])
  const any = (n) => Array.from({ length: random(n) }, value)
  const calls = [
    () => addon.setup(...any(5)),
    () => addon.setup(pick([...isas, value()]), pick([1, 2, 256, 257, 0.5, value()]), pick([words, value()])),
    () => addon.register(...any(3)),
    () => addon.skip(...any(3)),
    () => addon.run(...any(3)),
    () => addon.run(pick([-1, 0, 64, 65, 2 ** 31, 2 ** 32 + 2, 1.5])),
    () => addon.peak(pick(['0', 2, -1, null, {}, Number.NaN])),
    () => addon[pick(['ops', 'info'])](...any(3)),
    () => new BoundTape(...any(4)),
    () => Reflect.construct(BoundTape, any(4), class {}),
    () => BoundTape(...any(3)),
    () => tape()[pick(['replay', 'replaySlice'])].apply(value(), any(3)),
    () => tape().replay(pick([0, 1, 3, 2 ** 31, -1, 0.5, value()])),
    () => tape().replaySlice(pick([1, 0, 2 ** 31, value()]), pick([1, 0, -1, Number.NaN, value()])),
  ]
  return () => {
    const call = pick(calls)
    try {
      call()
    } catch (error) {
      if (!(error instanceof Error)) throw new Error(`the addon threw ${String(error)} in ${call}`)
    }
  }
}
