// Jobs for two threads and for nine in turn, many and small, so that helpers who looked at one come to the next: as where worker
// threads have LANEWISE_THREADS of their own. Prints one line.
// usage: node thread-counts.mjs [jobs]
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { addon } = require('../../dist/backend/addon.js').loadAddon()

const jobs = Number(process.argv[2] ?? 150_000)
const isa = addon.info().isas.at(-1)
const shared = (Type, n) => new Type(new SharedArrayBuffer(n * Type.BYTES_PER_ELEMENT))
const n = 40_000
const [x, y, words] = [shared(Float32Array, n), shared(Float32Array, n), shared(Int32Array, 64)]
for (let i = 0; i < n; i++) x[i] = (i % 97) / 50 - 1
const sigmoid = addon.ops().findIndex(([name]) => name === 'sigmoid')
const command = [sigmoid, 0, addon.register(y), 0, addon.register(x), 0, n]

function run(threads) {
  addon.setup(isa, threads, words)
  words.set(command)
  addon.run(command.length)
}
run(1)
const expected = y.slice()
for (let i = 0; i < jobs; i++) run(i % 2 ? 9 : 2)
if (!y.every((v, i) => v === expected[i])) throw new Error('other numbers')
console.log(`${jobs} jobs for two threads and for nine in turn`)
