// Throws random commands and random values at the addon: each is refused or computed right, and nothing may crash.
// usage: node scripts/fuzz/native.mjs [--seed N] [--seconds 30 | --cases N] [--compare 10] [--binary FILE]
// One command in 10 is compared with the other instruction sets and JavaScript. scripts/fuzz.mjs runs it.
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { difference, expectedOutcome, mayOverflow, restore, toleranceOf } from './check.mjs'
import { commandSource, hasTameDoubles, makeArrays, refill, shared } from './commands.mjs'
import { randomFrom } from './random.mjs'
import { rawCalls } from './raw-calls.mjs'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
const require = createRequire(import.meta.url)
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    cases: { type: 'string' },
    compare: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    binary: { type: 'string', default: 'build/Release/lanewise.node' },
  },
})
const addon = require(path.resolve(root, values.binary))
require(path.join(root, 'dist/index.js')) // registers the ops
const { JsBackend } = require(path.join(root, 'dist/backend/js/index.js'))
const { opTable } = require(path.join(root, 'dist/ops/op.js'))
const table = new Map(opTable().map((op) => [op.name, op]))
const ops = addon.ops().map(([name]) => table.get(name))
const codes = ops.map((op) => op.index)
const js = new JsBackend('fuzz')
const { isas } = addon.info()

const dice = randomFrom(Number(values.seed))
const { random, pick } = dice
const words = shared(Int32Array, 64)
const arrays = makeArrays()
const twins = makeArrays()
const numbers = arrays.map((a) => addon.register(a))
const nextCommand = commandSource(ops, dice)
const callRaw = rawCalls(addon, dice, words)

const fillNothing = [ops.findIndex((op) => op.name === 'fill'), 0, 0, 0, 0, 0, 0]
const padding = Array(Math.ceil(arrays.length / fillNothing.length))
  .fill(fillNothing)
  .flat()
/** A tape must have at least as many words as arrays. (Not the command again: in place, rounding grows with each time.) */
const lengthened = (command) => Int32Array.of(...command, ...padding)

/** Runs a command at once, or as a tape. Gives 'refused', a failure [command, position, value], or undefined. */
function run(command, asTape) {
  try {
    if (asTape) {
      const result = new addon.BoundTape(lengthened(command), arrays).replay(1)
      return Array.isArray(result) ? result : undefined // else how many steps ran
    }
    words.set(command)
    const last = 2 + 2 * (ops[command[0]]?.operands.length ?? 0)
    for (let k = 2; k < last && k < command.length; k += 2) words[k] = numbers[command[k]] ?? -1
    return addon.run(command.length)
  } catch {
    return 'refused'
  }
}

const counts = { ran: 0, refused: 0, compared: 0, raw: 0 }

function fail(command, what) {
  const op = ops[command[0]]?.name ?? '(no op)'
  console.log(`fuzz native: seed ${values.seed}, case ${i}: ${op}, ${what}`)
  console.log(`words: ${JSON.stringify([...command])}`)
  process.exit(1)
}

/** The same command on every instruction set and in JavaScript. */
function compare(command, asTape, tame) {
  counts.compared++
  const before = arrays.map((a) => a.slice())
  const results = isas.map((isa) => {
    addon.setup(isa, 1 + random(3), words)
    restore(arrays, before)
    return { isa, outcome: run(command, asTape), after: arrays.map((a) => a.slice()) }
  })
  const [first, ...others] = results
  for (const { isa, outcome, after } of others) {
    const differs = difference(after, first.after)
    if (differs || String(outcome) !== String(first.outcome))
      fail(command, `${isa} against ${first.isa}: ${differs ?? outcome}`)
  }
  // run() leaves words after its command alone; a tape is all words, as in JavaScript.
  if (!tame || !asTape) return
  restore(twins, before)
  const tape = lengthened(command)
  const error = expectedOutcome(js, tape, twins, codes, ops)
  const outcome = first.outcome === 'refused' ? 'refused' : first.outcome ? 'IndexError' : undefined
  if ((error === 'IndexError' ? error : error && 'refused') !== outcome) {
    fail(command, `the addon: ${outcome ?? 'ran'}, JavaScript: ${error ?? 'ran'}`)
  }
  if (outcome || !hasTameDoubles(tape, ops)) return
  const differs = difference(first.after, twins, toleranceOf(command), () => mayOverflow(before, ops[command[0]].name))
  if (differs) fail(command, `against JavaScript: ${differs}`)
}

const start = Date.now()
const oneIn = Number(values.compare)
const cases = values.cases ? Number(values.cases) : Number.POSITIVE_INFINITY
const end = values.cases ? Number.POSITIVE_INFINITY : start + Number(values.seconds) * 1000
let tame = true
let i = 0
for (; i < cases && (i % 100 !== 0 || Date.now() < end); i++) {
  if (i % 2000 === 0) addon.setup(pick(isas), 1 + random(3), words)
  if (i % 250 === 0) {
    tame = random(2) === 0
    refill(arrays, dice, tame)
  }
  if (random(100) === 0) {
    counts.raw++
    callRaw()
    addon.setup(pick(isas), 1 + random(3), words)
    continue
  }
  const command = nextCommand(tame)
  const began = performance.now()
  if (random(oneIn) === 0) compare(command, random(4) > 0, tame)
  else if (run(command, random(5) === 0) === 'refused') counts.refused++
  else counts.ran++
  if (performance.now() - began > 5000) fail(command, 'took more than 5 seconds')
  if (i % 5000 === 4999) await new Promise((resolve) => setImmediate(resolve)) // finalizers of dropped tapes
}
const { ran, refused, compared, raw } = counts
console.log(
  `fuzz native: seed ${values.seed}, ${i} cases: ${ran} commands ran, ${refused} were refused, ${compared} were compared on ${isas.join(', ')} and JavaScript, ${raw} calls with any values; no crash`,
)
