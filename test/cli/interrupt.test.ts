import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { backendNames } from '../backends.js'
import { outcome, ROOT } from '../processes.js'
import { contents, environment, folder, SCRIPT } from './run-mnist.js'

// Ctrl-C while the network trains.

let data = ''
beforeAll(() => {
  data = folder(contents())
})
afterAll(() => fs.rmSync(data, { recursive: true, force: true }))

/** util-linux's script runs a command on a terminal of its own. */
const hasTerminal = /util-linux/.test(spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout ?? '')

/** Interrupts once, as soon as `ready` holds. */
function once(child: ChildProcess, interrupt: () => void, ready: (stdout: string, stderr: string) => boolean) {
  let done = false
  return outcome(child, (stdout, stderr) => {
    if (done || !ready(stdout, stderr)) return
    done = true
    interrupt()
  })
}

describe.each(backendNames)('Ctrl-C on %s', (backend) => {
  const env = environment({ LANEWISE_BACKEND: backend })
  const endless = () => ['--data', data, '--epochs', '1000000', '--batch', '16']

  it('ends with one line and status 130', async () => {
    const child = spawn(process.execPath, [SCRIPT, ...endless()], { env })
    const ready = (_: string, stderr: string) => stderr.includes('\nepoch')
    const { status, signal, stdout, stderr } = await once(child, () => child.kill('SIGINT'), ready)
    expect({ status, signal }).toEqual({ status: 130, signal: null })
    const lines = stderr.trimEnd().split('\n')
    expect(lines.pop()).toBe('mnist: stopped by Ctrl-C')
    for (const line of lines) expect(line).toMatch(/^epoch +\d+\/1000000 /)
    expect(stdout).not.toContain('test loss')
  })

  it('with --plot draws the whole epochs until then', async () => {
    const child = spawn(process.execPath, [SCRIPT, ...endless(), '--plot', path.join(data, 'until')], { env })
    const ready = (_: string, stderr: string) => stderr.includes('\nepoch')
    const { status, stderr } = await once(child, () => child.kill('SIGINT'), ready)
    expect(status).toBe(130)
    expect(stderr.trimEnd().split('\n').slice(-2)).toEqual([
      expect.stringMatching(/^wrote .*until\.svg and .*until\.html$/),
      'mnist: stopped by Ctrl-C',
    ])
    expect(fs.readFileSync(path.join(data, 'until.svg'), 'utf8')).toContain('>epoch<')
  })

  it.runIf(process.platform === 'linux')('a reader that goes away ends nothing; a full disk is a failure', async () => {
    const args = [SCRIPT, '--data', data, '--epochs', '2', '--plot', path.join(data, 'read')]
    const child = spawn(process.execPath, args, { env })
    child.stdout.once('data', () => child.stdout.destroy())
    const { status, stderr } = await outcome(child)
    expect(stderr).toMatch(/wrote .*read\.svg and .*read\.html\n$/)
    expect({ status, trouble: stderr.match(/EPIPE/) }).toEqual({ status: 0, trouble: null })
    const full = fs.openSync('/dev/full', 'w')
    const failed = spawnSync(process.execPath, args, { env, stdio: ['ignore', full, 'ignore'] })
    fs.closeSync(full)
    expect(failed.status).toBe(1)
  })

  it('in the middle of an epoch; --json prints nothing', async () => {
    const args = ['--epochs', '1', '--hidden', '4096,4096', '--batch', '1', '--dtype', 'float64', '--json']
    const child = spawn(process.execPath, [SCRIPT, ...args], { env })
    const started = performance.now()
    const interrupt = setTimeout(() => child.kill('SIGINT'), 2500)
    const result = await outcome(child)
    clearTimeout(interrupt)
    expect(result).toEqual({ status: 130, signal: null, stdout: '', stderr: 'mnist: stopped by Ctrl-C\n' })
    expect(performance.now() - started).toBeLessThan(12_000)
  })

  it.runIf(hasTerminal)('a script that listens to no signals ends by them, and the terminal is restored', async () => {
    const dist = path.join(ROOT, 'dist', 'index.js')
    const units = backend === 'native' ? 2000 : 200 // an epoch takes longer than 100 ms, or there is no bar
    const code = `const lw = require(${JSON.stringify(dist)})
      const model = new lw.Sequential({ input: [784], layers: [new lw.Affine(${units})] })
      model.compile({ loss: 'mse' })
      model.fit({ x: lw.zeros([2000, 784]), y: lw.zeros([2000, ${units}]) }, { epochs: 1e6, batchSize: 1, verbose: true })`
    const quoted = [process.execPath, '-e', code].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')
    const child = spawn('script', ['-qefc', quoted, '/dev/null'], { env: { ...env, TERM: 'xterm', SHELL: '/bin/sh' } })
    const ready = (stdout: string) => stdout.includes('\x1b[?25l') && stdout.includes('epoch 2')
    const { status, stdout } = await once(child, () => child.stdin?.write('\x03'), ready)
    expect(status).toBe(130)
    expect(stdout.lastIndexOf('\x1b[?25h')).toBeGreaterThan(stdout.lastIndexOf('\x1b[?25l'))
  })

  it.runIf(hasTerminal)('on a terminal restores the cursor and the wrapping of lines', async () => {
    // So large that an epoch takes longer than 100 ms, or there is no bar.
    const quoted = [process.execPath, SCRIPT, ...endless().concat('--batch', '1', '--hidden', '2000,1000')]
      .map((word) => `'${word}'`)
      .join(' ')
    const child = spawn('script', ['-qefc', quoted, '/dev/null'], { env: { ...env, TERM: 'xterm', SHELL: '/bin/sh' } })
    const ready = (stdout: string) => stdout.includes('\x1b[?25l') && stdout.includes('left')
    const { status, stdout } = await once(child, () => child.stdin?.write('\x03'), ready)
    expect(status).toBe(130)
    expect(stdout).toContain('mnist: stopped by Ctrl-C')
    expect(stdout).not.toMatch(/\n\s+at /)
    expect(stdout.lastIndexOf('\x1b[?25h')).toBeGreaterThan(stdout.lastIndexOf('\x1b[?25l'))
    expect(stdout.lastIndexOf('\x1b[?7h')).toBeGreaterThan(stdout.lastIndexOf('\x1b[?7l'))
  })
})
