import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { eachBackend, native } from './backends.js'
import { buildDist, ROOT } from './processes.js'

// Where there is no memory an op throws a MemoryError, and the process goes on. In processes of their own, whose address
// space is limited.

/** Runs a script that may take 3 GB of addresses (Node alone takes about one); `attempt` tells what fn threw. */
function limited(script: string, backend: string): string[] {
  const prelude = `
    const lw = require(${JSON.stringify(path.join(ROOT, 'dist/index.js'))})
    const show = (e) => e instanceof lw.LanewiseError ? e.name + ' ' + e.op + ' | ' + e.expected + ' | ' + e.received : 'UNTYPED ' + e.stack
    const attempt = (fn) => { try { fn(); console.log('no error') } catch (e) { console.log(show(e)) } }
    /** Takes all memory but less than 64 MB, which V8 needs: without memory for itself it ends the process. */
    const fill = () => {
      const held = []
      try { for (;;) held.push(new SharedArrayBuffer(1 << 26)) } catch {}
      return held
    }
    const release = async () => {
      await new Promise(setImmediate)
      gc()
    }
    const trains = async () => {
      const model = new lw.Sequential({ input: [4], layers: [new lw.Affine(3)], seed: 1 }).compile({ loss: 'mse' })
      const { history } = await model.fit({ x: lw.zeros([20, 4]), y: lw.full([20, 3], 1) }, { epochs: 2 })
      console.log('trains', history.loss.every(Number.isFinite))
    }`
  const code = `${prelude}\n;(async () => {${script}\nawait trains()})()`
  const env = { ...process.env, LANEWISE_BACKEND: backend }
  const args = ['-c', 'ulimit -v 3000000 && exec "$@"', 'sh', process.execPath, '--expose-gc', '-e', code]
  const { status, signal, stdout, stderr } = spawnSync('sh', args, { encoding: 'utf8', env, timeout: 60_000 })
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' })
  return stdout.trim().split('\n')
}

beforeAll(buildDist, 120_000)

const none = 'Array buffer allocation failed'

eachBackend((backend) => {
  it('more elements than a tensor may have', () => {
    const lines = limited(
      `attempt(() => lw.zeros([1e5, 1e5, 3]))
      attempt(() => lw.full([2 ** 31], 1))
      attempt(() => new lw.Sequential({ input: [1e6], layers: [new lw.Affine(1e6)] }))`,
      backend,
    )
    expect(lines).toEqual([
      'ShapeError zeros | at most 2147483647 elements | [100000, 100000, 3]',
      'ShapeError full | at most 2147483647 elements | [2147483648]',
      'ShapeError Affine.weight | at most 2147483647 elements | [1000000, 1000000]',
      'trains true',
    ])
  })

  it.runIf(process.platform === 'linux')('tensors, results, gradients and models that are too large', () => {
    const lines = limited(
      `attempt(() => lw.zeros([2e9]))
      attempt(() => lw.full([2e9], 1, 'float64'))
      const [a, b] = [lw.zeros([40000, 1]), lw.zeros([1, 40000])]
      attempt(() => lw.add(a, b))
      attempt(() => lw.matmul(a, b))
      attempt(() => lw.record(() => lw.add(a, b)))
      attempt(() => new lw.Sequential({ input: [1e5], layers: [new lw.Affine(1e4)] }))
      const wide = new lw.Sequential({ input: [1], layers: [new lw.Affine(1000)] })
      attempt(() => wide.predict(lw.zeros([2000000, 1])))`,
      backend,
    )
    const error = (op: string, bytes: number) => `MemoryError ${op} | ${bytes} bytes of memory | ${none}`
    expect(lines).toEqual([
      error('zeros', 8e9),
      error('full', 16e9),
      error('add', 6.4e9),
      error('matmul', 6.4e9),
      error('add', 6.4e9),
      error('build', 4e9 + 4e4),
      error('predict', 8e9),
      'trains true',
    ])
  })

  it.runIf(process.platform === 'linux')('memory that is full is free again once its tensors are garbage', () => {
    const lines = limited(
      `const a = lw.full([1 << 24], 1)
      let held = fill()
      for (let i = 0; i < 3; i++) attempt(() => lw.add(a, a))
      console.log(held.length > 10, lw.add(a.slice(0, 3), 2).toArray().join())
      held = undefined
      await release()
      console.log(lw.add(a, a).slice(0, 2).toArray().join())`,
      backend,
    )
    const refused = `MemoryError add | ${1 << 26} bytes of memory | ${none}`
    expect(lines).toEqual([refused, refused, refused, 'true 3,3,3', '2,2', 'trains true'])
  })
})

it.runIf(native !== undefined && process.platform === 'linux')('the addon refuses what it cannot allocate', () => {
  const file = path.join(ROOT, 'dist/backend/addon.js')
  const lines = limited(
    `const { addon } = require(${JSON.stringify(file)}).loadAddon()
    lw.zeros([1])
    const words = new Int32Array(1 << 25)
    let held = fill()
    for (let i = 0; i < 3; i++) try { new addon.BoundTape(words, []) } catch (e) { console.log(e.code, e.message) }
    held = undefined
    await release()`,
    'native',
  )
  const refused = "LANEWISE_MEMORY the addon's allocation failed"
  expect(lines).toEqual([refused, refused, refused, 'trains true'])
})
