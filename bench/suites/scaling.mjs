// How the time of a training step follows batch, width, depth and threads; figures, and a diagram of each in an SVG file.
import * as fs from 'node:fs'
import path from 'node:path'
import { linePlot } from 'lanewise/plot'
import { allThreads, cpu, isa, origin, replayed, threadCounts, useThreads } from '../lib/engine.mjs'
import { measure } from '../lib/measure.mjs'
import { flopsPerSample, MNIST_JOB, trainingStep } from '../lib/network.mjs'
import { counted } from '../lib/options.mjs'

const MLP = { activation: 'relu', batch: 128, optimizer: 'adam' }

const powers = (low, high) => Array.from({ length: Math.log2(high / low) + 1 }, (_, i) => low * 2 ** i)

/** 1, 2, 4 … and all. */
const threadSteps = (all) =>
  [...powers(1, 2 ** Math.floor(Math.log2(all))), all].filter((n, i, list) => n !== list[i - 1])

function sweeps(options) {
  const counts = threadCounts(options)
  const some = (list) => (options.quick ? list.slice(0, 3) : list)
  return [
    {
      name: 'batch',
      title: '784-50-10, sigmoid: by batch size',
      values: some(powers(1, 8192)),
      job: (batch) => ({ ...MNIST_JOB, batch }),
      counts,
    },
    {
      name: 'width',
      title: '784-w-w-10, ReLU, batch 128: by width w',
      values: some(powers(16, 4096)),
      job: (width) => ({ ...MLP, hidden: [width, width] }),
      counts,
    },
    {
      name: 'depth',
      title: '784-128-…-10, ReLU, batch 128: by hidden layers',
      values: some(powers(1, 32)),
      job: (depth) => ({ ...MLP, hidden: new Array(depth).fill(128) }),
      counts,
    },
    {
      name: 'threads',
      title: '784-512-512-10, ReLU, batch 128: by threads',
      values: options.threads === undefined ? threadSteps(allThreads) : counts,
      job: () => ({ ...MLP, hidden: options.quick ? [64, 64] : [512, 512] }),
    },
  ]
}

async function measureJob(job, threads, { options, report, limits }, work) {
  useThreads(threads)
  const { step, parameters } = trainingStep(job)
  const { ns, spread, samples } = await measure(replayed(step), options)
  const flops = flopsPerSample(job)
  const gigaflops = (flops * job.batch) / ns
  const limit = limits.peak.float32[threads]
  report.line({
    work,
    threads,
    value: ns / job.batch,
    unit: 'ns/sample',
    median: ns,
    spread,
    samples,
    share: limit && gigaflops / limit,
    limit,
    note: `${Math.round((1e9 * job.batch) / ns).toLocaleString('en-US')} samples/s, ${flops.toLocaleString('en-US')} flop a sample, ${gigaflops.toPrecision(3)} GFLOP/s`,
    samplesPerSec: (1e9 * job.batch) / ns,
    flopsPerSample: flops,
    gigaflops,
    parameters,
    job,
  })
  return ns / job.batch
}

export async function run(context) {
  const { options, report, limits } = context
  const machine = `${cpu}, ${isa}, ${origin.date}, ${origin.commit}`
  for (const { name, title, values, job, counts } of sweeps(options)) {
    if (!options.wants(name)) continue
    report.section(title)
    const series = []
    // In turn, so that a slow minute of the machine meets all threads alike.
    const times = new Map((counts ?? [0]).map((threads) => [threads, []]))
    for (const value of values)
      for (const threads of times.keys())
        times.get(threads).push(await measureJob(job(value), threads || value, context, `${name} ${value}`))
    for (const [threads, y] of times)
      series.push({ name: threads ? counted(threads, 'thread') : 'measured', x: values, y })
    for (const threads of counts ?? []) {
      const peak = limits.peak.float32[threads]
      if (peak)
        series.push({
          name: `at the peak, ${counted(threads, 'thread')}`,
          x: values,
          y: values.map((v) => flopsPerSample(job(v)) / peak),
        })
    }
    if (!counts)
      series.push({ name: 'divided perfectly', x: values, y: values.map((v) => (series[0].y[0] * values[0]) / v) })
    const svg = await linePlot({
      title,
      xLabel: `${name} (${machine})`,
      yLabel: 'ns a sample',
      series,
      logX: true,
      logY: true,
    })
    const file = path.join(options.out, `scaling-${name}.svg`)
    fs.writeFileSync(file, svg)
    report.text(`wrote ${path.relative(process.cwd(), file)}`)
  }
}
