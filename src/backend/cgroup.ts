import { readFileSync } from 'node:fs'
import path from 'node:path'

/**
 * CPUs that the control groups of this process grant it; Infinity without a limit. A group is bound by its own limit and by
 * that of every group above it. `root` is the file system's, for tests.
 */
export function cgroupQuota(root: string): number {
  const read = (...parts: string[]): string | undefined => {
    try {
      return readFileSync(path.join(root, ...parts), 'utf8').trim()
    } catch {
      return undefined
    }
  }
  let least = Number.POSITIVE_INFINITY
  for (const { mount, group, version } of groups(read('proc/self/cgroup') ?? '')) {
    // In a container the file may name a path that only the host has: then its group is mounted as the root.
    for (let at = group; ; at = path.posix.dirname(at)) {
      const folder = path.posix.join('sys/fs/cgroup', mount, at)
      least = Math.min(least, version === 2 ? quotaV2(read, folder) : quotaV1(read, folder))
      if (at === '/') break
    }
  }
  return least
}

type Read = (...parts: string[]) => string | undefined

function quotaV2(read: Read, folder: string): number {
  const [quota, period] = (read(folder, 'cpu.max') ?? '').split(/\s+/)
  return ratio(quota, period)
}

function quotaV1(read: Read, folder: string): number {
  return ratio(read(folder, 'cpu.cfs_quota_us'), read(folder, 'cpu.cfs_period_us'))
}

/** Both are microseconds; "max" and -1 say no limit, and anything odd is taken for none. */
function ratio(quota: string | undefined, period: string | undefined): number {
  const cpus = Number(quota) / Number(period)
  return cpus > 0 ? cpus : Number.POSITIVE_INFINITY
}

interface Group {
  mount: string
  group: string
  version: 1 | 2
}

/** The lines of /proc/self/cgroup, "number:controllers:path", that can limit CPUs; without the file, the root groups. */
function groups(text: string): Group[] {
  const found: Group[] = [
    { mount: '', group: '/', version: 2 },
    { mount: 'cpu', group: '/', version: 1 },
  ]
  for (const line of text.split('\n')) {
    const [, controllers, group] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? []
    if (group === undefined) continue
    // Normalized, since a group outside the namespace's root is shown as /../other.
    const normal = path.posix.normalize(group)
    if (controllers === '')
      found.push({ mount: '', group: normal, version: 2 }, { mount: 'unified', group: normal, version: 2 })
    else if (controllers.split(',').includes('cpu')) {
      for (const mount of new Set(['cpu', controllers])) found.push({ mount, group: normal, version: 1 })
    }
  }
  return found
}
