import type { SingleBar } from 'cli-progress'

export interface ProgressOptions {
  /** Number of epochs in all. */
  epochs: number
  /** Training steps of one epoch. */
  steps: number
  /** Examples of one step and of an epoch; when given, the bar shows examples per second. */
  batchSize?: number | undefined
  rows?: number | undefined
  /** Where to write. Default: standard error, so that standard output is left for results. */
  stream?: NodeJS.WriteStream | undefined
}

/** Shows how training proceeds. Epochs and steps count from 1. */
export interface Progress {
  start(epoch: number): void
  /** After `step` steps of the epoch. */
  update(step: number, metrics: Record<string, number>): void
  /** Writes the epoch's line. */
  endEpoch(epoch: number, metrics: Record<string, number>, seconds: number): void
  /** Ends the display and restores the cursor; may be called at any time, more than once. */
  stop(): void
}

const ignore = () => {}
let writing = 0

/** A reader that has gone away is no reason to end a training. Gives what ends that, as soon as all was written. */
function outlastReader(stream: NodeJS.WriteStream): () => void {
  if (writing++ === 0) stream.on('error', ignore)
  let ended = false
  return () => {
    if (ended) return
    ended = true
    // An error is told after the write's own callback.
    stream.write('', () => setImmediate(() => --writing === 0 && stream.off('error', ignore)))
  }
}

/** A bar with the time left on a terminal; elsewhere, and under CI, one plain line an epoch. */
export async function createProgress(options: ProgressOptions): Promise<Progress> {
  const stream = options.stream ?? process.stderr
  const ci = process.env.CI
  const isTerminal =
    stream.isTTY === true &&
    process.env.TERM !== 'dumb' &&
    (ci === undefined || ci === '' || ci === '0' || ci === 'false')
  const progress = isTerminal ? await barProgress(options, stream) : lineProgress(options, stream)
  if (stream !== process.stderr) return progress
  const end = outlastReader(stream)
  return {
    ...progress,
    stop() {
      progress.stop()
      end()
    },
  }
}

/** Four digits: after the point for ordinary values, in all for very small and very large ones. */
export function formatMetric(value: number): string {
  const size = Math.abs(value)
  return Number.isFinite(value) && size !== 0 && (size < 0.001 || size >= 1e5)
    ? value.toExponential(3)
    : value.toFixed(4)
}

function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds)
  return whole < 60 ? `${whole}s` : `${Math.floor(whole / 60)}m${whole % 60}s`
}

function formatMetrics(metrics: Record<string, number>): string {
  return Object.entries(metrics)
    .map(([name, value]) => `  ${name} ${formatMetric(value)}`)
    .join('')
}

function epochLine(epochs: number, epoch: number, metrics: Record<string, number>, seconds: number): string {
  const number = String(epoch).padStart(String(epochs).length)
  return `epoch ${number}/${epochs}  ${seconds.toFixed(1)} s${formatMetrics(metrics)}\n`
}

function lineProgress({ epochs }: ProgressOptions, stream: NodeJS.WriteStream): Progress {
  return {
    start() {},
    update() {},
    endEpoch(epoch, metrics, seconds) {
      stream.write(epochLine(epochs, epoch, metrics, seconds))
    },
    stop() {},
  }
}

const SHOW_CURSOR = '\x1b[?25h'
const WRAP_LINES = '\x1b[?7h'
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Loaded only here: most runs do not write to a terminal. Within jest, say, nothing can be imported later. */
async function loadBar(): Promise<typeof SingleBar | undefined> {
  try {
    return (await import('../vendor/cli-progress.js')).SingleBar
  } catch {
    return undefined
  }
}

/** A bar on its way: `restore` is called at the end of the process, `stop` at a signal before. */
interface Running {
  restore(): void
  stop(): void
}

const running = new Set<Running>()

function onExit(): void {
  for (const bar of running) bar.restore()
}

/** Called before others, of whom some listen once. A signal that nobody else listens to ends the process as it would without us. */
function onSignal(signal: NodeJS.Signals): void {
  const alone = process.listenerCount(signal) === 1
  for (const bar of running) bar.stop()
  if (alone) process.kill(process.pid, signal)
}

/** What may end the process is listened for once, however many fits there are: Node warns of more than ten listeners. */
function listen(change: () => void): void {
  const before = running.size > 0
  change()
  const now = running.size > 0
  if (now === before) return
  const method = now ? 'prependListener' : 'removeListener'
  const on: NodeJS.EventEmitter = process
  on[method]('exit', onExit)
  for (const signal of SIGNALS) on[method](signal, onSignal)
}

const BAR = {
  barsize: 24,
  barCompleteChar: '█',
  barIncompleteChar: '░',
  hideCursor: true,
  clearOnComplete: true,
  // onExit and onSignal restore the cursor at signals and at the end of the process.
  gracefulExit: false,
}

async function barProgress(
  { epochs, steps, batchSize = 0, rows = 0 }: ProgressOptions,
  stream: NodeJS.WriteStream,
): Promise<Progress> {
  const Bar = await loadBar()
  if (Bar === undefined) return lineProgress({ epochs, steps }, stream)
  let bar: SingleBar | undefined
  let current = 0
  let started = 0
  const restore = () => stream.write(SHOW_CURSOR + WRAP_LINES)
  const endBar = () => {
    if (bar === undefined) return
    const ended = bar
    bar = undefined
    try {
      ended.stop()
    } finally {
      restore()
    }
  }
  const stop = () => {
    endBar()
    current = 0
    listen(() => running.delete(own))
  }
  const own = { restore, stop }
  return {
    start(epoch) {
      endBar()
      current = epoch
      started = performance.now()
    },
    update(step, metrics) {
      const seconds = (performance.now() - started) / 1000
      const left = step > 0 ? `  ${formatSeconds((seconds * (steps - step)) / step)} left` : ''
      const speed =
        rows > 0 && seconds > 0
          ? `  ${Math.round(Math.min(step * batchSize, rows) / seconds).toLocaleString('en')}/s`
          : ''
      const rest = left + speed + formatMetrics(metrics)
      if (bar !== undefined) bar.update(step, { rest })
      else if (current > 0 && step < steps) {
        // Only now: an epoch that has ended before this has its line, and needs no bar.
        listen(() => running.add(own))
        bar = new Bar({ ...BAR, stream, format: `epoch ${current}/${epochs} {bar} {value}/{total}{rest}` })
        bar.start(steps, step, { rest })
      }
    },
    endEpoch(epoch, metrics, seconds) {
      endBar()
      current = 0
      stream.write(epochLine(epochs, epoch, metrics, seconds))
    },
    stop,
  }
}
