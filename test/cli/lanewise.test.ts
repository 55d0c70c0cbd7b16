import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { native } from '../backends.js'
import { buildDist, ROOT } from '../processes.js'
import { environment } from './run-mnist.js'

const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'))

function lanewise(args: string[], env: Record<string, string> = {}) {
  const script = path.join(ROOT, 'dist', 'cli', 'lanewise.js')
  return spawnSync(process.execPath, [script, ...args], { encoding: 'utf8', env: environment(env) })
}

describe('the command lanewise', () => {
  beforeAll(buildDist, 120_000)

  it('info says what computes, and why', () => {
    const { status, stdout } = lanewise(['info', '--json'], { LANEWISE_THREADS: '3' })
    expect(status).toBe(0)
    const said = JSON.parse(stdout)
    expect(said).toMatchObject({ version, node: process.version, platform: `${process.platform}-${process.arch}` })
    if (native) {
      expect(said).toMatchObject({ backend: 'native', reason: 'the addon loaded', threads: 3 })
      expect(said.binary).toMatch(/lanewise\.node$/)
    }
    const text = lanewise(['info'], { LANEWISE_BACKEND: 'js' }).stdout
    expect(text).toMatch(/^backend +js \(LANEWISE_BACKEND=js\)$/m)
    expect(text).toMatch(/^addon +none$/m)
  })

  it('mnist trains on the real images', () => {
    const { status, stdout, stderr } = lanewise(['mnist', '--epochs', '1', '--limit', '6000', '--json'])
    expect(status, stderr).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ parameters: 39760 })
    expect(JSON.parse(stdout).testAccuracy).toBeGreaterThan(0.8)
  })

  it('bench compares native code with JavaScript', () => {
    const { status, stdout, stderr } = lanewise(['bench', '--rounds', '1', '--json'], { LANEWISE_THREADS: '1' })
    expect(status, stderr).toBe(0)
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines.map((line) => line.side)).toEqual(native ? ['JavaScript', 'native, 1 thread'] : ['JavaScript'])
    for (const line of lines) {
      expect(line).toMatchObject({ unit: 'samples/s', data: 'MNIST' })
      expect(line.value).toBeGreaterThan(0)
    }
  }, 120_000)

  it('--version and --help answer', () => {
    expect(lanewise(['--version']).stdout.trim()).toBe(version)
    for (const args of [['--help'], ['info', '--help']])
      expect(lanewise(args).stdout).toMatch(/^usage: .*\n.*info.*\n.*mnist.*\n.*bench/)
    expect(lanewise(['mnist', '--help']).stdout).toMatch(/^usage: lanewise mnist \[options\]\n.*--epochs/)
  })

  it.each([
    [[], 2],
    [['train'], 2],
    [['info', '--loud'], 2],
    [['bench', '--rounds', '0'], 2],
    [['bench', '--rounds', '-1'], 2],
    [['mnist', '--epochs', 'many'], 1],
    [['mnist', '--data', '/nowhere'], 1],
  ])('%j is refused with one line or the usage', (args, code) => {
    const { status, stdout, stderr } = lanewise(args)
    expect(status).toBe(code)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^(lanewise|mnist|usage): /)
    expect(stderr).not.toMatch(/^ +at /m)
  })

  it('a wish that cannot be met is an error with one line', () => {
    const { status, stderr } = lanewise(['info'], { LANEWISE_ISA: 'sse9' })
    expect(status).toBe(1)
    expect(stderr).toMatch(/^lanewise: LANEWISE_ISA: expected one of .*"sse9"\n$/)
  })
})
