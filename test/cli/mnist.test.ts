import * as fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HELP, OPTIMIZERS, parseRun } from '../../src/cli/mnist-options.js'
import { backendNames } from '../backends.js'
import type { Outcome } from '../processes.js'
import { contents, FILES, folder, idx, mnist } from './run-mnist.js'

const hasNative = backendNames.includes('native')
const folders: string[] = []
let data = ''

function temporary(files: Record<string, Buffer> = {}): string {
  folders.push(folder(files))
  return folders[folders.length - 1]
}

beforeAll(() => {
  data = temporary(contents())
})
afterAll(() => {
  for (const dir of folders) fs.rmSync(dir, { recursive: true, force: true })
})

/** One line that starts with the program's name, nothing on standard output, exit status 1. */
function expectComplaint({ status, signal, stdout, stderr }: Outcome, about: string | RegExp): void {
  expect(stderr).toMatch(/^mnist: [^\n]+\n$/)
  expect(stderr).toMatch(about)
  expect({ status, signal, stdout }).toEqual({ status: 1, signal: null, stdout: '' })
}

const KEYS =
  'backend isa threads cpu dtype epochs batch samplesPerSec secPerEpoch trainLoss testLoss testAccuracy parameters hash'
type Figures = Record<string, never> & { hash: string; backend: string }

/** Runs with --json on the small data set. */
async function figures(args: string[], env: Record<string, string> = {}): Promise<Figures> {
  const { status, stdout, stderr } = await mnist(['--data', data, '--json', ...args], env)
  expect(stderr).toBe('')
  expect(status).toBe(0)
  expect(stdout).toMatch(/^\{[^\n]*\}\n$/)
  const result = JSON.parse(stdout)
  expect(Object.keys(result)).toEqual(KEYS.split(' '))
  return result
}

const JS = { LANEWISE_BACKEND: 'js' }

describe('mnist --help', () => {
  it('lists every option on standard output', async () => {
    const { status, stdout, stderr } = await mnist(['--help'])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(/^usage: npm run --silent mnist -- \[options\]\n/)
    const listed = [...stdout.matchAll(/^ {2}--([a-z]+)/gm)].map((m) => m[1])
    const options = 'epochs batch optimizer lr hidden activation dtype seed limit data plot json help'
    expect(listed).toEqual(options.split(' '))
  })
})

describe('the help of mnist', () => {
  it('names each option that is understood, and each optimizer', () => {
    const named = [...HELP.matchAll(/^ {2}--(\w+)/gm)].map(([, name]) => name)
    expect(named.sort()).toEqual(Object.keys(parseRun([])).sort())
    for (const name of Object.keys(OPTIMIZERS)) expect(HELP).toContain(name)
  })
})

describe('mnist refuses in one line', () => {
  const BAD: [string[], RegExp][] = [
    [['--bogus'], /Unknown option '--bogus' \(see --help\)/],
    [['-x'], /Unknown option '-x'/],
    [['extra'], /Unexpected argument 'extra'/],
    [['data.csv'], /Unexpected argument 'data\.csv' \(see --help\)/],
    [['--no-json'], /Unknown option/],
    [['--json=1'], /--json/],
    [['--epochs'], /--epochs/],
    [['--epochs', '--json'], /--epochs/],
    [['--epochs', '0'], /--epochs: expected a whole number from 1 to 1000000, received "0"/],
    [['--epochs=-1'], /received "-1"/],
    [['--epochs', '1.5'], /received "1.5"/],
    [['--epochs', '1e3'], /received "1e3"/],
    [['--epochs', ''], /received ""/],
    [['--batch', '0'], /--batch: expected a whole number/],
    [['--batch', 'many'], /--batch: .* received "many"/],
    [['--optimizer', 'sdg'], /--optimizer: expected one of adam, adamw, rmsprop, sgd, momentum, received "sdg"/],
    [['--optimizer', 'toString'], /--optimizer: expected one of/],
    [['--lr', '0'], /--lr: expected a number above 0, received "0"/],
    [['--lr=-0.1'], /--lr: .* received "-0.1"/],
    [['--lr', 'fast'], /--lr: .* received "fast"/],
    [['--lr', 'NaN'], /--lr: .* received "NaN"/],
    [['--lr', 'Infinity'], /--lr: .* received "Infinity"/],
    [['--lr', ' '], /--lr: .* received " "/],
    [['--hidden', ''], /--hidden: expected a whole number from 1 to 65536, received ""/],
    [['--hidden', '50,'], /--hidden: .* received ""/],
    [['--hidden', '50,x'], /--hidden: .* received "x"/],
    [['--hidden', '0'], /--hidden: .* received "0"/],
    [['--activation', 'gelu'], /--activation: expected one of sigmoid, tanh, relu, received "gelu"/],
    [['--dtype', 'float16'], /--dtype: expected one of float32, float64, received "float16"/],
    [['--seed', '-1'], /--seed/],
    [['--seed', '9007199254740992'], /--seed: expected a whole number from 0 to 9007199254740991/],
    [['--limit', '0'], /--limit: .* received "0"/],
    [['--limit', '3000000000'], /--limit/],
    [['--data', ''], /--data: expected the name of a folder, received ""/],
    [['--plot', ''], /--plot: expected the name of a file, received ""/],
    [['--plot', 'curves.png'], /--plot: expected a file name ending in .svg, .html or neither, received "curves.png"/],
    [['--plot', 'folder/'], /--plot/],
    [['--plot', '.'], /--plot/],
    [['--plot', path.join(__dirname, 'x'.repeat(300))], /ENAMETOOLONG/],
    [['--plot', path.join(__filename, 'curves')], /EEXIST/],
    [
      ['--seed', '-1'],
      /--seed: expected a value \(one that begins with "-" is written --seed=-…\), received an option/,
    ],
    [['--plot', '.svg'], /--plot/],
  ]
  it.each(BAD)('%j', async (args, about) => {
    expectComplaint(await mnist(args), about)
  })

  it('files that cannot be written, before the training; what is there stays until then', async () => {
    const dir = temporary()
    const [blocked, kept] = [path.join(dir, 'blocked'), path.join(dir, 'kept')]
    fs.mkdirSync(`${blocked}.html`)
    expectComplaint(await mnist(['--data', data, '--plot', blocked], JS), /blocked.html is no file/)
    fs.writeFileSync(`${kept}.html`, 'as it was')
    expectComplaint(await mnist(['--data', '/nowhere', '--plot', kept], JS), /nowhere/)
    expect(fs.readFileSync(`${kept}.html`, 'utf8')).toBe('as it was')
  })

  it('a learning rate that the optimizer refuses', async () => {
    expectComplaint(await mnist(['--data', data, '--lr', '1e9'], JS), /learningRate from 0 to 1000000/)
  })

  describe('data:', () => {
    const images = FILES.trainImages
    const small = contents()
    const without = (name: string) => Object.fromEntries(Object.entries(small).filter(([key]) => key !== name))
    const changed = (name: string, edit: (bytes: Buffer) => Buffer) => ({
      ...small,
      [name]: edit(Buffer.from(small[name])),
    })
    const typed = (type: number) => (bytes: Buffer) => {
      bytes[2] = type
      return bytes
    }
    const CASES: [string, Record<string, Buffer>, RegExp][] = [
      ['an empty folder', {}, /the file train-images-idx3-ubyte, plain or .gz, in .*, received no such file/],
      ['a missing file', without(FILES.testLabels), /the file t10k-labels-idx1-ubyte/],
      ['a truncated file', changed(images, (b) => b.subarray(0, -1)), /156816 bytes long for its shape .* 156815/],
      ['a file with more', changed(images, (b) => Buffer.concat([b, Buffer.of(0)])), /156817 bytes/],
      ['a header cut short', changed(images, (b) => b.subarray(0, 10)), /header of 16 bytes, received 10 bytes/],
      ['an empty file', changed(images, () => Buffer.alloc(0)), /an empty file/],
      ['a foreign file', changed(images, () => Buffer.from('PNG, say')), /two zero bytes, received bytes 0x50 0x4e/],
      ['float32 values', changed(images, typed(13)), /uint8 \(type 0x08\), received type 0x0d \(float32\)/],
      ['int32 labels', changed(FILES.trainLabels, typed(12)), /type 0x0c \(int32\)/],
      [
        'labels as images',
        { ...small, [images]: small[FILES.trainLabels] },
        /to hold images .* received shape \[200\]/,
      ],
      ['fewer labels', changed(FILES.trainLabels, () => idx([150], () => 1)), /a label for each of the 200 images/],
      ['no images', changed(images, () => idx([0, 28, 28], () => 0)), /images in .* received shape \[0, 28, 28\]/],
      ['test images of another size', changed(FILES.testImages, () => idx([100, 3, 3], () => 0)), /of one size/],
      [
        'a truncated .gz',
        { ...without(images), [`${images}.gz`]: gzipSync(small[images]).subarray(0, -40) },
        /a whole gzip file/,
      ],
    ]
    it.each(CASES)('%s', async (_name, files, about) => {
      expectComplaint(await mnist(['--data', temporary(files)], JS), about)
    })

    it('no such folder, and a file in its place', async () => {
      expectComplaint(await mnist(['--data', '/no/such/folder'], JS), /expected \/no\/such\/folder to be a folder/)
      expectComplaint(await mnist(['--data', path.join(data, images)], JS), /to be a folder, received a file/)
    })
  })

  describe('environment:', () => {
    it('an unknown LANEWISE_BACKEND', async () => {
      const about = /LANEWISE_BACKEND: expected "native" or "js", received "gpu"/
      expectComplaint(await mnist(['--data', data], { LANEWISE_BACKEND: 'gpu' }), about)
    })
    const nowhere = { LANEWISE_PREBUILD: os.tmpdir() }
    const BAD_ENV: [Record<string, string>, RegExp][] = [
      [{ LANEWISE_THREADS: '0' }, /LANEWISE_THREADS: expected a whole number from 1 to 256, received "0"/],
      [{ LANEWISE_THREADS: '257' }, /received "257"/],
      [{ LANEWISE_THREADS: '1.5' }, /received "1.5"/],
      [{ LANEWISE_THREADS: 'all' }, /received "all"/],
      [{ LANEWISE_THREADS: '-1', LANEWISE_BACKEND: 'js' }, /received "-1"/],
      [{ ...nowhere, LANEWISE_BACKEND: 'native' }, /LANEWISE_BACKEND=native: expected an addon that loads/],
      [{ ...nowhere, LANEWISE_ISA: 'scalar' }, /LANEWISE_ISA=scalar: expected an addon that loads/],
    ]
    it.each(BAD_ENV)('%j', async (env, about) => {
      expectComplaint(await mnist(['--data', data], env), about)
    })
    it.runIf(hasNative).each(['sse9', process.arch === 'arm64' ? 'avx2' : 'neon'])('LANEWISE_ISA=%s', async (isa) => {
      const about = `LANEWISE_ISA: expected one of ${process.arch === 'arm64' ? 'neon' : 'scalar'}`
      expectComplaint(await mnist(['--data', data], { LANEWISE_ISA: isa }), about)
    })
    it('no addon and no wish: a warning, and JavaScript', async () => {
      const { status, stdout, stderr } = await mnist(['--data', data, '--epochs', '1', '--json'], nowhere)
      expect(status).toBe(0)
      expect(stderr).toMatch(/^\(node:\d+\) \[LANEWISE_JS_BACKEND\] Warning: lanewise computes in JavaScript/)
      expect(JSON.parse(stdout)).toMatchObject({ backend: 'js', threads: 1 })
    })
  })
})

describe.each(backendNames)('mnist on %s', (backend) => {
  const env = { LANEWISE_BACKEND: backend }

  it('--json prints one object, and repeats itself bit for bit', async () => {
    const first = await figures(['--epochs', '3'], env)
    expect(first).toMatchObject({ backend, dtype: 'float32', epochs: 3, batch: 32, parameters: 39760 })
    expect(first.hash).toMatch(/^[0-9a-f]{64}$/)
    for (const name of ['samplesPerSec', 'secPerEpoch', 'trainLoss', 'testLoss', 'threads'])
      expect(first[name]).toBeGreaterThan(0)
    expect(first.testAccuracy).toBeGreaterThanOrEqual(0)
    expect((await figures(['--epochs', '3'], env)).hash).toBe(first.hash)
    expect((await figures(['--epochs', '3', '--seed', '2'], env)).hash).not.toBe(first.hash)
    expect((await figures(['--epochs', '2'], env)).hash).not.toBe(first.hash)
  })

  it('--limit takes the first images; more than there are is all', async () => {
    const some = await figures(['--epochs', '1', '--limit', '10'], env)
    expect(some.hash).not.toBe((await figures(['--epochs', '1'], env)).hash)
    const all = await figures(['--epochs', '1', '--limit', '100000'], env)
    expect(all.hash).toBe((await figures(['--epochs', '1'], env)).hash)
  })

  it('learns with every optimizer, activation and dtype', async () => {
    const choices = [
      ['--optimizer', 'momentum', '--activation', 'relu'],
      ['--optimizer', 'sgd', '--activation', 'tanh', '--lr', '0.2'],
      ['--optimizer', 'rmsprop', '--dtype', 'float64'],
      ['--optimizer', 'adamw', '--hidden', '32, 16', '--activation', 'relu', '--lr', '0.005'],
    ]
    for (const choice of choices) {
      const result = await figures(['--epochs', '15', '--batch', '10', ...choice], env)
      expect(result.testAccuracy, choice.join(' ')).toBeGreaterThan(0.9)
      expect(result.dtype).toBe(choice.includes('float64') ? 'float64' : 'float32')
      const units = choice.includes('--hidden') ? 784 * 32 + 32 + 32 * 16 + 16 + 16 * 10 + 10 : 39760
      expect(result.parameters).toBe(units)
    }
  })

  it('reads .gz files, alone and among plain ones', async () => {
    const small = contents()
    const zipped = Object.entries(small).map(([name, bytes]): [string, Buffer] => [`${name}.gz`, gzipSync(bytes)])
    const mixed = Object.fromEntries([...zipped.slice(0, 2), ...Object.entries(small).slice(2)])
    const plain = await figures(['--epochs', '1'], env)
    for (const files of [Object.fromEntries(zipped), mixed]) {
      const result = await figures(['--epochs', '1', '--data', temporary(files)], env)
      expect(result.hash).toBe(plain.hash)
    }
  })

  it('--plot writes both files; figures stay alone on standard output', async () => {
    const base = path.join(temporary(), 'new folder', 'curves')
    const args = ['--data', data, '--epochs', '2', '--json', '--plot', `${base}.svg`]
    const { status, stdout, stderr } = await mnist(args, env)
    expect(status).toBe(0)
    expect(Object.keys(JSON.parse(stdout))).toHaveLength(14)
    expect(stderr).toBe(`wrote ${base}.svg and ${base}.html\n`)
    expect(fs.readFileSync(`${base}.svg`, 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\s*$/)
    expect(fs.readFileSync(`${base}.html`, 'utf8')).toMatch(/^<!doctype html>/i)
  })

  it('tells what it does: the network, the backend, a line an epoch, the result', async () => {
    const { status, stdout, stderr } = await mnist(['--data', data, '--epochs', '2'], env)
    expect(status).toBe(0)
    expect(stdout).toContain('Total parameters: 39,760\n')
    expect(stdout).toContain(`${backend} backend (`)
    expect(stdout).toMatch(/parameters [0-9a-f]{64} \(SHA-256\)\ntest loss \d\.\d{4} {2}test accuracy \d\.\d{4}\n$/)
    expect(stderr).toMatch(/^epoch 1\/2 {2}.*valAccuracy \d\.\d{4}\nepoch 2\/2 .*\n$/)
  })

  it('trains on the real images', async () => {
    const { status, stdout } = await mnist(['--limit', '2000', '--epochs', '2', '--json'], env)
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ backend, parameters: 39760 })
    expect(JSON.parse(stdout).testAccuracy).toBeGreaterThan(0.75)
  })
})
