import { beforeAll, describe, expect, it } from 'vitest'
import { backendNames, eachBackend } from './backends.js'
import { buildDist, ROOT, runScript } from './processes.js'

// Garbage to every exported function and to the addon itself: an error each time, and the process lives. In processes
// of their own, so that a crash is a failed test.

beforeAll(buildDist, 120_000)

/** What must never be taken as right, and much that might be at some places. */
const GARBAGE = `
  const garbage = [undefined, null, true, 'x', '', {}, [], [1], [[1], [2, 3]], -1, 1.5, NaN, Infinity, 2 ** 31, 2 ** 53,
    10n, Symbol('s'), () => {}, new Date(), new Float32Array(3), new Int32Array(2), new BigInt64Array(2),
    new DataView(new ArrayBuffer(8)), new Proxy({}, {}), new Proxy([], {}), new Map(), Object.create(null),
    new Promise(() => {})]
  let seed = 1
  const random = (n) => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; return (seed >>> 8) % n }
  const pick = (list) => list[random(list.length)]
`

eachBackend((backend) => {
  it('every exported function and method throws a LanewiseError or takes it', () => {
    const outcome = runScript(
      `${GARBAGE}
      const right = [lw.tensor([1, 2, 3]), lw.zeros([0]), lw.zeros([2, 3]), lw.tensor(Int32Array.of(1, 2)),
        lw.randomState(1), lw.tensor(Uint8Array.of(1, 2)), new lw.Affine(2), new lw.SGD()]
      const all = [...garbage, ...right]
      const others = new Set()
      const judge = (name, error) => {
        if (!(error instanceof lw.LanewiseError)) others.add(name + ' ' + (error && error.name))
      }
      function attempt(name, f) {
        try {
          const result = f()
          if (result instanceof Promise) result.then(undefined, (error) => judge(name, error))
        } catch (error) {
          judge(name, error)
        }
      }
      function* argumentLists() {
        yield []
        for (const a of all) yield [a]
        for (const t of right) for (const a of all) yield [t, a]
        for (let i = 0; i < 500; i++) yield Array.from({ length: 1 + random(5) }, () => pick(all))
      }
      // Made by the package alone: no part of what a user calls, though visible.
      const INTERNAL = ['ParameterStore', 'Tensor', 'Tape', 'Parameter', 'initializers.fans',
        'initializers.resolveInitializer']
      function each(prefix, object) {
        for (const [key, f] of Object.entries(object)) {
          const name = prefix + key
          if (typeof f === 'object' && f !== null) each(name + '.', f)
          if (typeof f !== 'function' || INTERNAL.includes(name) || /^[A-Z]\\w*Error$/.test(name)) continue
          for (const args of argumentLists()) attempt(name, () => (/^class/.test(f) ? new f(...args) : f(...args)))
        }
      }
      each('', lw)
      const methods = (name, make, skip = []) => {
        const object = make()
        for (let p = Object.getPrototypeOf(object); p !== Object.prototype; p = Object.getPrototypeOf(p))
          for (const key of Object.getOwnPropertyNames(p)) {
            const { value } = Object.getOwnPropertyDescriptor(p, key)
            if (typeof value !== 'function' || key === 'constructor' || skip.includes(key)) continue
            for (const args of argumentLists()) attempt(name + '.' + key, () => object[key](...args))
          }
      }
      methods('tensor', () => lw.tensor([1, 2, 3]))
            const model = () => new lw.Sequential({ input: [3], layers: [new lw.Affine(2)] }).compile({ loss: 'mse' })
      methods('model', model, ['parameter', 'exclusively', 'checkIdle', 'network', 'build'])
      methods('history', () => new lw.History(), ['addEpoch', 'addSteps', 'best'])
      setTimeout(() => {
        console.log(JSON.stringify([...others]))
        process.exit(lw.exp(lw.tensor([0])).item() === 1 ? 0 : 3)
      }, 300)`,
      { LANEWISE_BACKEND: backend, NODE_NO_WARNINGS: '1' },
    )
    expect(outcome).toEqual({ status: 0, signal: null, stdout: '[]', stderr: '' })
  })
})

/** Runs a script with `addon`, set up, and \`shared(Type, n)\`. */
const withAddon = (script: string, ms?: number) =>
  runScript(
    `${GARBAGE}
    const { addon } = require(${JSON.stringify(`${ROOT}/dist/backend/native.js`)}).loadAddon()
    const shared = (Type, n) => new Type(new SharedArrayBuffer(n * Type.BYTES_PER_ELEMENT))
    const { isas } = addon.info()
    const words = shared(Int32Array, 64)
    const refuses = (f) => { try { f() } catch (error) { return error instanceof Error }; return false }
    ${script}`,
    {},
    ['--expose-gc'],
    ms,
  )
const FINE = { status: 0, signal: null, stdout: 'fine', stderr: '' }

describe.skipIf(!backendNames.includes('native'))('the addon itself', () => {
  it('before setup', () => {
    const outcome = withAddon(`
      const bad = []
      if (!refuses(() => addon.run(2))) bad.push('run')
      if (!refuses(() => new addon.BoundTape(new Int32Array(2), []))) bad.push('BoundTape')
      addon.register(shared(Float32Array, 4))
      addon.ops(); addon.info()
      console.log(bad.join() || 'fine')`)
    expect(outcome).toEqual(FINE)
  })

  it('garbage as arguments and receivers', () => {
    const outcome = withAddon(`
      const bad = []
      const must = (name, f) => { if (!refuses(f)) bad.push(name) }
      const functions = ['setup', 'register', 'run']
      const call = (f, args) => {
        try { f(...args) } catch (error) { if (!(error instanceof Error)) bad.push(String(f)) }
      }
      for (const name of functions) for (let i = 0; i < 2000; i++)
        call(addon[name], Array.from({ length: random(5) }, () => pick([...garbage, ...isas, 1, 2, words])))
      must('threads', () => addon.setup(isas[0], 0, words))
      must('threads NaN', () => addon.setup(isas[0], NaN, words))
      must('isa', () => addon.setup('mmx', 1, words))
      must('words', () => addon.setup(isas[0], 1, new Int32Array(64)))
      must('words type', () => addon.setup(isas[0], 1, shared(Float32Array, 64)))
      must('register unshared', () => addon.register(new Float32Array(4)))
      must('register type', () => addon.register(shared(Int16Array, 4)))
      addon.setup(isas.at(-1), 2, words)
      const { BoundTape } = addon
      const fill = addon.ops().findIndex(([name]) => name === 'fill')
      const command = Int32Array.of(fill, 0, 0, 0, 4, 0, 0)
      const y = shared(Float32Array, 4)
      const tape = new BoundTape(command, [y])
      must('without new', () => BoundTape(command, [y]))
      must('call', () => BoundTape.call({}, command, [y]))
      const alike = [Object.create(BoundTape.prototype), Reflect.construct(Object, [], BoundTape)]
      for (const receiver of [...garbage, ...alike, BoundTape, addon, y])
        for (const method of ['replay', 'replaySlice'])
          must(method + ' on ' + typeof receiver, () => tape[method].call(receiver, 1, 1))
      for (let i = 0; i < 3000; i++) {
        const args = Array.from({ length: random(4) }, () => pick([...garbage, command, [y], [y, y], [null]]))
        call((...a) => new BoundTape(...a), args)
        call((...a) => Reflect.construct(BoundTape, a, class {}), args)
      }
      for (const steps of [...garbage, 0]) {
        if (typeof steps === 'number' && steps >= 1 && steps < 2 ** 31) continue
        must('steps', () => tape.replay(steps))
        must('slice steps', () => tape.replaySlice(steps, 1))
        if (typeof steps !== 'number' || !(steps > 0)) must('slice milliseconds', () => tape.replaySlice(1, steps))
      }
      must('no arguments', () => tape.replay())
      class Sub extends BoundTape { constructor() { super(command, [y]) } }
      new Sub().replay(1)
      // Arrays that change, throw, or are longer than memory.
      const getter = (get) => Object.defineProperty([], 0, { get })
      must('throwing', () => new BoundTape(command, getter(() => { throw new Error('mine') })))
      must('endless', () => new BoundTape(command, Object.assign([], { length: 2 ** 32 - 1 })))
      const leaving = Int32Array.from(command)
      call((...a) => new BoundTape(...a), [leaving, getter(() => {
        structuredClone(leaving.buffer, { transfer: [leaving.buffer] })
        for (let i = 0; i < 1000; i++) new Int32Array(7).fill(0x7fffffff)
        return y
      })])
      tape.memory = 1
      console.log(bad.join() || 'fine')`)
    expect(outcome).toEqual(FINE)
  })

  it('a tape that is busy, and memory that only it holds', () => {
    const outcome = withAddon(`
      addon.setup(isas.at(-1), 2, words)
      const advance = addon.ops().findIndex(([name]) => name === 'advance')
      const x = shared(Int32Array, 1)
      const tape = new addon.BoundTape(Int32Array.of(advance, 0, 0, 0, 1), [x])
      const slice = tape.replaySlice(2 ** 31 - 1, 50)
      const busy = refuses(() => tape.replay(1)) && refuses(() => tape.replaySlice(1, 1))
      for (let i = 0; i < 200; i++) {
        new addon.BoundTape(Int32Array.of(advance, 0, 0, 0, 1), [shared(Int32Array, 1)]).replaySlice(1000, 1)
        if (i % 20 === 0) gc()
      }
      slice.then((done) => {
        tape.replay(1)
        console.log(busy && x[0] === ((done + 1) | 0) ? 'fine' : 'not fine')
      })`)
    expect(outcome).toEqual(FINE)
  })

  it('commands of random words: refused or run, within their operands', () => {
    const outcome = withAddon(
      `
      addon.setup(isas.at(-1), 2, words)
      const { opTable } = require(${JSON.stringify(`${ROOT}/dist/ops/op.js`)})
      const table = new Map(opTable().map((op) => [op.name, op]))
      const ops = addon.ops().map(([name]) => table.get(name))
      const LENGTH = 100
      const types = [Float32Array, Float64Array, Int32Array, Uint8Array]
      const arrays = types.flatMap((T) => [shared(T, LENGTH), shared(T, LENGTH)])
      const numbers = arrays.map((a) => addon.register(a))
      const sizes = [0, 1, 2, 3, 5, 10, 16, 33, 100]
      const extremes = [-1, -(2 ** 31), 2 ** 31 - 1, 2 ** 30, 65536, 101, 1000]
      const value = () => (random(12) ? pick(sizes) : pick(extremes))
      const halves = new Int32Array(2), double = new Float64Array(halves.buffer)
      let ran = 0, refused = 0
      for (let i = 0; i < 100000; i++) {
        const code = random(ops.length)
        const { operands, ints, doubles } = ops[code]
        const command = [random(50) ? code : value(), random(20) ? random(2) : value()]
        for (const o of operands) {
          const fits = { T: 2 * command[1], d: 2, i: 4, L: 4 + 2 * random(2), A: 2 * random(4) }[o.type]
          const number = numbers[random(30) ? fits + random(2) : random(arrays.length)] ?? 99
          command.push(random(100) ? number : value(), random(5) ? random(3) * random(20) : value())
        }
        for (const { below } of ints) command.push(below < 100 && random(9) ? random(below) : value())
        for (const _ of doubles) {
          double[0] = pick([0, 1, 2, -1, NaN, Infinity, 1e300, 0.5, 1e-320])
          command.push(halves[0], halves[1])
        }
        words.set(command)
        const length = random(50) ? command.length : random(70)
        const start = performance.now()
        try {
          if (random(4)) addon.run(length)
          else {
            // A tape's buffer numbers count in its own list.
            const names = (k) => k >= 2 && k < 2 + 2 * operands.length && k % 2 === 0
            const own = Int32Array.from(command.slice(0, length), (w, k) => (names(k) ? numbers.indexOf(w) : w))
            new addon.BoundTape(own, arrays).replay(1 + random(3))
          }
          ran++
        } catch (error) { refused++ }
        const took = performance.now() - start
        if (took > 2000) {
          console.log(ops[code].name, command.join(), took)
          process.exit(1)
        }
        if (i % 1000 === 0) for (const a of arrays) for (let k = 0; k < LENGTH; k++) a[k] = random(9)
      }
      console.log(ran > 10000 && refused > 10000 ? 'fine' : 'ran ' + ran + ', refused ' + refused)`,
    )
    expect(outcome).toEqual(FINE)
  })
})
