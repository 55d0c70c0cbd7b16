import os from 'node:os'
import { BackendError } from '../errors.js'
import { cgroupQuota } from './cgroup.js'

/** As kMaxThreads in native/pool.h. */
const MOST = 256

/** Threads to use: LANEWISE_THREADS, else the processors this process may use, cgroup quota included. */
export function threadCount(env: NodeJS.ProcessEnv, root = '/'): number {
  const wish = env.LANEWISE_THREADS
  if (wish === undefined || wish === '') return Math.min(MOST, availableProcessors(root))
  // Plain decimal digits only: Number() would also take 0x10, 1e2 and blanks.
  const n = /^[0-9]+$/.test(wish) ? Number(wish) : Number.NaN
  if (n >= 1 && n <= MOST) return n
  throw new BackendError('LANEWISE_THREADS', `a whole number from 1 to ${MOST}`, JSON.stringify(wish))
}

function availableProcessors(root: string): number {
  const all = os.availableParallelism?.() ?? os.cpus().length
  return Math.max(1, Math.min(all, Math.ceil(cgroupQuota(root))))
}
