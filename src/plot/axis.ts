import type { ScaleContinuousNumeric } from 'd3-scale'
import { scaleLinear, scaleLog } from '../vendor/d3.js'
import { widthOf } from './text.js'

export type Scale = ScaleContinuousNumeric<number, number, never>

export function makeScale(
  range: [number, number] | undefined,
  pixels: [number, number],
  log: boolean,
  nice: boolean,
): Scale {
  let [low, high] = range ?? (log ? [1, 10] : [0, 1])
  const margin = Math.abs(high) > 1e-299 ? Math.abs(high) * 0.1 : 1
  if (!(high - low > 1e-300)) [low, high] = log ? [low / 2, high * 2] : [low - margin, high + margin]
  const scale = (log ? scaleLog() : scaleLinear()).domain([low, high]).range(pixels)
  return nice && !log ? scale.nice() : scale
}

export interface Tick {
  value: number
  label: string
}

/**
 * At most about `count` round values with their labels; on a logarithmic axis powers of ten, or 1, 2, 5 of few decades.
 * @param whole integers only
 */
export function ticks(scale: Scale, log: boolean, count: number, whole = false): Tick[] {
  const values = scale.ticks(count).filter((value) => !whole || Number.isInteger(value))
  if (!log) {
    // As many digits as tell neighbours apart, and one notation for all.
    if (values.every(isPlain)) {
      const format = scale.tickFormat(count, values.every(Number.isInteger) ? ',d' : undefined)
      return values.map((value) => ({ value, label: format(value) }))
    }
    const format = scale.tickFormat(count, '~e')
    return values.map((value) => ({ value, label: value === 0 ? '0' : format(value).replace('e+', 'e') }))
  }
  const isMultiple = (value: number, of: number) =>
    Math.abs(Math.log10(value / of) - Math.round(Math.log10(value / of))) < 1e-9
  const powers = values.filter((value) => isMultiple(value, 1))
  const few = values.filter((value) => [1, 2, 5].some((of) => isMultiple(value, of)))
  const chosen = powers.length >= 3 ? powers : few.length >= 2 ? few : values
  const every = Math.ceil(chosen.length / (count + 1))
  const shown = chosen.filter((_, i) => i % every === 0)
  const labels = (digits: number) => shown.map((value) => short(value, digits))
  let digits = 6
  while (digits < 17 && new Set(labels(digits)).size < shown.length) digits++
  return labels(digits).map((label, i) => ({ value: shown[i], label }))
}

/** A tick of a horizontal axis, in pixels: where it is, and the middle of its label. */
export interface Mark {
  at: number
  middle: number
  label: string
}

/**
 * As many of `most` ticks of a horizontal axis as have room for their labels side by side, and before `end`.
 * @param labelOf where they are called otherwise
 */
export function marks(
  scale: Scale,
  log: boolean,
  most: number,
  end: number,
  { whole = false, labelOf = ({ label }: Tick) => label } = {},
): Mark[] {
  const GAP = 8
  for (let count = most; ; count--) {
    let free = Number.NEGATIVE_INFINITY
    let fits = true
    const all = ticks(scale, log, count, whole).map((tick) => {
      const label = labelOf(tick)
      const half = widthOf(label, 12) / 2
      const at = scale(tick.value)
      const middle = Math.min(at, end - half)
      fits &&= middle - half >= free
      free = middle + half + GAP
      return { at, middle, label }
    })
    if (fits || count === 1) return fits ? all : all.slice(0, 1)
  }
}

/** 0.00001 → 1e-5, 1500000 → 1.5e6 */
function short(value: number, digits: number): string {
  const rounded = Number(value.toPrecision(digits))
  return isPlain(value) ? String(rounded) : rounded.toExponential().replace('e+', 'e')
}

/** Whether plain decimal notation stays short. */
function isPlain(value: number): boolean {
  return value === 0 || (Math.abs(value) >= 1e-4 && Math.abs(value) < 1e6)
}

/** At most so many of the places 0 … length − 1, evenly chosen: the first and the last among them. */
export function evenPlaces(length: number, most: number): number[] {
  const count = Math.min(length, most)
  return Array.from({ length: count }, (_, i) => (count > 1 ? Math.round((i * (length - 1)) / (count - 1)) : 0))
}
