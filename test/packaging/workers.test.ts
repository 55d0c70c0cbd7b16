import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { buildDist, ROOT, runScript } from '../processes'

const hashes = require('../fixtures/hashes.json')
const trainer = path.join(ROOT, 'test/support/train-hash.mjs')

describe('worker threads', () => {
  beforeAll(buildDist)

  it('eight at once train to the same bits', () => {
    const { status, stdout, stderr } = runScript(`
      const { Worker } = require('node:worker_threads')
      const one = () => new Promise((resolve, reject) => {
        const worker = new Worker(${JSON.stringify(trainer)}, { argv: ['odd', 'float32', 'replay'], stdout: true })
        let out = ''
        worker.stdout.setEncoding('utf8').on('data', (text) => { out += text })
        worker.on('error', reject)
        worker.on('exit', () => resolve(JSON.parse(out)))
      })
      Promise.all(Array.from({ length: 8 }, one)).then((all) => console.log(JSON.stringify(all)))`)
    expect(status, stderr).toBe(0)
    const all: { hash: string; backend: string }[] = JSON.parse(stdout)
    expect(all).toHaveLength(8)
    expect(new Set(all.map(({ hash }) => hash)).size).toBe(1)
    if (all[0].backend === 'native') expect(all[0].hash).toBe(hashes['odd float32'])
  })

  it('alone load the addon, train and end: its threads outlive them', () => {
    const script = path.join(ROOT, 'test/support/workers-leak.mjs')
    const env = { ...process.env, LANEWISE_THREADS: '3' }
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, [script, '12'], { env, encoding: 'utf8' })
    expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' })
    expect(stdout).toBe('12 workers loaded, trained and ended\n')
  })

  it('end in the middle of a long blocking replay', { timeout: 120_000 }, () => {
    const { status, signal, stdout, stderr } = runScript(`
      const { Worker } = require('node:worker_threads')
      const code = \`
        const lw = require(${JSON.stringify(path.join(ROOT, 'dist/index.js'))})
        const x = lw.full([100, 100], 0)
        const tape = lw.record(() => lw.matmul(x, x))
        require('node:worker_threads').parentPort.postMessage('replaying')
        tape.replay(2 ** 31 - 1)\`
      const worker = new Worker(code, { eval: true })
      worker.once('message', () => setTimeout(() => worker.terminate(), 100))
      worker.once('exit', () => console.log('ended'))`)
    expect({ status, signal, stdout }, stderr).toEqual({ status: 0, signal: null, stdout: 'ended' })
  })

  it('end in the middle of fit, in twenty different moments, and the process goes on', () => {
    const { status, signal, stdout, stderr } = runScript(`
      const { Worker } = require('node:worker_threads')
      const code = \`
        const lw = require(${JSON.stringify(path.join(ROOT, 'dist/index.js'))})
        const { parentPort } = require('node:worker_threads')
        const model = new lw.Sequential({ input: [64], layers: [new lw.Affine(64), new lw.Tanh(), new lw.Affine(10), new lw.Softmax()], seed: 1 })
        model.compile({ optimizer: new lw.Adam(), loss: 'sparseCategoricalCrossentropy', metrics: [] })
        const state = lw.randomState(1)
        const data = { x: lw.uniform(state, [2000, 64], -1, 1), y: lw.cast(lw.uniform(state, [2000], 0, 10), 'int32') }
        model.fit(data, { epochs: 1e6, batchSize: 16 })
        parentPort.postMessage('training')\`
      async function main() {
        for (let i = 0; i < 20; i++) {
          const worker = new Worker(code, { eval: true })
          await new Promise((resolve, reject) => { worker.once('message', resolve); worker.once('error', reject) })
          await new Promise((resolve) => setTimeout(resolve, 3 * i))
          await worker.terminate()
        }
        // What is left of the process still computes.
        console.log(lw.tensor([1, 2, 3]).add(lw.tensor([1, 1, 1])).toArray().join())
      }
      main()`)
    expect({ status, signal, stdout }, stderr).toEqual({ status: 0, signal: null, stdout: '2,3,4' })
  })
})
