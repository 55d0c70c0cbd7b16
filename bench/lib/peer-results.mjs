// What the peers' runs come to: JSON lines, a Markdown table, a table for the terminal, and a bar chart.
import { barPlot } from 'lanewise/plot'
import { allThreads, cpu } from './engine.mjs'
import { counted } from './options.mjs'
import { figure, percent, table } from './report.mjs'

function workOf({ hidden, activation, batch, optimizer }) {
  const network = `784-${hidden.join('-')}-10${activation === 'relu' ? ', ReLU' : ''}`
  return `${network}, batch ${batch}, ${optimizer === 'adam' ? 'Adam' : 'SGD'}`
}

/**
 * One line a peer, the fastest first, then those that were skipped. `ratio` says how many times faster lanewise is, at its
 * default: native, with all threads.
 */
export function toLines(runs, { job, rounds, ...host }) {
  const done = runs.filter(({ error }) => error === undefined)
  const usual = done.filter(({ entry }) => entry.kind === 'lanewise' && entry.backend === 'native').at(-1)
  const common = { suite: 'peers', work: workOf(job) }
  const lines = done.map(({ entry, result, rate }) => ({
    ...common,
    peer: entry.name,
    group: entry.group,
    version: result.version,
    backend: entry.backend ?? entry.name,
    isa: result.isa ?? null,
    threads: result.threads ?? entry.threads ?? null,
    cpu,
    value: Number(rate.median.toPrecision(6)),
    unit: 'samples/s',
    median: Number((1e9 / rate.median).toPrecision(6)),
    spread: Number(rate.spread.toPrecision(3)),
    samples: rate.samples,
    ratio: usual && Number((usual.rate.median / rate.median).toPrecision(4)),
    trainedSamples: result.samples,
    testAccuracy: result.testAccuracy,
    rounds,
    ...host,
  }))
  lines.sort((a, b) => b.value - a.value)
  const skipped = runs.filter(({ error }) => error !== undefined)
  return [
    ...lines,
    ...skipped.map(({ entry, error }) => ({
      ...common,
      ...host,
      cpu,
      peer: entry.name,
      group: entry.group,
      skipped: error,
    })),
  ]
}

const rough = (ratio) => figure(Number(ratio.toPrecision(3)))

const HEAD = ['peer', 'version', 'samples/s', 'spread', 'lanewise ÷ peer', 'trained on', 'test accuracy']

const cells = ({ peer, version, value, spread, ratio, trainedSamples, testAccuracy }) => [
  peer,
  version ?? '',
  figure(value),
  `±${percent(spread, 1)}`,
  ratio === undefined ? '' : rough(ratio),
  figure(trainedSamples),
  percent(testAccuracy, 1),
]

const measured = (lines) => lines.filter(({ value }) => value !== undefined)
const skipped = (lines) => lines.filter((line) => line.skipped !== undefined)

function circumstances(lines) {
  const { date, node, platform, rounds, commit } = measured(lines)[0] ?? {}
  const machine = `${cpu}, ${counted(allThreads, 'processor')}, ${platform}`
  return `${machine}, Node ${node}, ${date}, commit ${commit}; medians of ${counted(rounds, 'round')} in turn`
}

export function toText(lines) {
  const reasons = skipped(lines).map((line) => `skipped: ${line.peer} (${line.skipped})`)
  if (measured(lines).length === 0) return reasons.join('\n')
  return [
    `${lines[0].work}: ${circumstances(lines)}`,
    '',
    table([HEAD, ...measured(lines).map(cells)]),
    ...reasons,
  ].join('\n')
}

export function toMarkdown(lines) {
  const row = (list) => `| ${list.join(' | ')} |`
  const escaped = (text) => String(text).replaceAll('|', '\\|')
  const reasons = skipped(lines).map((line) => `- skipped: ${line.peer} (${line.skipped})`)
  const body =
    measured(lines).length === 0
      ? []
      : [
          `${circumstances(lines)}.`,
          '',
          row(HEAD),
          row(HEAD.map((_, i) => (i < 2 ? '---' : '---:'))),
          ...measured(lines).map((line) => row(cells(line).map(escaped))),
          '',
        ]
  return `${[`# Training on MNIST: ${lines[0].work}`, '', ...body, ...reasons].join('\n').trimEnd()}\n`
}

/** From this ratio of the fastest to the slowest on, the axis is logarithmic. */
const FAR_APART = 20

export function toChart(lines) {
  const shown = measured(lines)
  const usual = shown.find(({ ratio }) => ratio === 1)
  const far = shown[0].value / shown.at(-1).value > FAR_APART
  const verdict = (ratio) => (ratio > 1 ? `${rough(ratio)} x slower` : `${rough(1 / ratio)} x faster`)
  return barPlot({
    title: `Training on MNIST: ${lines[0].work}`,
    xLabel: far ? 'samples a second (logarithmic)' : 'samples a second',
    logX: far,
    caption: usual ? `${circumstances(lines)}; compared with ${usual.peer}` : circumstances(lines),
    bars: shown.map(({ peer, group, value, ratio }) => ({
      name: peer,
      group,
      value: Math.round(value),
      ...(ratio === undefined || group === 'lanewise' ? {} : { note: verdict(ratio) }),
    })),
  })
}
