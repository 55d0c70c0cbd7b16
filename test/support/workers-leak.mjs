// Workers that load the addon, train and end: what they leave behind is for a leak checker to find (scripts/test-sanitizers.sh); and no
// runtime may stumble over a slice of replay that runs on (scripts/test-package.sh).
// usage: [LANEWISE_DIR=…] node workers-leak.mjs [workers, 50]
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'

const require = createRequire(import.meta.url)
const index = require.resolve(`${process.env.LANEWISE_DIR ?? '../..'}/dist/index.js`)
const count = Number(process.argv[2] ?? 50)
// A third trains to the end, a third ends itself and a third is ended from outside while fit runs.
const code = (how) => `
  const lw = require(${JSON.stringify(index)})
  const state = lw.randomState(1)
  const data = { x: lw.uniform(state, [300, 64], -1, 1), y: lw.uniform(state, [300, 8], -1, 1) }
  const layers = [new lw.Affine(128), new lw.Tanh(), new lw.Affine(8)]
  const model = new lw.Sequential({ input: [64], layers, seed: 1 }).compile({ loss: 'mse' })
  model.predict(data.x)
  const fit = model.fit(data, { epochs: ${how} === 0 ? 2 : 1e6 })
  if (${how} === 1) setTimeout(() => process.exit(0), 20)
  if (${how} === 2) require('node:worker_threads').parentPort.postMessage('training')`
for (let i = 0; i < count; i++) {
  const worker = new Worker(code(i % 3), { eval: true })
  await new Promise((resolve, reject) => {
    worker.on('message', () => setTimeout(() => worker.terminate(), i % 7))
    worker.on('exit', resolve)
    worker.on('error', reject)
  })
}
console.log(`${count} workers loaded, trained and ended`)
