// Calls every exported function, constructor and method with any arguments: a typed error or a sound result, and nothing else.
// usage: node scripts/fuzz/api.mjs [--seed N] [--seconds 30 | --calls N] [--backend native|js] [--all] [--corpus FILE]
// --all goes on after a finding; --corpus replays programs that were findings once. scripts/fuzz.mjs runs it.
import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/** A call that takes longer has hung; in half of it the child is seen to be alive or not. */
const HANG_MS = 15_000
const MEGABYTES = 128

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    calls: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    backend: { type: 'string' },
    corpus: { type: 'string' },
    all: { type: 'boolean' },
  },
})
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lanewise-fuzz-'))
const trace = path.join(folder, 'trace')
const options = {
  seed: Number(values.seed),
  seconds: Number(values.seconds ?? (values.calls ? 1e9 : 30)),
  calls: Number(values.calls ?? 1e15),
  megabytes: MEGABYTES,
  backend: values.backend,
  corpus: values.corpus && path.resolve(values.corpus),
  all: values.all,
  trace,
}
const file = path.join(path.dirname(fileURLToPath(import.meta.url)), 'api/child.mjs')
const flags = ['--no-warnings', '--max-old-space-size=1000']
const child = spawn(process.execPath, [...flags, file, JSON.stringify(options)], { stdio: 'inherit' })

let hung = false
const watch = setInterval(() => {
  const { mtimeMs } = fs.statSync(trace, { throwIfNoEntry: false }) ?? {}
  hung = Date.now() - mtimeMs > HANG_MS
  if (hung) child.kill('SIGKILL')
}, HANG_MS / 2)
child.on('exit', (code, signal) => {
  clearInterval(watch)
  if (signal || code > 1) {
    const [last] = fs.readFileSync(trace, 'utf8').split('\n')
    console.log(
      `fuzz api: seed ${values.seed}: ${hung ? 'hung' : `ended with ${signal ?? code}`}\ncorpus entry: ${last}`,
    )
  }
  fs.rmSync(folder, { recursive: true })
  process.exitCode = signal ? 1 : code
})
