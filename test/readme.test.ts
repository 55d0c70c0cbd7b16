import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { buildDist, ROOT } from './processes.js'

const blocks = [...readFileSync(path.join(ROOT, 'README.md'), 'utf8').matchAll(/```js\n([\s\S]*?)```/g)].map(
  (m) => m[1],
)

/** Runs a block of the README as a module within the package, where 'lanewise' means this package. */
function run(code: string, cwd: string): string {
  const folder = path.join(ROOT, '.cache')
  mkdirSync(folder, { recursive: true })
  const file = path.join(folder, `readme-${process.pid}-${blocks.indexOf(code)}.mjs`)
  writeFileSync(file, code)
  try {
    return execFileSync(process.execPath, [file], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  } finally {
    rmSync(file)
  }
}

describe('the examples of the README', () => {
  beforeAll(buildDist, 120_000)

  it('train MNIST and draw the curves', () => {
    const cwd = mkdtempSync(path.join(os.tmpdir(), 'lanewise-readme-'))
    const out = run(blocks[0], cwd)
    expect(out).toContain('39,760')
    expect(out).toContain('[ 7, 2, 1, 0, 4 ]')
    expect(existsSync(path.join(cwd, 'curves.svg')) && existsSync(path.join(cwd, 'curves.html'))).toBe(true)
    rmSync(cwd, { recursive: true })
  })

  it('learn XOR with a module and a loop of one’s own', () => {
    expect(Number(run(blocks[1], os.tmpdir()))).toBeLessThan(0.01)
  })

  it('are all run', () => {
    expect(blocks).toHaveLength(2)
  })
})
