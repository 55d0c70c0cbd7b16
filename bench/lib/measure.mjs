import { Bench } from 'tinybench'

/**
 * Times run(k), which does a piece of work k times, and may return a promise. Each sample is the mean of one call, whose k is
 * chosen so that it lasts long against the clock and the call; tinybench warms up, takes the samples and makes the statistics.
 * @returns {Promise<{ ns: number, best: number, spread: number, samples: number }>} the median and the least time in
 *   nanoseconds for one piece of work; the median absolute deviation as a share of the median
 */
export async function measure(run, { time }) {
  const first = run(1)
  const async = first instanceof Promise
  await first
  const count = await chooseCount(run, time / 50)
  const bench = new Bench({ time, warmupTime: time / 5, iterations: 5, warmupIterations: 1, throws: true })
  const sample = (start) => {
    const milliseconds = bench.now() - start
    return { overriddenDuration: milliseconds / count, overriddenIterationCost: milliseconds }
  }
  const once = () => {
    const start = bench.now()
    run(count)
    return sample(start)
  }
  const onceLater = async () => {
    const start = bench.now()
    await run(count)
    return sample(start)
  }
  bench.add('work', async ? onceLater : once, { async })
  await bench.run()
  return summary(bench.tasks[0].result.latency)
}

/** How often the work must be done for a call to last `milliseconds`. */
async function chooseCount(run, milliseconds) {
  for (let count = 1; ; ) {
    const start = performance.now()
    await run(count)
    const spent = performance.now() - start
    if (spent >= milliseconds || count > 1e8) return count
    count = Math.ceil(count * Math.min(10, Math.max(1.5, (1.2 * milliseconds) / spent)))
  }
}

function summary({ p50, mad, min, samplesCount }) {
  return { ns: p50 * 1e6, best: min * 1e6, spread: p50 > 0 ? mad / p50 : 0, samples: samplesCount }
}

/** The same statistics of values that were measured elsewhere, by tinybench too. */
export async function summarize(values) {
  let next = 0
  const bench = new Bench({ time: 0, iterations: values.length, warmup: false, throws: true })
  bench.add('values', () => ({ overriddenDuration: values[next++] }), { async: false })
  await bench.run()
  const { p50, mad, min, max, samplesCount } = bench.tasks[0].result.latency
  return { median: p50, spread: p50 > 0 ? mad / p50 : 0, min, max, samples: samplesCount }
}
