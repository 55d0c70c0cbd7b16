import { checkFlag, checkOptions, describe, TypeMismatchError, ValueError } from '../errors.js'
import { makeScale, marks, type Scale, type Tick } from './axis.js'
import { COLORS, svgDocument } from './panel.js'
import { extent, isShown } from './series.js'
import { checkText, escapeXml, formatValue, inRows, px, shorten, widthOf } from './text.js'

/** A bar of barPlot(). */
export interface Bar {
  /** Stands left of the bar. */
  name: string
  /** Its length on the axis. */
  value: number
  /** Bars of one group have one colour, of seven; with more than one group a legend names them. */
  group?: string | undefined
  /** Follows the value in parentheses, right of the bar. */
  note?: string | undefined
}

/** What barPlot() draws. */
export interface BarPlotOptions {
  /** Above the bars. */
  title?: string | undefined
  /** Below the axis. */
  xLabel?: string | undefined
  /** From top to bottom. */
  bars: readonly Bar[]
  /** A logarithmic axis, from a power of ten below the smallest value; values that are not positive have no bar. */
  logX?: boolean | undefined
  /** Small print below the axis. */
  caption?: string | undefined
}

const WIDTH = 840
const PITCH = 28
const THICK = 20
const RIGHT = 24
const BOTTOM = 58
/** Left of all, and pixels of a line of small print. */
const LEFT = 20
const SMALL = 18
/** Pixels of a name, and of a note, that leave room for bars. */
const NAME = 360
const NOTE = 180

/**
 * Draws horizontal bars with their names and values (840 pixels wide).
 * @returns an SVG document
 * @throws ValueError without a bar, TypeMismatchError for a bar without name or value
 */
export async function barPlot(options: BarPlotOptions): Promise<string> {
  const {
    title = '',
    xLabel = '',
    bars,
    logX = false,
    caption,
  } = checkOptions('barPlot', options, ['title', 'xLabel', 'bars', 'logX', 'caption'])
  for (const [name, text] of Object.entries({ title, xLabel, caption })) checkText('barPlot', name, text)
  checkFlag('barPlot', 'logX', logX)
  check(bars)
  const groups = [...new Set(bars.map((bar) => bar.group ?? ''))]
  const longestOf = (textOf: (bar: Bar) => string) =>
    bars.reduce((most, bar) => Math.max(most, widthOf(textOf(bar))), 0)
  const left = LEFT + 8 + longestOf(nameOf)
  const longest = longestOf(labelOf)
  const legend = groups.length > 1 ? drawLegend(groups) : { svg: '', height: 0 }
  const top = 46 + legend.height
  const bottom = top + PITCH * bars.length
  const print = wrap(caption ?? '')
  const height = bottom + BOTTOM + SMALL * print.length
  const x = makeScale(domainOf(bars, logX), [left, WIDTH - RIGHT - longest], logX, true)

  const out = [
    `<text class="lw-title" x="${LEFT}" y="26">${escapeXml(shorten(title, WIDTH - 2 * LEFT, 16, true))}</text>`,
  ]
  if (legend.svg) out.push(legend.svg)
  out.push(...drawAxis(x, logX, top, bottom))
  bars.forEach((bar, i) => {
    out.push(drawBar(bar, x, logX, top + PITCH * i, COLORS[groups.indexOf(bar.group ?? '') % COLORS.length]))
  })
  out.push(`<line class="lw-axis" x1="${px(left)}" x2="${px(left)}" y1="${top}" y2="${bottom}"/>`)
  const middle = px((left + x.range()[1]) / 2)
  out.push(
    `<text x="${middle}" y="${bottom + 42}" text-anchor="middle">${escapeXml(shorten(xLabel, x.range()[1] - left))}</text>`,
  )
  print.forEach((line, i) => {
    const y = height - 12 - SMALL * (print.length - 1 - i)
    out.push(`<text class="lw-tick" x="${LEFT}" y="${y}">${escapeXml(line)}</text>`)
  })
  return svgDocument(WIDTH, height, title, out.join('\n'))
}

const fits = (text: string) => widthOf(text, 12) <= WIDTH - 2 * LEFT

/** Lines of small print that fit the width. */
function wrap(text: string): string[] {
  const lines: string[] = []
  for (const word of text.split(' ').filter(Boolean).flatMap(pieces)) {
    const last = lines[lines.length - 1]
    if (last !== undefined && fits(`${last} ${word}`)) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

/** What is too long for a line, as text without spaces is, in lines of its own. */
function pieces(word: string): string[] {
  if (fits(word)) return [word]
  const done: string[] = []
  let piece = ''
  for (const character of word) {
    if (piece && !fits(piece + character)) {
      done.push(piece)
      piece = ''
    }
    piece += character
  }
  return [...done, piece]
}

function check(bars: unknown): void {
  if (!Array.isArray(bars) || bars.length === 0) throw new ValueError('barPlot', 'at least one bar', describe(bars))
  for (const bar of bars) {
    if (typeof bar?.name !== 'string' || typeof bar.value !== 'number')
      throw new TypeMismatchError('barPlot', 'bars { name, value }', describe(bar))
    checkOptions('barPlot', bar as Bar, ['name', 'value', 'group', 'note'])
    checkText('barPlot', 'group', bar.group)
    checkText('barPlot', 'note', bar.note)
  }
}

/** From 0, or on a logarithmic axis from the power of ten below the smallest value, so that each bar can be seen. */
function domainOf(bars: readonly Bar[], log: boolean): [number, number] | undefined {
  const range = extent([bars.map((bar) => bar.value)], log)
  if (range === undefined) return undefined
  const [low, high] = range
  if (!log) return [Math.min(0, low), Math.max(0, high)]
  const power = 10 ** Math.floor(Math.log10(low))
  return [power < 0.999 * low ? power : power / 10, high]
}

const nameOf = ({ name }: Bar) => shorten(name, NAME)

function labelOf({ value, note }: Bar): string {
  const size = Math.abs(value)
  const plain = size >= 1e-4 && size < 1000
  const figure =
    size >= 1000 && size < 1e9 ? comma(Math.round(value)) : plain ? `${+value.toPrecision(5)}` : formatValue(value)
  const text = withMinus(figure)
  return note ? `${text} (${shorten(note, NOTE)})` : text
}

function drawAxis(x: Scale, log: boolean, top: number, bottom: number): string[] {
  const labelOf = ({ value, label }: Tick) => (isPlain(value) ? withMinus(comma(value)) : label)
  return marks(x, log, 6, WIDTH, { labelOf }).flatMap(({ at, middle, label }) => [
    `<line class="lw-grid" x1="${px(at)}" x2="${px(at)}" y1="${top}" y2="${bottom}"/>`,
    `<text class="lw-tick" x="${px(middle)}" y="${bottom + 18}" text-anchor="middle">${escapeXml(label)}</text>`,
  ])
}

const isPlain = (value: number) => Number.isInteger(value) && Math.abs(value) < 1e12
const comma = (value: number) => value.toLocaleString('en-US')
/** As the axis has it; the sign of an exponent stays. */
const withMinus = (figure: string) => figure.replace(/^-/, '−')

function drawBar(bar: Bar, x: Scale, log: boolean, top: number, color: string): string {
  const [start] = x.range()
  const zero = log ? start : x(0)
  const end = isShown(bar.value, log) ? x(bar.value) : zero
  const [from, to] = [Math.min(zero, end), Math.max(zero, end)]
  const label = escapeXml(labelOf(bar))
  const y = top + PITCH / 2
  return `<g><title>${escapeXml(bar.name)}: ${label}</title>
<text x="${px(start - 8)}" y="${y}" dy=".35em" text-anchor="end">${escapeXml(nameOf(bar))}</text>
<rect class="lw-bar" x="${px(from)}" y="${top + (PITCH - THICK) / 2}" width="${px(to - from)}" height="${THICK}" fill="${color}"/>
<text x="${px(to + 6)}" y="${y}" dy=".35em">${label}</text></g>`
}

/** The groups' names in rows below the title. */
function drawLegend(groups: string[]): { svg: string; height: number } {
  const ROW = 22
  const named = groups.filter(Boolean)
  const placed = inRows(named, LEFT, WIDTH - LEFT, 20, 14)
  const svg = placed.flatMap(({ name, left, row }, i) => {
    const at = 40 + ROW * row
    const color = COLORS[groups.indexOf(named[i]) % COLORS.length]
    return [
      `<rect x="${px(left)}" y="${at}" width="14" height="14" fill="${color}"/>`,
      `<text x="${px(left + 20)}" y="${at + 7}" dy=".35em">${escapeXml(name)}</text>`,
    ]
  })
  return { svg: svg.join('\n'), height: ROW * (1 + (placed.at(-1)?.row ?? 0)) }
}
