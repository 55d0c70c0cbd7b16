// The price of reproducibility: each rule of "Arithmetic" in docs/design.md, the engine's kernels beside the same work without it.
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { isa } from '../lib/engine.mjs'
import { UsageError } from '../lib/options.mjs'
import { figure } from '../lib/report.mjs'

const SOURCE = fileURLToPath(new URL('../price/price.cpp', import.meta.url))
const FLAGS = {
  avx2: ['-mavx2', '-mfma'],
  avx512: ['-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mfma', '-mprefer-vector-width=512'],
}

/** Compiles the comparison for the chosen instruction set; the program's path. */
function compile(folder) {
  if (FLAGS[isa] === undefined) throw new UsageError(`price: expected avx2 or avx512, received ${isa}`)
  const program = path.join(folder, 'price')
  const names = [`-DLANEWISE_ISA=${isa}`, `-DLANEWISE_SIMD="../../native/simd/${isa}.h"`]
  const args = [
    '-std=c++17',
    '-O3',
    '-ffp-contract=off',
    '-fno-math-errno',
    ...FLAGS[isa],
    ...names,
    SOURCE,
    '-o',
    program,
  ]
  output('g++', args, 'g++ is needed')
  return program
}

/** What a program printed. @throws UsageError, with the `signal` if one (Ctrl-C) ended it */
function output(program, args, trouble) {
  const { status, signal, error, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  if (status === 0) return stdout
  const reason = error?.message ?? signal ?? (stderr.split('\n')[0] || `it ended with ${status}`)
  throw Object.assign(new UsageError(`price: ${trouble}: ${reason}`), { signal })
}

export async function run({ options, report }) {
  // Ctrl-C ends the compiler or the program; this ends when the folder is gone.
  const interrupt = () => {}
  process.once('SIGINT', interrupt)
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lanewise-price-'))
  let ended
  try {
    const results = output(compile(folder), [String(options.time)], 'no figures')
    let last
    for (const text of results.trim().split('\n')) {
      const { rule, work, with: ours, without } = JSON.parse(text)
      if (!options.wants(`${rule} ${work}`)) continue
      if (rule !== last) report.section(rule)
      last = rule
      const note = `${figure(ours)} ns a number with the rule, ${figure(without)} without`
      report.line({ work, rule, threads: 1, value: ours / without, unit: 'x', median: ours, without, note })
    }
  } catch (error) {
    if (!error.signal) throw error
    ended = error.signal
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
    process.removeListener('SIGINT', interrupt)
  }
  if (ended) process.kill(process.pid, ended)
}
