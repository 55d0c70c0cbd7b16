// The differential test against NumPy (test/differential), longer than npm test runs it.
// usage: npm run test:differential -- [--cases 300] [--seed N] [--op NAME]
//   --cases  commands of each op (a third as many calls of each function, twice as many trainings of networks)
//   --seed   which; default by the clock     --op  only tests whose name has NAME
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const { values } = parseArgs({
  options: { cases: { type: 'string' }, seed: { type: 'string' }, op: { type: 'string' } },
})
const python = spawnSync(path.join(root, 'scripts/python-numpy.sh'), { stdio: ['ignore', 'pipe', 'inherit'] })
if (python.status !== 0) process.exit(1)
const { status } = spawnSync('npx', ['vitest', 'run', 'test/differential', ...(values.op ? ['-t', values.op] : [])], {
  cwd: root,
  stdio: 'inherit',
  env: {
    ...process.env,
    LANEWISE_PYTHON: python.stdout.toString().trim(),
    LANEWISE_REQUIRE_NUMPY: '1',
    LANEWISE_CASES: values.cases ?? '300',
    LANEWISE_SEED: values.seed ?? String(Date.now() % 2 ** 31),
  },
})
process.exit(status ?? 1)
