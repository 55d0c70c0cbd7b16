import { describe, TypeMismatchError } from '../errors.js'

/** The text of an option, checked: some values cannot be shown. */
export function checkText(op: string, name: string, value: unknown): void {
  if (value === undefined || typeof value === 'string') return
  throw new TypeMismatchError(op, `${name}: a string`, describe(value))
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text made safe for XML and HTML, attributes included; characters that XML cannot hold are replaced. */
export function escapeXml(text: unknown): string {
  return (
    String(text)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML 1.0 forbids
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
      .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd')
      .replace(/[&<>"']/g, (character) => ESCAPES[character])
  )
}

/** A figure for people: five significant digits, a dash for what is not there. */
export function formatValue(value: unknown): string {
  if (typeof value !== 'number') return '–'
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : '−∞'
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value)
  const size = Math.abs(value)
  if (size < 1e-4 || size >= 1e6) return value.toExponential(3)
  return value.toPrecision(5)
}

/** A place or length in an SVG: two decimals, no more. */
export const px = (value: number): string => String(Math.round(value * 100) / 100)

/** Of one character, in ems, on the safe side: in DejaVu Sans, the widest of the fonts that svgDocument names. */
function ems(character: string): number {
  if (/[ .,:;'|!ijlI()[\]/tfr-]/.test(character)) return 0.41
  if (/[mwMW%@…—\u2e80-\uffff]/.test(character) || character.length > 1) return 1
  return /[A-Z]/.test(character) ? 0.79 : 0.64
}

/** Pixels that text of a size takes; a bold font is a tenth wider. (Nothing here can measure it.) */
export function widthOf(text: string, size = 13, bold = false): number {
  let sum = 0
  for (const character of text) sum += ems(character)
  return sum * size * (bold ? 1.1 : 1)
}

/** As much of a text as fits so many pixels, and … for the rest. */
export function shorten(text: string, pixels: number, size = 13, bold = false): string {
  if (widthOf(text, size, bold) <= pixels) return text
  let kept = ''
  for (const character of text) {
    if (widthOf(`${kept}${character}…`, size, bold) > pixels) break
    kept += character
  }
  return `${kept}…`
}

/** A name in a legend: its mark begins at `left` in this row, its text `before` pixels after. */
interface Placed {
  name: string
  left: number
  row: number
}

/** Names of a legend in rows from pixel `from` to `to`, as much of each as fits one: `before` pixels for its mark, `gap` behind it. */
export function inRows(names: readonly string[], from: number, to: number, before: number, gap: number): Placed[] {
  let [next, row] = [from, 0]
  return names.map((given) => {
    const name = shorten(given, to - from - before)
    const width = before + widthOf(name)
    if (next > from && next + width > to) {
      next = from
      row++
    }
    const left = next
    next += width + gap
    return { name, left, row }
  })
}

/** 'valSparseAccuracy' → 'Val sparse accuracy' */
export function humanize(name: string): string {
  const words = name
    .replace(/_/g, ' ')
    .replace(/([a-z\d])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`)
  return words.charAt(0).toUpperCase() + words.slice(1)
}
