import { spawn, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

// The examples as a user runs them: from the command line, importing the built package by its name.
const root = path.join(__dirname, '..')
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lanewise-examples-'))

function run(example: string, ...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const file = path.join(root, 'examples', example, 'index.mjs')
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file, ...args], { cwd: folder })
    const texts = { out: '', err: '' }
    child.stdout.setEncoding('utf8').on('data', (text) => {
      texts.out += text
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      texts.err += text
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, ...texts }))
  })
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
  beforeAll(() => {
    const { status, stderr } = spawnSync(process.execPath, ['scripts/build-ts.mjs'], { cwd: root, encoding: 'utf8' })
    expect(status, stderr).toBe(0)
  })
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

  it('from-scratch', async () => {
    // 1,250 images: twelve whole batches and half a one.
    const { code, out, err } = await run('from-scratch', '--limit', '1250', '--epochs', '4', '--out', 'scratch')
    expect(code, err).toBe(0)
    expect(out).toContain('training images [1250, 784], labels [1250]')
    expect(out).toMatch(/dW1 +\[784, 50\]/)
    expect(out).not.toContain('WRONG')
    expect(out.match(/ ok$/gm)).toHaveLength(7)
    expect(Number(out.match(/^loss ([\d.]+)/m)?.[1])).toBeGreaterThan(2)
    expect(out).toMatch(/epoch 4 .*\(13 steps/)
    expect(percentage(out, /^epoch 4/)).toBeGreaterThan(2 * percentage(out, /^before/))
    expectPlots('scratch/epochs', 'scratch/steps')
  })

  it('from-scratch, of one run the figures of another', async () => {
    const figures = async () => {
      const { out } = await run('from-scratch', '--limit', '300', '--epochs', '1', '--out', 'again')
      return out.replaceAll(/ in [\d.]+ s/g, '')
    }
    expect(await figures()).toBe(await figures())
  })

  it('keras-like', async () => {
    const { code, out, err } = await run('keras-like', '--limit', '2000', '--epochs', '2', '--out', 'keras')
    expect(code, err).toBe(0)
    expect(out).toContain('Total parameters: 39,760')
    expect(err).toContain('valAccuracy')
    expect(percentage(out, /^test loss/)).toBeGreaterThan(60)
    expectPlots('keras/history')
  })

  it('custom-loop', async () => {
    const { code, out, err } = await run('custom-loop', '--limit', '2000', '--epochs', '2')
    expect(code, err).toBe(0)
    expect(out).toContain('GatedResidual.gate')
    expect(percentage(out, /^epoch 2/)).toBeGreaterThan(70)
  })

  it('own-layers', async () => {
    const { code, out, err } = await run('own-layers', '--limit', '2000', '--epochs', '2')
    expect(code, err).toBe(0)
    const [trained, loaded, further] = out.split('\n').map((line) => line.replace(/^.*?: /, ''))
    expect(Number(trained.match(/accuracy ([\d.]+) %/)?.[1])).toBeGreaterThan(70)
    expect(loaded).toBe(trained)
    expect(further).not.toBe(trained)
    expect(out).toContain('the first layer frozen')
  })
})
