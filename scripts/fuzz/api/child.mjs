// The process that makes the calls; scripts/fuzz/api.mjs starts it and sees when it crashes or hangs.
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { arbitraries } from './arbitraries.mjs'
import { writeDataset } from './dataset.mjs'
import { limitMemory } from './memory.mjs'
import { runner } from './run.mjs'
import { differenceOfRuns, isTame } from './sound.mjs'
import { findTargets } from './targets.mjs'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..')
const require = createRequire(path.join(root, 'package.json'))
const options = JSON.parse(process.argv[2])
const corpus = options.corpus && JSON.parse(fs.readFileSync(options.corpus, 'utf8'))
const trace = fs.openSync(options.trace, 'w')

// Files that plot() is asked for, and lines of progress and warnings, go where nobody reads them.
process.chdir(fs.mkdtempSync(path.join(os.tmpdir(), 'lanewise-fuzz-api-')))
writeDataset()
process.on('exit', () => fs.rmSync(process.cwd(), { recursive: true, force: true }))
process.stderr.write = () => true
Error.stackTraceLimit = 6
const rejections = []
process.on('unhandledRejection', (reason) => rejections.push(reason))

const { setActiveBackend } = require('./dist/backend/active.js')
const { JsBackend } = require('./dist/backend/js/index.js')
const { NativeBackend } = require('./dist/backend/native.js')
const backends = { js: new JsBackend('fuzz') }
try {
  backends.native = NativeBackend.load('fuzz')
} catch (error) {
  if (options.backend === 'native') throw error
}
const first = options.backend === 'js' ? 'js' : backends.native ? 'native' : 'js'
setActiveBackend(backends[first])
const found = findTargets(root, require)
limitMemory(options.megabytes)
const run = runner(found)

const counts = { programs: 0, calls: 0, answered: 0, refused: 0, compared: 0, js: 0 }
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Undefined, or what went wrong. */
async function attempt(program) {
  const text = JSON.stringify(program)
  fs.writeSync(trace, `${text}\n`, 0)
  setActiveBackend(backends[first])
  const { outcomes, problem } = await run(program)
  counts.programs++
  counts.calls += outcomes.length
  if (first === 'js') counts.js += outcomes.length
  for (const { error } of outcomes) counts[error ? 'refused' : 'answered']++
  if (counts.programs % 500 === 0) await turn() // finalizers, and rejections that nobody handled
  if (rejections.length > 0) return `a rejection that nobody handled: ${rejections.pop()?.stack}`
  // Every second one, told by its text: fast-check repeats programs as it shrinks them.
  const compared = corpus || text.length % 2 === 0
  if (problem || first === 'js' || !compared || !isTame(program)) return problem
  setActiveBackend(backends.js)
  const again = await run(program)
  counts.compared++
  counts.js += again.outcomes.length
  return again.problem ?? differenceOfRuns(outcomes, again.outcomes, program, found.modules.lanewise)
}

function report(program, problem) {
  console.log(`fuzz api: seed ${options.seed}: ${problem}\ncorpus entry: ${JSON.stringify(program)}`)
  process.exitCode = 1
}

if (corpus) {
  for (const program of corpus) {
    const problem = await attempt(program)
    await turn()
    const late = rejections.pop()
    if (problem || late) report(program, problem ?? late)
  }
} else {
  const programs = arbitraries(found)
  const known = new Set()
  const end = Date.now() + options.seconds * 1000
  for (let round = 0; counts.calls < options.calls && Date.now() < end; round++) {
    const seed = options.seed + round
    // Chunks: each has its seed, and the biases that fast-check gives to a run's beginning.
    const details = await fc.check(
      fc.asyncProperty(programs, async (program) => {
        const problem = await attempt(program)
        if (problem && !known.has(problem.split('\n').slice(0, 2).join())) throw new Error(problem)
      }),
      { seed, numRuns: 400, endOnFailure: false, interruptAfterTimeLimit: Math.max(1, end - Date.now() + 20_000) },
    )
    if (!details.failed || details.counterexample === null) continue
    const problem = details.errorInstance.message
    report(details.counterexample[0], problem)
    if (!options.all) break
    known.add(problem.split('\n').slice(0, 2).join())
  }
}
const { programs, calls, answered, refused, compared, js } = counts
console.log(
  `fuzz api: seed ${options.seed}, ${found.targets.size} functions, constructors, methods and properties, ${programs} programs of ${calls} calls on ${first}: ${answered} answered, ${refused} refused; ${compared} programs were compared with JavaScript (${js} calls there)${process.exitCode ? '' : '; no crash'}`,
)
process.exit()
