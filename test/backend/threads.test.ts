import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { cgroupQuota } from '../../src/backend/cgroup.js'
import { threadCount } from '../../src/backend/threads.js'
import { BackendError } from '../../src/errors.js'

const roots: string[] = []
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true })
})

/** A file system with these files. */
function laid(files: Record<string, string>): string {
  const root = mkdtempSync(path.join(os.tmpdir(), 'lanewise-root-'))
  roots.push(root)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.join(root, path.dirname(name)), { recursive: true })
    writeFileSync(path.join(root, name), text)
  }
  return root
}

const all = os.availableParallelism()

describe('LANEWISE_THREADS', () => {
  it.each(['1', '2', '007', '255', '256'])('%j is a count', (text) => {
    expect(threadCount({ LANEWISE_THREADS: text })).toBe(Number(text))
  })

  it.each([
    '0',
    '00',
    '257',
    '1000',
    '-1',
    '+1',
    '2.5',
    '2.0',
    '1e2',
    '0x10',
    '0b1',
    ' 2',
    '2 ',
    ' ',
    'two',
    'NaN',
    '٣',
    '1\n',
  ])('%j is refused', (text) => {
    const wanted = new BackendError('LANEWISE_THREADS', 'a whole number from 1 to 256', JSON.stringify(text))
    expect(() => threadCount({ LANEWISE_THREADS: text })).toThrow(wanted)
  })

  it('empty or absent: the processors there are, within the quota', () => {
    const free = laid({})
    expect(threadCount({ LANEWISE_THREADS: '' }, free)).toBe(Math.min(256, all))
    expect(threadCount({}, free)).toBe(Math.min(256, all))
    const half = laid({ 'proc/self/cgroup': '0::/a\n', 'sys/fs/cgroup/a/cpu.max': '50000 100000\n' })
    expect(threadCount({}, half)).toBe(1)
    const more = laid({ 'sys/fs/cgroup/cpu.max': '150000 100000\n' })
    expect(threadCount({}, more)).toBe(Math.min(all, 2))
    expect(threadCount({ LANEWISE_THREADS: '3' }, half)).toBe(3)
  })
})

describe('the quota of the control group', () => {
  const none = Number.POSITIVE_INFINITY
  const cases: [string, number, Record<string, string>][] = [
    ['no files', none, {}],
    ['v2', 2, { 'proc/self/cgroup': '0::/a\n', 'sys/fs/cgroup/a/cpu.max': '200000 100000\n' }],
    ['v2, the root alone', 1.5, { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '150000 100000\n' }],
    [
      'v2, a group above is tighter',
      1,
      {
        'proc/self/cgroup': '0::/a/b/c\n',
        'sys/fs/cgroup/a/cpu.max': '100000 100000\n',
        'sys/fs/cgroup/a/b/cpu.max': 'max 100000\n',
        'sys/fs/cgroup/a/b/c/cpu.max': '300000 100000\n',
      },
    ],
    ['v2, max', none, { 'proc/self/cgroup': '0::/a\n', 'sys/fs/cgroup/a/cpu.max': 'max 100000\n' }],
    [
      'v2, another group’s limit',
      none,
      { 'proc/self/cgroup': '0::/a\n', 'sys/fs/cgroup/b/cpu.max': '100000 100000\n' },
    ],
    [
      'v2 in a container, which sees its group as the root',
      3,
      { 'proc/self/cgroup': '0::/docker/0123\n', 'sys/fs/cgroup/cpu.max': '300000 100000\n' },
    ],
    [
      'v2, a group outside the namespace',
      3,
      { 'proc/self/cgroup': '0::/../other\n', 'sys/fs/cgroup/cpu.max': '300000 100000\n' },
    ],
    [
      'v1, nested',
      0.5,
      {
        'proc/self/cgroup': '12:memory:/x\n4:cpu,cpuacct:/a/b\n1:name=systemd:/y\n',
        'sys/fs/cgroup/cpu/a/cpu.cfs_quota_us': '50000\n',
        'sys/fs/cgroup/cpu/a/cpu.cfs_period_us': '100000\n',
        'sys/fs/cgroup/cpu/a/b/cpu.cfs_quota_us': '-1\n',
        'sys/fs/cgroup/cpu/a/b/cpu.cfs_period_us': '100000\n',
      },
    ],
    [
      'v1, mounted by the names of its controllers',
      2,
      {
        'proc/self/cgroup': '4:cpu,cpuacct:/a\n',
        'sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us': '200000\n',
        'sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us': '100000\n',
      },
    ],
    [
      'v1 and v2 at once: the limit in v2, mounted beside',
      1,
      {
        'proc/self/cgroup': '4:memory:/a\n0::/a\n',
        'sys/fs/cgroup/unified/a/cpu.max': '100000 100000\n',
      },
    ],
    [
      'v1 in a container',
      4,
      {
        'proc/self/cgroup': '4:cpu,cpuacct:/docker/0123\n0::/docker/0123\n',
        'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '400000\n',
        'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      },
    ],
    [
      'v1, no limit',
      none,
      { 'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1', 'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000' },
    ],
    ['v1, no period', none, { 'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '100000' }],
    [
      'cpuset is not cpu',
      none,
      { 'proc/self/cgroup': '4:cpuset:/a\n', 'sys/fs/cgroup/cpuset/a/cpu.cfs_quota_us': '1' },
    ],
  ]
  it.each(cases)('%s: %d', (_, cpus, files) => {
    expect(cgroupQuota(laid(files))).toBe(cpus)
  })

  it.each(['', 'garbage', '0 100000', '100000', '100000 0', '-5 100000', 'NaN NaN'])(
    'cpu.max of %j limits nothing',
    (text) => {
      const root = laid({ 'proc/self/cgroup': 'garbage\n::\n0::\n0::/a', 'sys/fs/cgroup/a/cpu.max': text })
      expect(cgroupQuota(root)).toBe(none)
    },
  )
})
