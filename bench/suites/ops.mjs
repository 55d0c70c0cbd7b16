// Every other kind of kernel, replayed: nanoseconds an element in the cache, GB/s and share of a plain copy on large arrays.
import { threadCounts, useThreads } from '../lib/engine.mjs'
import { IN_CACHE, LARGE, LARGE_QUICK } from '../lib/limits.mjs'
import { measure } from '../lib/measure.mjs'
import { opCases } from '../lib/op-cases.mjs'
import { counted } from '../lib/options.mjs'

export async function run({ options, report, limits }) {
  const counts = threadCounts(options)
  const isWanted = ({ name }) => options.wants(name)

  useThreads(counts[0])
  report.section(`in the cache: arrays of ${IN_CACHE} elements`)
  for (const { name, elements, bytes, prepare } of opCases(IN_CACHE).filter(isWanted)) {
    const { ns, spread, samples } = await measure(prepare(), options)
    const rate = bytes / ns
    report.line({
      work: report.json ? `${name}, in cache` : name,
      threads: counts[0],
      value: ns / elements,
      unit: 'ns/element',
      median: ns,
      spread,
      samples,
      share: rate / limits.copy.cache,
      limit: limits.copy.cache,
      elements,
      gigabytesPerSecond: rate,
    })
  }

  const size = options.quick ? LARGE_QUICK : LARGE
  for (const threads of counts) {
    useThreads(threads)
    report.section(`large: arrays of ${size} elements, ${counted(threads, 'thread')}`)
    for (const { name, elements, bytes, prepare } of opCases(size).filter(isWanted)) {
      const { ns, spread, samples } = await measure(prepare(), options)
      const limit = limits.copy.memory[threads]
      report.line({
        work: report.json ? `${name}, large` : name,
        threads,
        value: bytes / ns,
        unit: 'GB/s',
        median: ns,
        spread,
        samples,
        share: bytes / ns / limit,
        limit,
        elements,
        nsPerElement: ns / elements,
      })
    }
  }
}
