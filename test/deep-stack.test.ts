import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { isasHere } from './isas.js'
import { buildDist, ROOT } from './processes.js'

beforeAll(buildDist, 120_000)

// V8 leaves a main thread that has 1 MB (Windows up to Node 18, or `ulimit -s 1024`) some 40 KB for the addon where JavaScript has
// called itself as deep as it may.
it.runIf(process.platform === 'linux').each(isasHere().filter((isa) => isa !== 'scalar'))(
  'kernels need little stack, %s',
  (isa) => {
    const script = path.join(ROOT, 'test/support/deep-stack.mjs')
    const env = { ...process.env, LANEWISE_BACKEND: 'native', LANEWISE_ISA: isa, LANEWISE_THREADS: '1' }
    const out = execFileSync('sh', ['-c', `ulimit -s 1024; exec "${process.execPath}" "${script}"`], {
      env,
      encoding: 'utf8',
    })
    const done = Object.values(JSON.parse(out) as Record<string, number>)
    expect(done).toHaveLength(36)
    expect(Math.min(...done)).toBeGreaterThan(5)
  },
)
