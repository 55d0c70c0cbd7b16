import type { SingleBar } from 'cli-progress'

export interface ProgressOptions {
  /** Number of epochs in all. */
  epochs: number
  /** Training steps of one epoch. */
  steps: number
  /** Examples of one step; when given, the bar shows examples per second. */
  batchSize?: number
  /** Where to write. Default: standard error, so that standard output is left for results. */
  stream?: NodeJS.WriteStream
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

/** A bar with the time left on a terminal; elsewhere, and under CI, one plain line an epoch. */
export async function createProgress(options: ProgressOptions): Promise<Progress> {
  const stream = options.stream ?? process.stderr
  const ci = process.env.CI
  const isTerminal = stream.isTTY === true && (ci === undefined || ci === '' || ci === '0' || ci === 'false')
  return isTerminal ? barProgress(options, stream) : lineProgress(options, stream)
}

/** Four digits: after the point for ordinary values, in all for very small and very large ones. */
export function formatMetric(value: number): string {
  const size = Math.abs(value)
  return Number.isFinite(value) && size !== 0 && (size < 0.001 || size >= 1e5)
    ? value.toExponential(3)
    : value.toFixed(4)
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

async function barProgress(
  { epochs, steps, batchSize }: ProgressOptions,
  stream: NodeJS.WriteStream,
): Promise<Progress> {
  // Loaded only here: most runs do not write to a terminal.
  const { SingleBar: Bar } = await import('../vendor/cli-progress.js')
  let bar: SingleBar | undefined
  let started = 0
  const restore = () => stream.write(SHOW_CURSOR + WRAP_LINES)

  const stop = () => {
    if (bar === undefined) return
    const running = bar
    bar = undefined
    process.removeListener('exit', restore)
    try {
      running.stop()
    } finally {
      restore()
    }
  }
  return {
    start(epoch) {
      stop()
      process.once('exit', restore)
      bar = new Bar({
        stream,
        format: `epoch ${epoch}/${epochs} {bar} {value}/{total}  {eta_formatted} left{rest}`,
        barsize: 24,
        barCompleteChar: '█',
        barIncompleteChar: '░',
        hideCursor: true,
        clearOnComplete: true,
        // A signal is the program's to handle; the exit listener restores the cursor.
        gracefulExit: false,
      })
      started = performance.now()
      bar.start(steps, 0, { rest: '' })
    },
    update(step, metrics) {
      const seconds = (performance.now() - started) / 1000
      const speed =
        batchSize && seconds > 0 ? `  ${Math.round((step * batchSize) / seconds).toLocaleString('en')}/s` : ''
      bar?.update(step, { rest: speed + formatMetrics(metrics) })
    },
    endEpoch(epoch, metrics, seconds) {
      stop()
      stream.write(epochLine(epochs, epoch, metrics, seconds))
    },
    stop,
  }
}
