import { checkFlag, checkObject, checkOptions, describe, TypeMismatchError, ValueError } from '../errors.js'
import { drawPanel, HEIGHT, svgDocument, WIDTH } from './panel.js'
import { isList, type PanelOptions } from './series.js'
import { checkText, escapeXml, shorten } from './text.js'

const PER_ROW = 3
const HEAD = 44

/** Panels side by side, three a row, under a common title; a whole SVG document. */
export function drawFigure(title: string | undefined, panels: PanelOptions[]): string {
  const head = title ? HEAD : 0
  const width = WIDTH * Math.min(panels.length, PER_ROW)
  const height = head + HEIGHT * Math.ceil(panels.length / PER_ROW)
  const parts = panels.map((panel, i) => {
    const left = WIDTH * (i % PER_ROW)
    return `<g transform="translate(${left} ${head + HEIGHT * Math.floor(i / PER_ROW)})">${drawPanel(panel)}</g>`
  })
  const text = escapeXml(shorten(title ?? '', width - 40, 20, true))
  if (title) parts.unshift(`<text class="lw-head" x="20" y="32">${text}</text>`)
  return svgDocument(width, height, title ?? panels.map((panel) => panel.title ?? '').join(', '), parts.join('\n'))
}

/**
 * Draws any number of curves in one diagram (560 x 420 pixels); its legend names those that six rows have room for.
 * Non-finite values, those of 1e300 and more, and on a logarithmic axis those that are not positive, leave gaps.
 * @returns an SVG document
 * @throws ValueError without a series, TypeMismatchError for a series whose x and y are not lists of numbers of one length
 */
export async function linePlot(options: PanelOptions): Promise<string> {
  const { series, title, xLabel, yLabel, logX, logY } = checkOptions('linePlot', options, [
    'title',
    'xLabel',
    'yLabel',
    'series',
    'logX',
    'logY',
  ])
  for (const [name, text] of Object.entries({ title, xLabel, yLabel })) checkText('linePlot', name, text)
  for (const [name, flag] of Object.entries({ logX, logY })) checkFlag('linePlot', name, flag)
  if (!Array.isArray(series) || series.length === 0)
    throw new ValueError('linePlot', 'series: an array of at least one', describe(series))
  for (const one of series) {
    const { name, x, y, faint } = checkObject('linePlot', one)
    if (typeof name !== 'string') throw new TypeMismatchError('linePlot', 'a name for each series', describe(name))
    checkOptions('linePlot', one, ['name', 'x', 'y', 'faint'])
    checkFlag('linePlot', 'faint', faint)
    if (!isList(x) || !isList(y) || x.length !== y.length)
      throw new TypeMismatchError(
        'linePlot',
        `x and y of series ${describe(name)} to be lists of numbers of one length`,
        `${describe(x)} and ${describe(y)}`,
      )
  }
  return drawFigure(undefined, [options])
}
