// Throws random commands at the addon's boundary: each must be refused or run within its operands; nothing may crash.
// usage: npm run fuzz -- [--seconds 30] [--seed N] [--binary FILE]
// Run it on a sanitized build to see more than crashes (scripts/test-sanitizers.sh). A failure is repeated by its seed.
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const require = createRequire(import.meta.url)
const { values } = parseArgs({
  options: { seconds: { type: 'string' }, seed: { type: 'string' }, binary: { type: 'string' } },
})
const seconds = Number(values.seconds ?? 30)
const firstSeed = Number(values.seed ?? Date.now() % 2 ** 31)
const addon = require(path.resolve(root, values.binary ?? 'build/Release/lanewise.node'))
require(path.join(root, 'dist/index.js')) // registers the ops
const table = new Map(
  require(path.join(root, 'dist/ops/op.js'))
    .opTable()
    .map((op) => [op.name, op]),
)
const ops = addon.ops().map(([name]) => table.get(name))

let state = firstSeed
const random = (n) => {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0
  return (state >>> 8) % n
}
const pick = (list) => list[random(list.length)]

const LENGTH = 200
const TYPES = [Float32Array, Float64Array, Int32Array, Uint8Array]
const shared = (T, n) => new T(new SharedArrayBuffer(n * T.BYTES_PER_ELEMENT))
const words = shared(Int32Array, 64)
const arrays = TYPES.flatMap((T) => [shared(T, LENGTH), shared(T, LENGTH), shared(T, LENGTH)])
const PER_TYPE = arrays.length / TYPES.length
const numbers = arrays.map((a) => addon.register(a))
const SIZES = [0, 1, 2, 3, 5, 10, 14, 16, 17, 33, 100, 200]
const EXTREMES = [-1, -(2 ** 31), 2 ** 31 - 1, 2 ** 30, 65536, 46341, 201, 1000]
const DOUBLES = [0, 1, 2, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e300, 0.5, 1e-320, 255]
const halves = new Int32Array(2)
const double = new Float64Array(halves.buffer)

const { isas } = addon.info()
const size = () => (random(12) ? pick(SIZES) : pick(EXTREMES))

/** A command that is mostly well formed, so that much of it is run. */
function command() {
  const code = random(ops.length)
  const { operands, ints, doubles } = ops[code]
  const list = [random(50) ? code : size(), random(20) ? random(2) : size()]
  for (const o of operands) {
    const type = { T: list[1], d: 1, i: 2, L: 2 + random(2), A: random(4) }[o.type]
    const number = numbers[random(30) ? type * PER_TYPE + random(PER_TYPE) : random(arrays.length)] ?? 999
    list.push(random(100) ? number : size(), random(4) ? 0 : size())
  }
  for (const { below } of ints) list.push(below < 100 && random(9) ? random(below) : size())
  for (const _ of doubles) {
    double[0] = pick(DOUBLES)
    list.push(halves[0], halves[1])
  }
  return { list, operands }
}

function refill() {
  for (const a of arrays) for (let k = 0; k < LENGTH; k++) a[k] = random(4) ? random(9) : random(2 ** 16) - 2 ** 15
}

const counts = { ran: 0, refused: 0 }
const end = Date.now() + seconds * 1000
for (let i = 0; i % 100 !== 0 || Date.now() < end; i++) {
  if (i % 2000 === 0) addon.setup(pick(isas), 1 + random(3), words)
  if (i % 500 === 0) refill()
  const { list, operands } = command()
  words.set(list)
  const length = random(50) ? list.length : random(64)
  try {
    if (random(5)) addon.run(length)
    else {
      // A tape's buffer numbers count in its own list.
      const named = (k) => k >= 2 && k < 2 + 2 * operands.length && k % 2 === 0
      const own = Int32Array.from(list.slice(0, length), (w, k) => (named(k) ? numbers.indexOf(w) : w))
      new addon.BoundTape(own, arrays).replay(1 + random(3))
    }
    counts.ran++
  } catch {
    counts.refused++
  }
  if (i % 5000 === 4999) await new Promise((resolve) => setImmediate(resolve)) // finalizers of dropped tapes
}
console.log(`fuzz: seed ${firstSeed}, ${counts.ran} commands ran, ${counts.refused} were refused, none crashed`)
