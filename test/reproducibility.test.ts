import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import published from './fixtures/hashes.json'
import { buildDist } from './processes.js'

const root = path.join(import.meta.dirname, '..')
beforeAll(buildDist, 120_000)
const native = existsSync(path.join(root, 'build/Release/lanewise.node'))
const cmake = spawnSync('cmake', ['--version']).status === 0

interface Trained {
  hash: string
  backend: string
  isa: string
  threads: number
}

function train(args: string[], env: Record<string, string> = {}): Trained {
  const script = path.join(root, 'test/support/train-hash.mjs')
  const out = execFileSync(process.execPath, [script, ...args], {
    env: { ...process.env, LANEWISE_BACKEND: 'native', ...env },
    encoding: 'utf8',
  })
  return JSON.parse(out)
}

function availableIsas(): string[] {
  const code = `console.log(JSON.stringify(require(${JSON.stringify(path.join(root, 'build/Release/lanewise.node'))}).info().isas))`
  return JSON.parse(execFileSync(process.execPath, ['-e', code], { encoding: 'utf8' }))
}

describe.runIf(native)('one hash of the trained parameters', () => {
  const isas = native ? availableIsas() : []
  const jobs = Object.entries(published).map(([name, hash]) => ({ name, hash, args: name.split(' ') }))

  for (const { name, hash, args } of jobs) {
    for (const isa of isas) {
      // Of scalar code the seed job takes 13 s; the odd job has all.
      const slow = isa === 'scalar' && name.startsWith('seed')
      it.each(slow ? ['2'] : ['1', '2', '3', '8'])(`${name}, ${isa}, %s threads`, (threads) => {
        const trained = train([...args, 'replay'], { LANEWISE_ISA: isa, LANEWISE_THREADS: threads })
        expect(trained).toEqual({ hash, backend: 'native', isa, threads: Number(threads) })
      })
    }
    for (const isa of name.startsWith('seed') ? isas.slice(-1) : isas) {
      it.each(['1', '3'])(`${name}, eager, ${isa}, %s threads`, (threads) => {
        const trained = train([...args, 'eager'], { LANEWISE_ISA: isa, LANEWISE_THREADS: threads })
        expect(trained).toEqual({ hash, backend: 'native', isa, threads: Number(threads) })
      })
    }
    it(`${name}, twice in a row`, () => {
      expect(train([...args, 'replay']).hash).toBe(train([...args, 'replay']).hash)
    })
  }

  describe.runIf(cmake)('the build by cmake-js', () => {
    beforeAll(() => {
      execFileSync('npm', ['run', '--silent', 'build:cmake'], { cwd: root, stdio: 'pipe' })
    }, 600_000)
    for (const isa of isas) {
      it.each(jobs.filter(({ name }) => isa !== 'scalar' || !name.startsWith('seed')))(
        `$name, ${isa}`,
        ({ hash, args }) => {
          const env = { LANEWISE_PREBUILD: path.join(root, 'build-cmake'), LANEWISE_ISA: isa }
          expect(train([...args, 'replay'], env)).toMatchObject({ hash, isa })
        },
      )
    }
  })

  describe.each([
    ['matmul', 'float32'],
    ['matmul', 'float64'],
    ['softmax', 'float32'],
    ['softmax', 'float64'],
  ])('%s of many shapes, %s', (op, dtype) => {
    const hashOf = (env: Record<string, string>) =>
      execFileSync(process.execPath, [path.join(root, `test/support/${op}-hash.mjs`), dtype], {
        env: { ...process.env, ...env },
        encoding: 'utf8',
      })
    const expected = native ? hashOf({ LANEWISE_BACKEND: 'native', LANEWISE_ISA: isas[0], LANEWISE_THREADS: '1' }) : ''
    for (const isa of isas) {
      it.each(op === 'matmul' ? ['1', '2', '3', '8'] : ['1', '3'])(`${isa}, %s threads`, (threads) => {
        expect(hashOf({ LANEWISE_BACKEND: 'native', LANEWISE_ISA: isa, LANEWISE_THREADS: threads })).toBe(expected)
      })
    }
  })

  it('is the one in the README', () => {
    expect(readFileSync(path.join(root, 'README.md'), 'utf8')).toContain(published['seed float32'])
  })
})
