import { type ChildProcess, execFile, spawn } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { backendNames, native } from './backends.js'
import published from './fixtures/hashes.json'
import { buildDist, ROOT } from './processes.js'

// A machine with less time than is asked of it, and a user who presses Ctrl-C.

beforeAll(buildDist, 120_000)

const run = promisify(execFile)

it.runIf(native)('four trainings at once, with two to five threads each, end with the published bits', async () => {
  const script = path.join(ROOT, 'test/support/train-hash.mjs')
  const train = async (_: unknown, i: number) => {
    const env = { ...process.env, LANEWISE_BACKEND: 'native', LANEWISE_THREADS: String(2 + i) }
    const { stdout } = await run(process.execPath, [script, 'odd', 'float32', 'replay'], { env })
    return JSON.parse(stdout).hash
  }
  const hashes = await Promise.all(Array.from({ length: 4 }, train))
  expect(hashes).toEqual(new Array(4).fill(published['odd float32']))
})

const PRELUDE = `
  const lw = require(${JSON.stringify(path.join(ROOT, 'dist/index.js'))})
  const state = lw.randomState(1)
  const data = { x: lw.uniform(state, [500, 16], -1, 1), y: lw.uniform(state, [500, 3], -1, 1) }
  const model = new lw.Sequential({ input: [16], layers: [new lw.Affine(32), new lw.Tanh(), new lw.Affine(3)], seed: 1 })
  model.compile({ loss: 'mse' })
  const say = { onEpochEnd: (epoch) => { if (epoch === 3) console.log('training') } }`

/** Interrupts the process when it says that it trains; how it ended. */
function interrupted(child: ChildProcess): Promise<{ code: number | null; signal: string | null; out: string[] }> {
  let out = ''
  let sent = false
  const hear = (text: string) => {
    out += text
    if (sent || !out.includes('training')) return
    sent = true
    child.kill('SIGINT')
  }
  child.stdout?.setEncoding('utf8').on('data', hear)
  child.stderr?.setEncoding('utf8').on('data', hear)
  return new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, out: out.trim().split('\n') }))
  })
}

describe.each(backendNames)('SIGINT in the middle of fit, %s', (backend) => {
  const start = (code: string) =>
    spawn(process.execPath, ['-e', `${PRELUDE}\n${code}`], { env: { ...process.env, LANEWISE_BACKEND: backend } })

  it('ends a process that does not listen for it', async () => {
    const child = start('model.fit(data, { epochs: 1e6, callbacks: [say] })')
    expect(await interrupted(child)).toEqual({ code: null, signal: 'SIGINT', out: ['training'] })
  })

  it('aborts by the signal option where the program wishes; the model trains, evaluates and predicts on', async () => {
    const child = start(`
      const stop = new AbortController()
      process.on('SIGINT', () => stop.abort(new Error('Ctrl-C')))
      const rest = async () => {
        const error = await model.fit(data, { epochs: 1e6, callbacks: [say], signal: stop.signal }).catch((e) => e)
        console.log(error.message)
        const { loss } = await model.evaluate(data)
        const before = model.snapshot()
        const { history } = await model.fit(data, { epochs: 3 })
        console.log(Number.isFinite(loss), history.loss.every(Number.isFinite), before.some((v, i) => v !== model.snapshot()[i]))
        console.log(model.predict(data.x).shape.join())
      }
      rest()`)
    expect(await interrupted(child)).toEqual({
      code: 0,
      signal: null,
      out: ['training', 'Ctrl-C', 'true true true', '500,3'],
    })
  })
})

describe.each(backendNames)('on %s, where a test runner stands in for', (backend) => {
  it.each(['timers', 'ticking timers', 'clock'])('%s, fit ends and leaves the loop free', async (what) => {
    const script = path.join(ROOT, 'test/support/fit-without-clock.cjs')
    const env = { ...process.env, LANEWISE_BACKEND: backend, LANEWISE_THREADS: '1' }
    const { stdout } = await run(process.execPath, [script, path.join(ROOT, 'dist/index.js'), what], { env })
    const { gap, passed } = JSON.parse(stdout)
    expect(gap).toBeLessThan(passed / 2) // eight steps or so
  })
})
