import { type ChildProcess, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { onTestFinished } from 'vitest'

export const ROOT = path.join(__dirname, '..')

/** Brings dist/ up to date, for tests that run processes of their own. */
export function buildDist(): void {
  const built = spawnSync(process.execPath, [path.join(ROOT, 'scripts', 'build-ts.mjs')], { encoding: 'utf8' })
  if (built.status !== 0) throw new Error(built.stderr)
}

export interface Outcome {
  status: number | null
  signal: string | null
  stdout: string
  stderr: string
}

/** Collects what a process writes until it ends, or the test does; `watch` sees all of it after each piece. */
export function outcome(child: ChildProcess, watch?: (stdout: string, stderr: string) => void): Promise<Outcome> {
  onTestFinished(() => {
    child.kill('SIGKILL') // one that trains on without an end would slow down all that comes after
  })
  return new Promise((resolve, reject) => {
    let [stdout, stderr] = ['', '']
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      stdout += text
      watch?.(stdout, stderr)
    })
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      stderr += text
      watch?.(stdout, stderr)
    })
    child.on('error', reject)
    child.on('close', (status, signal) => resolve({ status, signal, stdout, stderr }))
  })
}

/** Runs a CommonJS script in a process of its own; `lw` is the package in dist/. A crash is an outcome, not an end. */
export function runScript(
  script: string,
  env: Record<string, string> = {},
  flags: string[] = [],
  ms = 60_000,
): Outcome {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'lanewise-test-'))
  const file = path.join(folder, 'script.js')
  writeFileSync(file, `const lw = require(${JSON.stringify(path.join(ROOT, 'dist', 'index.js'))})\n${script}`)
  try {
    const options = { env: { ...process.env, ...env }, encoding: 'utf8', timeout: ms } as const
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, [...flags, file], options)
    return { status, signal, stdout: stdout.trim(), stderr: stderr.trim() }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
