import { line } from '../vendor/d3.js'
import { evenPlaces, type Mark, makeScale, marks, type Scale, type Tick, ticks } from './axis.js'
import { extent, isShown, type PanelOptions, type Point, type Series, toPixels } from './series.js'
import { escapeXml, formatValue, inRows, px, shorten, widthOf } from './text.js'

/** Okabe and Ito's colours, which people of all kinds of colour vision can tell apart. */
export const COLORS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000']
const DASHES = ['', '7 4', '2 3']
export const WIDTH = 560
export const HEIGHT = 420
/** Where the axis is, with labels of ordinary length. */
const LEFT = 72
const RIGHT = 20
const BOTTOM = 54
/** Of the legend: from there on it says how many more there are (tooltips have them all). */
const MAX_LEGEND_ROWS = 6
const MAX_MARKERS = 40
const MAX_STRIPS = 120

const STYLE = `
.lw{font:13px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,'DejaVu Sans',sans-serif;fill:#333}
.lw-title{font-size:16px;font-weight:600;fill:#111}.lw-head{font-size:20px;font-weight:600;fill:#111}
.lw-grid{stroke:#e6e6e6}.lw-axis{stroke:#666}.lw-tick{font-size:12px;fill:#555}
.lw-curve{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.lw-faint{stroke-width:1;stroke-opacity:.35}
.lw-strip{fill:#000;fill-opacity:0}.lw-strip:hover{fill-opacity:.07}
`

export function svgDocument(width: number, height: number, label: string, content: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" class="lw" role="img" aria-label="${escapeXml(label)}">
<style>${STYLE}</style>
<rect width="${width}" height="${height}" fill="#fff"/>
${content}
</svg>
`
}

/** One diagram of 560 x 420 pixels, as an SVG group with its upper left corner at (0, 0). */
export function drawPanel(options: PanelOptions): string {
  const { title = '', series, logX = false, logY = false } = options
  const styles = styleSeries(series)
  const legend = drawLegend(series, styles)
  const top = 44 + legend.height
  const bottom = HEIGHT - BOTTOM
  const [xs, ys] = [series.map((s) => s.x), series.map((s) => s.y)]
  const y = makeScale(extent(ys, logY), [bottom, top], logY, true)
  const yTicks = ticks(y, logY, 6)
  const left = Math.max(LEFT, 36 + Math.max(0, ...yTicks.map(({ label }) => widthOf(label, 12))))
  const x = makeScale(extent(xs, logX), [left, WIDTH - RIGHT], logX, false)
  const whole = !logX && xs.every((list) => Array.prototype.every.call(list, Number.isInteger))
  const out = [
    `<text class="lw-title" x="${LEFT}" y="26">${escapeXml(shorten(title, WIDTH - LEFT - RIGHT, 16, true))}</text>`,
    legend.svg,
    ...drawAxes(options, { x, y, xMarks: marks(x, logX, 7, WIDTH, { whole }), yTicks }),
    ...drawCurves(options, styles, x, y),
    ...drawStrips(options, x, top, bottom),
  ]
  return `<g>${out.join('\n')}</g>`
}

interface Axes {
  x: Scale
  y: Scale
  xMarks: Mark[]
  yTicks: Tick[]
}

function drawAxes({ xLabel = '', yLabel = '' }: PanelOptions, { x, y, xMarks, yTicks }: Axes): string[] {
  const [left, right] = x.range()
  const [bottom, top] = y.range()
  const out: string[] = []
  for (const { value, label } of yTicks) {
    const at = px(y(value))
    out.push(`<line class="lw-grid" x1="${left}" x2="${right}" y1="${at}" y2="${at}"/>`)
    out.push(`<text class="lw-tick" x="${left - 8}" y="${at}" dy=".35em" text-anchor="end">${escapeXml(label)}</text>`)
  }
  for (const { at: place, middle, label } of xMarks) {
    const at = px(place)
    out.push(`<line class="lw-grid" x1="${at}" x2="${at}" y1="${top}" y2="${bottom}"/>`)
    out.push(`<line class="lw-axis" x1="${at}" x2="${at}" y1="${bottom}" y2="${bottom + 5}"/>`)
    out.push(
      `<text class="lw-tick" x="${px(middle)}" y="${bottom + 20}" text-anchor="middle">${escapeXml(label)}</text>`,
    )
  }
  const [across, down] = [escapeXml(shorten(xLabel, right - left)), escapeXml(shorten(yLabel, bottom - top))]
  const place = `translate(18 ${(top + bottom) / 2}) rotate(-90)`
  out.push(`<path class="lw-axis" fill="none" d="M${left},${top}V${bottom}H${right}"/>`)
  out.push(`<text x="${(left + right) / 2}" y="${HEIGHT - 12}" text-anchor="middle">${across}</text>`)
  out.push(`<text transform="${place}" text-anchor="middle">${down}</text>`)
  return out
}

function drawCurves(
  { series, logX = false, logY = false }: PanelOptions,
  styles: Style[],
  x: Scale,
  y: Scale,
): string[] {
  const curve = line<Point>()
    .x((p) => p.x)
    .y((p) => p.y)
  const out: string[] = []
  let shown = false
  series.forEach((s, i) => {
    const pieces = toPixels(s, x, y, logX, logY)
    shown ||= pieces.length > 0
    const path = pieces.map((piece) => curve(piece)).join('')
    const { color, attributes } = styles[i]
    out.push(`<path ${attributes} d="${path}"/>`)
    const points = pieces.flat()
    if (s.faint || points.length > MAX_MARKERS) return
    for (const point of points) out.push(`<circle cx="${px(point.x)}" cy="${px(point.y)}" r="3.5" fill="${color}"/>`)
  })
  const middle = ([a, b]: number[]) => (a + b) / 2
  if (!shown)
    out.push(
      `<text x="${middle(x.range())}" y="${middle(y.range())}" text-anchor="middle">no ${logX || logY ? 'positive' : 'finite'} values</text>`,
    )
  return out
}

interface Style {
  color: string
  /** Of its curve, and of the line beside its name. */
  attributes: string
}

function styleSeries(series: readonly Series[]): Style[] {
  let number = 0
  return series.map((s) => {
    const color = COLORS[number % COLORS.length]
    if (s.faint) return { color, attributes: `class="lw-curve lw-faint" stroke="${color}"` }
    const dash = DASHES[Math.floor(number++ / COLORS.length) % DASHES.length]
    return { color, attributes: `class="lw-curve" stroke="${color}"${dash ? ` stroke-dasharray="${dash}"` : ''}` }
  })
}

/** Names in rows below the title. */
function drawLegend(series: readonly Series[], styles: Style[]): { svg: string; height: number } {
  const ROW = 20
  const names = series.map((s) => s.name)
  const placed = inRows(names, LEFT, WIDTH - 18, 28, 18)
  const shown = placed.filter(({ row }) => row < MAX_LEGEND_ROWS)
  const out = shown.flatMap(({ name, left, row }, i) => {
    const at = 44 + ROW * row
    return [
      `<path ${styles[i].attributes} d="M${px(left)},${at}h22"/>`,
      `<text x="${px(left + 28)}" y="${at}" dy=".35em">${escapeXml(name)}</text>`,
    ]
  })
  const more = placed.length - shown.length
  if (more > 0) out.push(`<text x="${LEFT}" y="${44 + ROW * MAX_LEGEND_ROWS}" dy=".35em">and ${more} more</text>`)
  const rows = more > 0 ? MAX_LEGEND_ROWS + 1 : (placed.at(-1)?.row ?? -1) + 1
  return { svg: out.join('\n'), height: ROW * rows }
}

/** Invisible columns with a tooltip of all values at that x; of many x an even choice. */
function drawStrips(
  { series, xLabel = '', logX = false }: PanelOptions,
  x: Scale,
  top: number,
  bottom: number,
): string[] {
  const named = series.filter((s) => !s.faint)
  const all = [...new Set(named.flatMap((s) => evenPlaces(s.x.length, 1000).map((i) => s.x[i])))]
    .filter((value) => isShown(value, logX))
    .sort((a, b) => a - b)
  const chosen = evenPlaces(all.length, MAX_STRIPS).map((i) => all[i])
  const maps = named.map((s) => valuesAt(new Set(chosen), s))
  return chosen.map((value, i) => {
    const left = i === 0 ? x.range()[0] : (x(chosen[i - 1]) + x(value)) / 2
    const right = i === chosen.length - 1 ? WIDTH - RIGHT : (x(value) + x(chosen[i + 1])) / 2
    const rows = named.flatMap((s, k) => (maps[k].has(value) ? [`${s.name} ${formatValue(maps[k].get(value))}`] : []))
    const tip = escapeXml([`${xLabel} ${formatValue(value)}`, ...rows].join('\n'))
    const place = `x="${px(left)}" y="${top}" width="${px(right - left)}" height="${bottom - top}"`
    return `<rect class="lw-strip" ${place}><title>${tip}</title></rect>`
  })
}

/** The y at each of some x. */
function valuesAt(wanted: ReadonlySet<number>, { x, y }: Series): Map<number, number | null> {
  const found = new Map<number, number | null>()
  for (let i = 0; i < x.length; i++) {
    const value = x[i] as number
    if (wanted.has(value)) found.set(value, y[i])
  }
  return found
}
