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

/** At most so many characters. */
export function shorten(text: string, length: number): string {
  const characters = [...text]
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`
}

/** 'valSparseAccuracy' → 'Val sparse accuracy' */
export function humanize(name: string): string {
  const words = name
    .replace(/_/g, ' ')
    .replace(/([a-z\d])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`)
  return words.charAt(0).toUpperCase() + words.slice(1)
}
