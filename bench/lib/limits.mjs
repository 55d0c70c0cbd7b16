// What this machine can do at most, measured in the same run as the kernels: multiply-adds in registers, and copies. A limit
// is the best of its attempts; what is compared with it are medians.
import { copy } from 'lanewise'
import { isNative, peak, random, replayed, threadCounts, useThreads } from './engine.mjs'
import { handover } from './handover.mjs'
import { measure, summarize } from './measure.mjs'

/** Elements of one array: 64 KB, which stays in a core's own cache, and 64 MB, beyond the caches of most machines. */
export const IN_CACHE = 1 << 14
export const LARGE = 1 << 24
export const LARGE_QUICK = 1 << 16
/** What is copied at once: a larger copy of lanewise goes past the caches and would be no plain one. */
const PLAIN = 1 << 22

/**
 * @returns peak[dtype][threads] in GFLOP/s, undefined without the addon; copy.cache (one thread) and copy.memory[threads] in
 *   GB/s, bytes read plus bytes written
 */
export async function measureLimits(options, report) {
  const peaks = { float32: {}, float64: {} }
  const bandwidth = { cache: undefined, memory: {} }
  const counts = threadCounts(options)
  for (const threads of counts) {
    useThreads(threads)
    for (const dtype of isNative ? ['float32', 'float64'] : []) {
      const { max, samples } = await summarize(Array.from({ length: options.quick ? 1 : 5 }, () => peak(dtype) / 1e9))
      peaks[dtype][threads] = max
      report.limit({ work: `multiply-adds in registers, ${dtype}`, threads, value: max, unit: 'GFLOP/s', samples })
    }
  }
  const copies = [
    ['cache', counts[0], IN_CACHE],
    ...counts.map((n) => ['memory', n, options.quick ? LARGE_QUICK : LARGE]),
  ]
  for (const [where, threads, size] of copies) {
    useThreads(threads)
    const [x, y] = [random([size]), random([size])]
    const run = replayed(() => {
      for (let i = 0; i < size; i += PLAIN) {
        const end = Math.min(size, i + PLAIN)
        copy(x.slice(i, end), y.slice(i, end))
      }
    })
    const { ns, best, spread, samples } = await measure(run, options)
    const value = (8 * size) / best
    if (where === 'cache') bandwidth.cache = value
    else bandwidth.memory[threads] = value
    const work = `copy of ${size >= 1 << 20 ? `${size >> 18} MB` : `${size >> 8} KB`}`
    report.limit({ work, threads, value, unit: 'GB/s', median: ns, spread, samples })
  }
  const ns = counts.some((n) => n > 1) ? await handover() : undefined
  if (ns !== undefined)
    report.limit({ work: 'a cache line to another core and back', threads: 2, value: ns, unit: 'ns' })
  return { peak: peaks, copy: bandwidth }
}
