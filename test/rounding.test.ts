import { execFileSync, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildDist, runScript } from './processes.js'

// A library built with -ffast-math sets the thread that loads it to flush denormals, and threads started later inherit that.

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lanewise-rounding-'))
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))
const can = process.arch === 'x64' && process.platform === 'linux' && spawnSync('cc', ['--version']).status === 0

/** 0x8040: results and operands that are denormal are 0. 0x4000: rounding upward. */
function library(mode: string): string {
  const [source, file] = ['mode.c', `${mode}.node`].map((name) => path.join(folder, name))
  const code = `#include <xmmintrin.h>
    __attribute__((constructor)) static void set(void) { _mm_setcsr(_mm_getcsr() | ${mode}); }`
  fs.writeFileSync(source, code)
  execFileSync('cc', ['-shared', '-fPIC', source, '-o', file])
  return file
}

/** Products of 1e-40 by an eager op, replays and a fit's slice. */
const SCRIPT = `
  if (process.env.TEST_LIBRARY) try { process.dlopen({ exports: {} }, process.env.TEST_LIBRARY) } catch {}
  const state = lw.randomState(1)
  const [x, w] = [lw.uniform(state, [64, 300], 1e-20, 3e-20), lw.uniform(state, [300, 64], 1e-21, 3e-21)]
  const bits = (t) => require('node:crypto').createHash('sha256').update(new Uint8Array(t.data.slice().buffer)).digest('hex')
  const eager = bits(lw.matmul(x, w))
  let y
  const tape = lw.record(() => { y = lw.matmul(x, w) })
  const all = [eager]
  ;(async () => {
    for (let i = 0; i < 3; i++) { tape.replay(); all.push(bits(y)); await tape.replayAsync(1); all.push(bits(y)) }
    console.log([...new Set(all)].join(' '))
  })()`

beforeAll(buildDist, 120_000)

describe.skipIf(!can)('the thread has another floating-point mode', () => {
  it.each(['0x8040', '0x4000'])('%s: the bits are the same', (mode) => {
    const run = (env: Record<string, string>) => runScript(SCRIPT, { LANEWISE_BACKEND: 'native', ...env })
    const expected = run({ LANEWISE_THREADS: '1' })
    expect(expected.stdout, expected.stderr).toMatch(/^[0-9a-f]{64}$/)
    for (const threads of ['1', '2', '3'])
      expect(run({ LANEWISE_THREADS: threads, TEST_LIBRARY: library(mode) })).toEqual(expected)
  })
})
