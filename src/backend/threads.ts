import { readFileSync } from 'node:fs'
import os from 'node:os'
import { BackendError } from '../errors.js'

const MOST = 256

/** Threads to use: LANEWISE_THREADS, else the processors this process may use, cgroup quota included. */
export function threadCount(env: NodeJS.ProcessEnv = process.env): number {
  const wish = env.LANEWISE_THREADS
  if (wish === undefined || wish === '') return Math.min(MOST, availableProcessors())
  const n = Number(wish)
  if (Number.isInteger(n) && n >= 1 && n <= MOST) return n
  throw new BackendError('LANEWISE_THREADS', `a whole number from 1 to ${MOST}`, JSON.stringify(wish))
}

function availableProcessors(): number {
  const all = os.availableParallelism?.() ?? os.cpus().length
  return Math.max(1, Math.min(all, Math.ceil(cgroupQuota())))
}

/** CPUs that the control group grants, from cgroup v2's cpu.max or v1's cfs files; Infinity without a limit. */
function cgroupQuota(): number {
  const read = (file: string): string | undefined => {
    try {
      return readFileSync(file, 'utf8').trim()
    } catch {
      return undefined
    }
  }
  const [quota, period] = (read('/sys/fs/cgroup/cpu.max') ?? '').split(' ').map(Number)
  if (quota > 0 && period > 0) return quota / period
  const v1quota = Number(read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us'))
  const v1period = Number(read('/sys/fs/cgroup/cpu/cpu.cfs_period_us'))
  return v1quota > 0 && v1period > 0 ? v1quota / v1period : Number.POSITIVE_INFINITY
}
