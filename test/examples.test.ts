import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildDist, outcome, ROOT } from './processes.js'

// The examples as a user runs them: from the command line, importing the built package by its name.
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lanewise-examples-'))

function run(example: string, ...args: string[]) {
  const file = path.join(ROOT, 'examples', example, 'index.mjs')
  return outcome(spawn(process.execPath, [file, ...args], { cwd: folder }))
}

/** The last percentage in a line that matches. */
function percentage(out: string, line: RegExp): number {
  const match = out.split('\n').filter((l) => line.test(l))
  const found = match[match.length - 1]?.match(/([\d.]+) %(?!.*%)/)
  return Number(found?.[1])
}

function expectPlots(...names: string[]): void {
  for (const name of names) {
    expect(fs.readFileSync(path.join(folder, `${name}.svg`), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\s*$/)
    expect(fs.readFileSync(path.join(folder, `${name}.html`), 'utf8')).toContain('<svg')
  }
}

describe('the examples run', () => {
  beforeAll(buildDist, 120_000)
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

  it('from-scratch', async () => {
    // 1,250 images: twelve whole batches and half a one.
    const { status, stdout, stderr } = await run('from-scratch', '--limit', '1250', '--epochs', '4', '--out', 'scratch')
    expect(status, stderr).toBe(0)
    expect(stdout).toContain('training images [1250, 784], labels [1250]')
    expect(stdout).toMatch(/dW1 +\[784, 50\]/)
    expect(stdout).not.toContain('WRONG')
    expect(stdout.match(/ ok$/gm)).toHaveLength(7)
    expect(Number(stdout.match(/^loss ([\d.]+)/m)?.[1])).toBeGreaterThan(2)
    expect(stdout).toMatch(/epoch 4 .*\(13 steps/)
    expect(percentage(stdout, /^epoch 4/)).toBeGreaterThan(2 * percentage(stdout, /^before/))
    expectPlots('scratch/epochs', 'scratch/steps')
  })

  it('from-scratch, of one run the figures of another', async () => {
    const figures = async () => {
      const { stdout } = await run('from-scratch', '--limit', '300', '--epochs', '1', '--out', 'again')
      return stdout.replaceAll(/ in [\d.]+ s/g, '')
    }
    expect(await figures()).toBe(await figures())
  })

  it('keras-like', async () => {
    const { status, stdout, stderr } = await run('keras-like', '--limit', '2000', '--epochs', '2', '--out', 'keras')
    expect(status, stderr).toBe(0)
    expect(stdout).toContain('Total parameters: 39,760')
    expect(stderr).toContain('valAccuracy')
    expect(percentage(stdout, /^test loss/)).toBeGreaterThan(60)
    expectPlots('keras/history')
  })

  it('custom-loop', async () => {
    const { status, stdout, stderr } = await run('custom-loop', '--limit', '2000', '--epochs', '2')
    expect(status, stderr).toBe(0)
    expect(stdout).toContain('GatedResidual.gate')
    expect(percentage(stdout, /^epoch 2/)).toBeGreaterThan(70)
  })

  it('own-layers', async () => {
    const { status, stdout, stderr } = await run('own-layers', '--limit', '2000', '--epochs', '2')
    expect(status, stderr).toBe(0)
    const [trained, loaded, further] = stdout.split('\n').map((line) => line.replace(/^.*?: /, ''))
    expect(Number(trained.match(/accuracy ([\d.]+) %/)?.[1])).toBeGreaterThan(70)
    expect(loaded).toBe(trained)
    expect(further).not.toBe(trained)
    expect(stdout).toContain('the first layer frozen')
  })
})
