/** Numbers; null, of JSON, stands for one that is not finite. */
export type Numbers = ArrayLike<number | null>

/** What `fit` returns, or the same read back from JSON: there null stands for a value that was not finite. */
export interface HistoryLike {
  /** Epoch numbers from 1. */
  epoch: Numbers
  /** One value an epoch: loss, accuracy, valLoss … */
  history: Readonly<Record<string, Numbers>>
  /** One value a step: loss, accuracy … */
  steps?: Readonly<Record<string, Numbers>> | undefined
}

/** One curve. Where x or y is not finite (or not positive, on a logarithmic axis) the curve has a gap. */
export interface Series {
  /** Shown in the legend. */
  name: string
  /** As many as y. */
  x: Numbers
  y: Numbers
  /** Thin and pale, in the colour of the series after it, and without a tooltip: raw data behind its running mean. */
  faint?: boolean | undefined
}

/** One diagram. */
export interface PanelOptions {
  /** Above the diagram. */
  title?: string | undefined
  /** Below the axis of x. */
  xLabel?: string | undefined
  /** Beside the axis of y. */
  yLabel?: string | undefined
  /** One curve each, in colours of their own. */
  series: readonly Series[]
  /** A logarithmic axis of x: values that are not positive are gaps. */
  logX?: boolean | undefined
  /** The same of y. */
  logY?: boolean | undefined
}

export interface Point {
  x: number
  y: number
}

/** Beyond this, differences of two values overflow. */
const HUGE = 1e300
/** Below this there is no power of ten left for a logarithmic axis to begin at. */
const TINY = 1e-300

/** Whether an axis can show the value. */
export function isShown(value: number | null, log: boolean): value is number {
  return typeof value === 'number' && Math.abs(value) < HUGE && (!log || value > TINY)
}

/** Beyond this a list is no data for a diagram; a sparse array or an object may claim any length. */
const MAX_LENGTH = 2 ** 24

/** Whether it is a list of numbers, or of null and undefined in their place, of a length that can be drawn. */
export function isList(value: unknown): value is Numbers {
  if (!Array.isArray(value) && !ArrayBuffer.isView(value)) return false
  const { length } = value as ArrayLike<unknown>
  if (!(length <= MAX_LENGTH)) return false // DataViews have none
  for (let i = 0; i < length; i++) {
    const item = (value as ArrayLike<unknown>)[i]
    if (typeof item !== 'number' && item !== null && item !== undefined) return false
  }
  return true
}

/** The smallest and largest value an axis must show; undefined when there is none. */
export function extent(lists: Numbers[], log: boolean): [number, number] | undefined {
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (const list of lists) {
    for (let i = 0; i < list.length; i++) {
      const value = list[i]
      if (!isShown(value, log)) continue
      if (value < low) low = value
      if (value > high) high = value
    }
  }
  return low <= high ? [low, high] : undefined
}

/**
 * The curve in pixels, in pieces without gaps. Of many points in one column of pixels only the first, lowest, highest
 * and last are kept: the picture is the same and the file small.
 */
export function toPixels(
  series: Series,
  toX: (x: number) => number,
  toY: (y: number) => number,
  logX: boolean,
  logY: boolean,
): Point[][] {
  const pieces: Point[][] = []
  let piece: Point[] = []
  // Of the column on the way, by number in the series.
  let [count, first, low, high, last] = [0, 0, 0, 0, 0]
  let [column, lowY, highY] = [0, 0, 0]
  const flush = () => {
    const all = Array.from({ length: Math.min(count, 4) }, (_, i) => first + i)
    const kept = count <= 4 ? all : [...new Set([first, low, high, last].sort((a, b) => a - b))]
    for (const i of kept) piece.push({ x: toX(series.x[i] as number), y: toY(series.y[i] as number) })
    count = 0
  }
  const end = () => {
    flush()
    if (piece.length > 0) pieces.push(piece)
    piece = []
  }
  for (let i = 0; i < Math.min(series.x.length, series.y.length); i++) {
    const [valueX, valueY] = [series.x[i], series.y[i]]
    if (!isShown(valueX, logX) || !isShown(valueY, logY)) {
      end()
      continue
    }
    const x = Math.floor(toX(valueX))
    const y = toY(valueY)
    if (count > 0 && x !== column) flush()
    if (count === 0) {
      column = x
      first = low = high = i
      lowY = highY = y
    } else if (y < lowY) {
      low = i
      lowY = y
    } else if (y > highY) {
      high = i
      highY = y
    }
    last = i
    count++
  }
  end()
  return pieces
}

/** The mean of the finite ones of the last `window` values; NaN where the value itself is not finite. */
export function runningMean(values: Numbers, window: number): Float64Array {
  const means = new Float64Array(values.length)
  // Of the block of values before, sums and counts from each place to its end. With those of this block so far they make a
  // window's: nothing is subtracted, so a spike leaves no trace once it is out of the window.
  const sums = new Float64Array(window + 1)
  const counts = new Float64Array(window + 1)
  for (let start = 0; start < values.length; start += window) {
    const end = Math.min(values.length, start + window)
    for (let i = start, sum = 0, count = 0; i < end; i++) {
      const value = values[i] as number
      const shown = Number.isFinite(value)
      if (shown) {
        sum += value
        count++
      }
      const rest = i - start + 1
      means[i] = shown ? (sum + sums[rest]) / (count + counts[rest]) : Number.NaN
    }
    for (let k = window - 1; k >= 0; k--) {
      const value = values[start + k] as number
      const shown = Number.isFinite(value)
      sums[k] = sums[k + 1] + (shown ? value : 0)
      counts[k] = counts[k + 1] + (shown ? 1 : 0)
    }
  }
  return means
}
