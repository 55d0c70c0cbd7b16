// Fuzzing: random commands and values at the addon's boundary, then any calls of what the package
// exports, then mutated IDX files. Prints the seed that repeats a run.
// usage: npm run fuzz -- [--seconds 30] [--seed N] [--binary FILE]
// Run it on a sanitized build to see more than crashes (scripts/test-sanitizers.sh).
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const text = { type: 'string' }
const { values } = parseArgs({ options: { seconds: text, seed: text, binary: text, help: { type: 'boolean' } } })
if (values.help) {
  console.log('usage: npm run fuzz -- [--seconds 30] [--seed N] [--binary FILE]')
  process.exit(0)
}
const seconds = Number(values.seconds ?? 30)
const seed = values.seed ?? String(Date.now() % 2 ** 31)
const binary = values.binary ? ['--binary', values.binary] : []

/** A process of its own each: a crash is seen and told with its seed. */
function part(name, share, more = []) {
  const file = path.join(root, 'scripts/fuzz', `${name}.mjs`)
  const args = [file, '--seed', seed, '--seconds', String(share * seconds), ...more]
  const { status, signal } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  if (status === 0) return true
  console.log(`fuzz ${name}: FAILED with ${signal ?? `exit code ${status}`}; repeat with --seed ${seed}`)
  return false
}
const outcomes = [part('native', 0.5, binary), part('api', 0.35), part('idx', 0.15)]
process.exit(outcomes.every(Boolean) ? 0 : 1)
