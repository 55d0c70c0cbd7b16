import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

const root = path.resolve(import.meta.dirname, '..', '..')
const addon = path.join(root, 'build', 'Release', 'lanewise.node')
const built = fs.existsSync(addon)
const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'))
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'lanewise-fallback-'))
afterAll(() => fs.rmSync(home, { recursive: true, force: true }))

/** A folder with this as its addon. */
function folder(name: string, binary: Buffer | string): string {
  const dir = path.join(home, name)
  fs.mkdirSync(path.join(dir, 'build', 'Release'), { recursive: true })
  fs.writeFileSync(path.join(dir, 'build', 'Release', 'lanewise.node'), binary)
  return dir
}

/** A native binary's head with the ELF machine changed to IBM S/390. */
function otherMachine(): Buffer {
  const bytes = fs.readFileSync(addon)
  bytes.writeUInt16LE(22, 18)
  return bytes
}

/** The addon with one text in it changed to another of the same length. */
function changed(from: string, to: string): Buffer {
  const bytes = fs.readFileSync(addon)
  const at = bytes.indexOf(`\0${from}\0`, 0, 'latin1')
  expect(at).toBeGreaterThan(0)
  bytes.write(to, at + 1, 'latin1')
  return bytes
}

function run(prebuild: string, env: Record<string, string> = {}) {
  const code = `const l = require(${JSON.stringify(path.join(root, 'dist'))})
    const sum = l.tensor([1, 2]).add(l.tensor([3, 4])).toArray().join()
    setImmediate(() => console.log(JSON.stringify({ backend: l.backendInfo().backend, sum })))`
  const clean = { ...process.env, LANEWISE_BACKEND: '', LANEWISE_ISA: '', LANEWISE_THREADS: '' }
  return spawnSync(process.execPath, ['-e', code], {
    encoding: 'utf8',
    env: { ...clean, LANEWISE_PREBUILD: prebuild, ...env },
  })
}

// Under Node's permission model only the package's own folder may be read.
it('the JavaScript backend asks for no file outside of the package', () => {
  const flag = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission'
  const code = `console.log(require(${JSON.stringify(path.join(root, 'dist'))}).tensor([1, 2]).add(1).toArray().join())`
  const args = [flag, `--allow-fs-read=${root}/`, '-e', code]
  const env = { ...process.env, LANEWISE_BACKEND: 'js', LANEWISE_ISA: '', LANEWISE_THREADS: '', NODE_OPTIONS: '' }
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env })
  expect([status, stdout.trim()], stderr).toEqual([0, '2,3'])
})

it.skipIf(!built)('a wrong setting is an error at each try, and forgotten once it is put right', () => {
  const code = `const l = require(${JSON.stringify(path.join(root, 'dist'))})
    const said = []
    for (const threads of ['x', 'x', '1']) {
      process.env.LANEWISE_THREADS = threads
      try { said.push(l.tensor([1, 2]).add(1).toArray().join()) } catch (error) { said.push(error.name) }
    }
    console.log(said.join(' '))`
  const env = { ...process.env, LANEWISE_BACKEND: '', LANEWISE_ISA: '', LANEWISE_THREADS: '' }
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', code], { encoding: 'utf8', env })
  expect(stdout.trim(), stderr).toBe('BackendError BackendError 2,3')
})

it.skipIf(!built)('where addons are forbidden the warning says so, and not to build one', () => {
  const code = `require(${JSON.stringify(path.join(root, 'dist'))}).tensor([1]).add(1)`
  const env = { ...process.env, LANEWISE_BACKEND: '', LANEWISE_ISA: '', LANEWISE_THREADS: '', NODE_OPTIONS: '' }
  const { status, stderr } = spawnSync(process.execPath, ['--no-addons', '-e', code], { encoding: 'utf8', env })
  expect(status).toBe(0)
  expect(stderr).toMatch(/disabled\. For the native addon, permit addons/)
})

describe.skipIf(!built || process.platform !== 'linux')('without an addon that loads', () => {
  const cases: [string, () => string][] = [
    ['no binary', () => fs.mkdtempSync(path.join(home, 'none-'))],
    ['a text file', () => folder('text', 'not a binary\n')],
    ['an empty file', () => folder('empty', '')],
    ['a truncated file', () => folder('short', fs.readFileSync(addon).subarray(0, 4096))],
    ["another machine's binary", () => folder('machine', otherMachine())],
    ['a binary for another C library', () => folder('libc', changed('libc.so.6', 'libc.so.9'))],
    ['a binary of another version', () => folder('version', changed(version, version.replace(/\d/g, '9')))],
    ['a binary of other sources', () => folder('sources', changed('softmaxGrad', 'softmaxGone'))],
  ]
  it.each(cases)('%s: one warning, and JavaScript computes', (_, make) => {
    const { status, stdout, stderr } = run(make())
    expect(status, stderr).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ backend: 'js', sum: '4,6' })
    expect(stderr.match(/LANEWISE_JS_BACKEND/g)).toHaveLength(1)
    expect(stderr).toMatch(/compiler|build it again/)
  })
  it('says what is wrong with the binary of another processor', () => {
    expect(run(folder('processor', otherMachine())).stderr).toContain(`is for another processor than ${process.arch}`)
  })
  it('one warning for a process with worker threads', () => {
    const use = `require(${JSON.stringify(path.join(root, 'dist'))}).tensor([1]).add(1)`
    const code = `${use}
      const { Worker } = require('node:worker_threads')
      for (let i = 0; i < 2; i++) new Worker(${JSON.stringify(use)}, { eval: true })`
    const env = { ...process.env, LANEWISE_BACKEND: '', LANEWISE_ISA: '', LANEWISE_THREADS: '' }
    const options = { encoding: 'utf8', env: { ...env, LANEWISE_PREBUILD: home } } as const
    const { status, stderr } = spawnSync(process.execPath, ['-e', code], options)
    expect([status, stderr.match(/LANEWISE_JS_BACKEND/g)?.length], stderr).toEqual([0, 1])
  })
  it('several threads are an error: JavaScript has one', () => {
    const none = fs.mkdtempSync(path.join(home, 'none-'))
    const { status, stderr } = run(none, { LANEWISE_THREADS: '2' })
    expect(status).toBe(1)
    expect(stderr).toMatch(/BackendError.*LANEWISE_THREADS=2: expected an addon that loads/)
    expect(run(none, { LANEWISE_THREADS: '1' }).status).toBe(0)
    expect(run(none, { LANEWISE_THREADS: '2', LANEWISE_BACKEND: 'js' }).status).toBe(0)
  })
  it.each(cases)('%s: an error where the addon was asked for', (_, make) => {
    const { status, stderr } = run(make(), { LANEWISE_BACKEND: 'native' })
    expect(status).toBe(1)
    expect(stderr).toMatch(/BackendError.*LANEWISE_BACKEND=native/)
    expect(stderr).not.toMatch(/LANEWISE_JS_BACKEND/)
  })
})

describe.skipIf(!built)('on a platform whose addon is in a package of its own', () => {
  const preload = path.join(home, 'as-mac.cjs')
  const asMac = (nodePath: string) => {
    fs.writeFileSync(preload, `Object.defineProperties(process, { platform: { value: 'darwin' } })`)
    return { NODE_OPTIONS: `--require ${JSON.stringify(preload)}`, NODE_PATH: nodePath }
  }
  const empty = fs.mkdtempSync(path.join(home, 'nothing-'))
  it('that addon computes', () => {
    const dir = path.join(home, 'node_modules', `lanewise-darwin-${process.arch}`)
    fs.mkdirSync(dir, { recursive: true })
    fs.copyFileSync(addon, path.join(dir, 'lanewise.node'))
    fs.writeFileSync(path.join(dir, 'package.json'), '{"main":"lanewise.node"}')
    const { stdout, stderr } = run(empty, asMac(path.join(home, 'node_modules')))
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual({ backend: 'native', sum: '4,6' })
  })
  it('the remedy is to install it', () => {
    const { stdout, stderr } = run(empty, asMac(empty))
    expect(JSON.parse(stdout)).toEqual({ backend: 'js', sum: '4,6' })
    expect(stderr).toContain(`run: npm install lanewise-darwin-${process.arch}@${version}`)
  })
})
