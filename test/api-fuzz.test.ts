import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { backendNames } from './backends.js'
import { buildDist, ROOT } from './processes.js'

// Everything exported, called with anything: a typed error or a sound result (scripts/fuzz/api.mjs).

beforeAll(buildDist, 120_000)

function fuzz(...args: string[]) {
  const script = path.join(ROOT, 'scripts/fuzz/api.mjs')
  const { status, stdout } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8', timeout: 120_000 })
  return { status, stdout }
}
const FINE = { status: 0, stdout: expect.stringContaining('no crash') }

describe.each(backendNames)('the public API, backend %s', (backend) => {
  it('refuses or answers what was once taken wrong', () => {
    expect(fuzz('--backend', backend, '--corpus', path.join(ROOT, 'test/fixtures/api-corpus.json'))).toEqual(FINE)
  }, 120_000)

  it('refuses or answers any calls', () => {
    expect(fuzz('--backend', backend, '--seed', '1', '--calls', '8000')).toEqual(FINE)
  }, 120_000)
})
