import fs from 'node:fs'
import path from 'node:path'
import { checkFlag, checkObject, checkOptions, DataError, describe, TypeMismatchError, ValueError } from '../errors.js'
import { validationName } from '../train/history.js'
import { NAMELESS, OTHER_FORMAT } from './file-name.js'
import { makePage } from './html.js'
import { drawFigure } from './line.js'
import { type HistoryLike, isList, type Numbers, type PanelOptions, runningMean, type Series } from './series.js'
import { checkText, humanize } from './text.js'

/** How a history is drawn. */
export interface PlotOptions {
  /** Heading of the figure and the page; default 'Training'. */
  title?: string | undefined
  /** What x counts; default: epochs, or steps when there is at most one epoch. */
  by?: 'epoch' | 'step' | undefined
  /** Draws the loss on a logarithmic axis. */
  logLoss?: boolean | undefined
}

/** From this many steps on, the running mean is drawn over the pale raw values. */
const MANY_STEPS = 200

/**
 * Draws training curves, the loss and each metric in a panel, and writes them as `file`.svg and as `file`.html, a page
 * on its own with the figures in a table. `file` may end in .svg, .html or neither; its folder is made if need be.
 * @returns the SVG document, and the two files written
 * @throws ValueError for an empty history, DataError when the files cannot be written
 */
export async function plot(
  history: HistoryLike,
  file: string,
  options: PlotOptions = {},
): Promise<{ svg: string; files: string[] }> {
  check(history, file, options)
  const title = options.title ?? 'Training'
  const steps = history.steps ?? {}
  const hasSteps = Object.values(steps).some((list) => list.length > 0)
  const by = options.by ?? (history.epoch.length <= 1 && hasSteps ? 'step' : 'epoch')
  const lists = by === 'step' ? steps : history.history
  if (!Object.values(lists).some((list) => list.length > 0))
    throw new ValueError(
      'plot',
      `a history of at least one ${by}`,
      by === 'step' ? 'one without steps' : 'an empty one',
    )
  const panels = by === 'step' ? stepPanels(steps) : epochPanels(history)
  if (options.logLoss) for (const panel of panels) if (/loss$/i.test(panel.title ?? '')) panel.logY = true
  const svg = drawFigure(title, panels)
  const files = prepareFiles(file)
  orDataError(files, () => {
    fs.writeFileSync(files[0], svg)
    fs.writeFileSync(files[1], makePage(title, svg, history))
  })
  return { svg, files }
}

/** The files that plot(…, file) writes, and their folder made. @throws DataError where it could not write them */
export function prepareFiles(file: string): string[] {
  const base = file.replace(/\.(svg|html)$/i, '')
  const files = [`${base}.svg`, `${base}.html`]
  orDataError(files, () => {
    makeFolderOf(base)
    for (const name of files) {
      // accessSync() does not know of Node's own permissions
      const { permission } = process as { permission?: { has(scope: string, name: string): boolean } }
      if (permission?.has('fs.write', name) === false) throw new Error(`${name} is not in --allow-fs-write`)
      const there = fs.statSync(name, { throwIfNoEntry: false })
      // (To write to a pipe would wait until somebody reads.)
      if (there && !there.isFile()) throw new Error(`${name} is no file`)
      if (there) fs.closeSync(fs.openSync(name, 'r+'))
      else fs.accessSync(path.dirname(name), fs.constants.W_OK)
    }
  })
  return files
}

function orDataError(files: string[], write: () => void): void {
  try {
    write()
  } catch (error) {
    throw new DataError('plot', `to write ${files.join(' and ')}`, (error as Error).message)
  }
}

const isFolder = (name: string): boolean => fs.statSync(name, { throwIfNoEntry: false })?.isDirectory() ?? false

/** Makes the folder that a file is to be in. (mkdir's own `recursive` does not come back from /proc, in Node 20.) */
export function makeFolderOf(file: string): void {
  const folder = path.dirname(file)
  if (isFolder(folder)) return
  if (path.dirname(folder) !== folder) makeFolderOf(folder)
  try {
    fs.mkdirSync(folder)
  } catch (error) {
    if (!isFolder(folder)) throw error // else somebody made it in between
  }
}

function check(history: HistoryLike, file: string, options: PlotOptions): void {
  const { by, title, logLoss } = checkOptions('plot', options, ['title', 'by', 'logLoss'])
  checkText('plot', 'title', title)
  checkFlag('plot', 'logLoss', logLoss)
  if (typeof history?.history !== 'object' || history.history === null || typeof history.epoch?.length !== 'number')
    throw new TypeMismatchError('plot', 'a history, all that fit returns', describe(history))
  for (const [name, list] of [['epoch', history.epoch], ...listsOf(history.history), ...listsOf(history.steps ?? {})])
    if (!isList(list)) throw new TypeMismatchError('plot', `${name} to be a list of numbers`, describe(list))
  for (const [name, { length }] of Object.entries(history.history))
    if (length !== history.epoch.length)
      throw new TypeMismatchError(
        'plot',
        `${name} to have a figure for each of ${history.epoch.length} epochs`,
        `${length}`,
      )
  if (typeof file !== 'string' || NAMELESS.test(file))
    throw new TypeMismatchError('plot', 'the name of a file to write', describe(file))
  if (OTHER_FORMAT.test(file)) throw new ValueError('plot', 'a file name ending in .svg or .html', describe(file))
  if (by !== undefined && by !== 'epoch' && by !== 'step')
    throw new ValueError('plot', "by 'epoch' or 'step'", describe(by))
}

const listsOf = (lists: object): [string, unknown][] => Object.entries(checkObject('plot', lists))

/** Metrics by panel, the loss first: { loss: ['loss', 'valLoss'], accuracy: … } */
function groupMetrics(names: string[]): Map<string, string[]> {
  const groups = new Map<string, string[]>()
  // What fit calls them. Keras's val_ says the name; of a validation figure alone fit's is guessed.
  const known = new Map(names.map((name) => [validationName(name), name]))
  for (const name of names) {
    const [, snake, camel] = /^val(?:_(.+)|([A-Z].*))$/.exec(name) ?? []
    const key = known.get(name) ?? snake ?? (camel ? camel.charAt(0).toLowerCase() + camel.slice(1) : name)
    groups.set(key, [...(groups.get(key) ?? []), name])
  }
  return new Map([...groups].sort(([a], [b]) => Number(b === 'loss') - Number(a === 'loss')))
}

function epochPanels({ epoch, history }: HistoryLike): PanelOptions[] {
  return [...groupMetrics(Object.keys(history))].map(([key, names]) => ({
    title: humanize(key),
    xLabel: 'epoch',
    yLabel: humanize(key).toLowerCase(),
    series: names.map((name): Series => {
      const y = history[name]
      const x = Array.from({ length: y.length }, (_, i) => epoch[i] ?? i + 1)
      return { name: name === key ? 'training' : 'validation', x, y }
    }),
  }))
}

function stepPanels(steps: Readonly<Record<string, Numbers>>): PanelOptions[] {
  return [...groupMetrics(Object.keys(steps))].map(([key, names]) => ({
    title: humanize(key),
    xLabel: 'step',
    yLabel: humanize(key).toLowerCase(),
    series: names.flatMap((name): Series[] => {
      const y = steps[name]
      const x = Float64Array.from(y, (_, i) => i + 1)
      const kind = name === key ? 'training' : 'validation'
      if (y.length < MANY_STEPS) return [{ name: kind, x, y }]
      const window = Math.max(10, Math.round(y.length / 100))
      return [
        { name: `${kind}, each step`, x, y, faint: true },
        { name: `mean of ${window} steps`, x, y: runningMean(y, window) },
      ]
    }),
  }))
}
