// The engine under test: which backend computes, and with how many threads.
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import * as lw from 'lanewise'

const require = createRequire(import.meta.url)
const { setActiveBackend } = require('../../dist/backend/active.js')
const { loadAddon } = require('../../dist/backend/addon.js')
const { NativeBackend } = require('../../dist/backend/native.js')

const info = lw.backendInfo()
export const { backend, isa, threads: allThreads } = info

/** "AMD EPYC" alone may be any of four generations. */
function modelOf() {
  try {
    const text = fs.readFileSync('/proc/cpuinfo', 'utf8')
    const [family, model] = ['cpu family', 'model'].map((key) => text.match(new RegExp(`^${key}\\s*: (\\d+)$`, 'm'))[1])
    return ` (family ${family} model ${model})`
  } catch {
    return ''
  }
}

export const cpu = `${info.cpu}${modelOf()}`

/** What was measured, and when: each result says it. */
const git = spawnSync('git', ['describe', '--always', '--dirty'], {
  cwd: fileURLToPath(new URL('../..', import.meta.url)),
  encoding: 'utf8',
})
export const origin = {
  commit: git.status === 0 ? git.stdout.trim() : null,
  node: process.version,
  date: new Date().toISOString().slice(0, 10),
}
export const isNative = backend === 'native'

/** From now on this process computes with so many threads. A tape keeps the number it was recorded with. */
export function useThreads(threads) {
  if (isNative) {
    const env = { ...process.env, LANEWISE_ISA: isa, LANEWISE_THREADS: String(threads) }
    setActiveBackend(NativeBackend.load('a benchmark', env))
  }
}

/** The numbers of threads to measure with: one and all, or the one that was asked for. */
export function threadCounts(options) {
  return options.threads !== undefined || allThreads === 1 ? [allThreads] : [1, allThreads]
}

/** Floating-point operations a second of multiply-adds in registers, on the threads of useThreads. */
export function peak(dtype) {
  return loadAddon().addon.peak(dtype === 'float64' ? 1 : 0)
}

const state = lw.randomState(1)

/** A tensor of random numbers from `low` to `high`. */
export function random(shape, { low = -1, high = 1, dtype = 'float32' } = {}) {
  return lw.uniform(state, shape, low, high, { dtype })
}

/** Whole numbers below `below`, as int32. */
export function randomLabels(count, below) {
  return lw.cast(random([count], { low: 0, high: below }), 'int32')
}

/** Records ops and returns run(k) for measure: k replays in one call. */
export function replayed(ops) {
  const tape = lw.record(ops)
  return (count) => tape.replay(count)
}
