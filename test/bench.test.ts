import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildDist, outcome, ROOT } from './processes.js'

// The benchmarks run and say what they measured. Nothing here asserts how fast.
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lanewise-bench-'))
beforeAll(buildDist, 120_000)
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

type Line = Record<string, unknown>

function run(program: string, args: string[], env: Record<string, string> = {}) {
  const file = path.join(ROOT, 'bench', program)
  return outcome(spawn(process.execPath, [file, ...args], { cwd: ROOT, env: { ...process.env, ...env } }))
}

async function lines(program: string, ...args: string[]): Promise<Line[]> {
  const { status, stdout, stderr } = await run(program, ['--quick', '--json', ...args])
  expect(status, stderr).toBe(0)
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

function checkLine(line: Line): void {
  for (const key of ['suite', 'work', 'backend', 'isa', 'cpu', 'unit', 'commit', 'node', 'date'])
    expect(line, key).toHaveProperty(key)
  expect(line.value, JSON.stringify(line)).toBeGreaterThan(0)
  expect(line.threads).toBeGreaterThanOrEqual(1)
}

/** The results of a suite, after the machine's limits. */
async function results(suite: string, ...args: string[]): Promise<Line[]> {
  const all = await lines('run.mjs', suite, ...args)
  for (const line of all) {
    checkLine(line)
    expect(line.suite).toBe(suite)
  }
  const limits = all.filter(({ kind }) => kind === 'limit')
  expect(limits.map(({ unit }) => unit)).toContain('GB/s')
  if (limits[0].backend === 'native') expect(limits.map(({ unit }) => unit)).toContain('GFLOP/s')
  return all.slice(limits.length)
}

const names = (list: Line[]) => [...new Set(list.map(({ work }) => work))]

describe('npm run bench', () => {
  test('matmul', async () => {
    const found = await results('matmul', '--threads', '1')
    expect(names(found)).toEqual(expect.arrayContaining(['seed_b32_fwd1', 'seed_b32_dW1', 'sq64']))
    for (const line of found) {
      expect(line.unit).toBe('GFLOP/s')
      expect(line.threads).toBe(1)
      expect(line.samples).toBeGreaterThanOrEqual(5)
      if (line.backend === 'native') expect(line.share).toBeGreaterThan(0)
    }
  })

  test('ops', async () => {
    const found = await results('ops', '--threads', '1')
    expect(new Set(found.map(({ unit }) => unit))).toEqual(new Set(['ns/element', 'GB/s']))
    expect(names(found)).toEqual(expect.arrayContaining(['adam, large', 'transpose, in cache', 'sum, all, in cache']))
    expect((await results('ops', '--threads', '1', '--filter', 'tanh')).length).toBe(2)
  })

  test('overhead', async () => {
    const found = await results('overhead')
    expect(names(found)).toEqual(expect.arrayContaining(['add', 'replayAsync(1) of the smallest command']))
    for (const { unit } of found) expect(unit).toBe('ns')
  })

  test('train', async () => {
    const found = await results('train', '--threads', '1', '--filter', 'batch 32, SGD')
    expect(names(found)).toEqual(['784-50-10, batch 32, SGD'])
    expect(found.map(({ backend }) => backend)[0]).toBe('js')
    for (const line of found.filter(({ backend }) => backend === 'native')) expect(line.ratio).toBeGreaterThan(0)
  })

  // The program is compiled for AVX2 or AVX-512; elsewhere it says so.
  test('price', async () => {
    if (!/^avx/.test(String((await lines('run.mjs', 'ops', '--filter', 'tanh'))[0].isa))) {
      const { status, stderr } = await run('run.mjs', ['price', '--quick'])
      expect(status).toBe(1)
      expect(stderr).toMatch(/^bench: price: expected avx2 or avx512/)
      return
    }
    const all = await lines('run.mjs', 'price', '--threads', '1')
    const found = all.filter(({ kind }) => kind !== 'limit')
    expect(found.length).toBeGreaterThan(5)
    for (const line of found) {
      checkLine(line)
      expect(line.rule).toMatch(/^[1-4]: /)
      expect(line.without).toBeGreaterThan(0)
    }
  })

  test('crowd', async () => {
    const found = await results('crowd', '--rounds', '1')
    expect(names(found)).toEqual(['one alone', 'four processes', 'four worker threads'])
    for (const { value } of found) expect(value).toBeGreaterThan(0)
  })

  test('scaling', async () => {
    const found = await results('scaling', '--threads', '1', '--out', folder)
    expect(names(found)).toEqual(expect.arrayContaining(['batch 1', 'width 16', 'depth 1', 'threads 1']))
    for (const name of ['batch', 'width', 'depth', 'threads'])
      expect(fs.readFileSync(path.join(folder, `scaling-${name}.svg`), 'utf8')).toContain('ns a sample')
  })

  test('a table for people', async () => {
    const { stdout } = await run('run.mjs', ['train', '--quick', '--threads', '1', '--filter', 'batch 32, SGD'])
    expect(stdout).toMatch(/^\S.*Node v/)
    expect(stdout).toMatch(/samples\/s +js/)
  })

  test('refuses what it does not know', async () => {
    const wrong: [string[], Record<string, string>?][] = [
      [[]],
      [['speed']],
      [['ops', '--threads', '0']],
      [['ops', '--threads', '-1']],
      [['ops', '--fast']],
      [['ops', '--out', folder]],
      [['matmul', '--rounds', '2']],
      [['overhead', '--quick', '--filter', 'no such work']],
      [['scaling', '--quick', '--out', path.join(ROOT, 'package.json')]],
      [['ops', '--quick'], { LANEWISE_THREADS: '0' }],
      [['ops', '--quick'], { LANEWISE_ISA: 'mmx' }],
    ]
    for (const [args, env] of wrong) {
      const { status, stderr } = await run('run.mjs', args, env)
      expect(status).toBe(1)
      expect(stderr, args.join(' ')).toMatch(/^bench: .*\n$/)
    }
  })
})

describe('npm run bench:peers', () => {
  const native = ['--filter', 'lanewise', '--out', folder]

  test('writes figures, a table and a chart', async () => {
    const found = await lines('peers.mjs', ...native)
    for (const line of found) checkLine(line)
    expect(found.map(({ peer }) => peer)).toContain('lanewise js, 1 thread')
    const read = (file: string) => fs.readFileSync(path.join(folder, file), 'utf8')
    expect(read('peers.jsonl').trim().split('\n')).toHaveLength(found.length)
    expect(read('peers.md')).toContain('| lanewise js, 1 thread |')
    expect(read('peers.svg')).toContain('lanewise js, 1 thread')
  })

  test('trains another network', async () => {
    const args = [
      '--hidden',
      '7,5',
      '--activation',
      'relu',
      '--optimizer',
      'sgd',
      '--batch',
      '10',
      '--filter',
      'lanewise js',
    ]
    const [line] = await lines('peers.mjs', ...args, '--out', folder)
    checkLine(line)
    expect(line).toMatchObject({ work: '784-7-5-10, ReLU, batch 10, SGD', peer: 'lanewise js, 1 thread' })
  })

  test.each([
    ['--hidden', '50,', 'hidden'],
    ['--hidden', '5x5', 'hidden'],
    ['--activation', 'gelu', 'activation: expected sigmoid or relu, received "gelu"'],
    ['--optimizer', 'Adam', 'optimizer: expected adam or sgd, received "Adam"'],
  ])('refuses %s %s', async (option, text, message) => {
    const { status, stderr } = await run('peers.mjs', [option, text])
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining(`bench:peers: --${message}`) })
  })

  test('refuses a Python without a name', async () => {
    const { status, stderr } = await run('peers.mjs', ['--python', ''])
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(/--python: expected the name of a program/),
    })
  })

  test('says why a peer is skipped', async () => {
    const python = path.join(folder, 'no-python')
    const found = await lines('peers.mjs', '--filter', 'numpy', '--python', python, '--out', folder)
    expect(found.length).toBeGreaterThan(0)
    for (const line of found) expect(line.skipped).toContain('no-python does not run')
    expect(fs.readFileSync(path.join(folder, 'peers.md'), 'utf8')).toContain('skipped: NumPy')
  })
})
