import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { addonOf, isasHere, within } from './isas.js'
import { buildDist, ROOT } from './processes.js'

// A thread of the pool is kept from the processor of the one that wakes it (native/seat.h), and from then on runs where it could before.

/** The processors that each thread of this process may run on. */
function allowed(): string[] {
  const tasks = '/proc/self/task'
  return fs.readdirSync(tasks).map((task) => {
    try {
      return /^Cpus_allowed_list:\s*(.*)$/m.exec(fs.readFileSync(`${tasks}/${task}/status`, 'utf8'))?.[1] ?? ''
    } catch {
      return '' // it ended meanwhile
    }
  })
}

const [isa] = isasHere()

it.runIf(isa !== undefined && process.platform === 'linux')(
  'threads that were woken may run where they could',
  async () => {
    const [before] = allowed()
    const x = lw.uniform(lw.randomState(1), [640, 784], 0, 1)
    const y = lw.uniform(lw.randomState(2), [640, 10], 0, 1)
    await within(addonOf(isa, 3), async () => {
      const model = new lw.Sequential({ input: [784], layers: [new lw.Affine(50), new lw.Affine(10)], seed: 1 })
      model.compile({ loss: 'mse' })
      for (let i = 0; i < 20; i++) {
        await model.fit({ x, y }, { epochs: 1 })
        await sleep(10) // long enough for threads to fall asleep
      }
    })
    const odd = () => allowed().filter((list) => list !== '' && list !== before)
    for (let i = 0; i < 200 && odd().length > 0; i++) await sleep(10)
    expect(odd()).toEqual([])
  },
)

/** How often each thread of this process has waited. */
function waits(): Map<string, string> {
  const tasks = '/proc/self/task'
  const all = new Map<string, string>()
  for (const task of fs.readdirSync(tasks)) {
    try {
      all.set(
        task,
        /^voluntary_ctxt_switches:\s*(.*)$/m.exec(fs.readFileSync(`${tasks}/${task}/status`, 'utf8'))?.[1] ?? '',
      )
    } catch {
      // it ended meanwhile
    }
  }
  return all
}

it.runIf(isa !== undefined && process.platform === 'linux')('a small job calls few of many threads', async () => {
  const [large, small] = [1 << 22, 100_000].map((n) => lw.uniform(lw.randomState(1), [n]))
  await within(addonOf(isa, 64), async () => {
    // Until all are there, and asleep again.
    for (let i = 0; i < 20; i++) lw.sigmoid(large, large)
    await sleep(100)
    const before = waits()
    expect(before.size).toBeGreaterThan(63)
    lw.sigmoid(small, small)
    await sleep(100)
    const called = [...waits()].filter(([task, count]) => before.get(task) !== count).length
    expect(called).toBeLessThan(32) // 63 if all were; some are not the pool's
  })
})

it.runIf(isa !== undefined)(
  'jobs for fewer threads than those before them',
  () => {
    buildDist()
    const script = path.join(ROOT, 'test', 'support', 'thread-counts.mjs')
    const { status, signal, stderr, stdout } = spawnSync(process.execPath, [script], {
      encoding: 'utf8',
      timeout: 60_000,
    })
    expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' })
    expect(stdout).toBe('150000 jobs for two threads and for nine in turn\n')
  },
  90_000,
)
