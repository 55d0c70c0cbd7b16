import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { loadAddon } from '../src/backend/addon.js'
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
      const INTERNAL = ['ParameterStore', 'Tensor', 'Tape', 'Parameter', 'initializers.fans']
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
      methods('model', model, ['parameter', 'build'])
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
    const { addon } = require(${JSON.stringify(`${ROOT}/dist/backend/addon.js`)}).loadAddon()
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

  it('commands of random words and any values: refused or right, within their operands', () => {
    const script = path.join(ROOT, 'scripts/fuzz/native.mjs')
    const { addon, binary } = loadAddon()
    expect(addon.info().isas.length).toBeGreaterThan(0)
    const args = [script, '--seed', '2', '--cases', '100000', '--binary', binary]
    const { status, signal, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
    expect({ status, signal, stdout }).toEqual({ status: 0, signal: null, stdout: expect.stringContaining('no crash') })
  })
})
