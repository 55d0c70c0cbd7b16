import os from 'node:os'
import { allThreads, backend, cpu, isa, origin } from './engine.mjs'
import { counted, UsageError } from './options.mjs'

/** Four significant digits, thousands with commas. */
export function figure(value) {
  if (!Number.isFinite(value)) return '-'
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(4)))
}

export const percent = (share, digits = 0) => (share === undefined ? '' : `${(100 * share).toFixed(digits)} %`)

/** Prints lines for people, or one JSON object a line. */
export class Report {
  constructor({ suite, json, quick, filter }) {
    this.suite = suite
    this.filter = filter
    this.works = 0
    this.json = json
    this.quick = quick
    this.common = { backend, isa, cpu, ...origin }
  }

  begin() {
    if (this.json) return
    console.log(`${cpu}, ${os.platform()} ${os.arch()}, Node ${process.version}, commit ${origin.commit}`)
    console.log(`${backend} backend, instruction set ${isa}, ${counted(allThreads, 'thread')}`)
    if (this.quick) console.log('--quick: these figures say nothing about speed')
    console.log(
      `\n${'work'.padEnd(44)} threads ${'median'.padStart(12)} ${''.padEnd(10)} ${'spread'.padStart(8)}   of the limit`,
    )
  }

  /** A limit of the machine, measured in this run. */
  limit(line) {
    this.line({ ...line, kind: 'limit' })
  }

  /** @throws UsageError where nothing was measured */
  end() {
    if (this.works === 0) throw new UsageError(`--filter: no work's name contains ${JSON.stringify(this.filter)}`)
  }

  /** A title over the lines that follow. */
  section(title) {
    if (!this.json) console.log(`\n${title}`)
  }

  /**
   * One result: work, threads, value and unit; where known also median (ns for one piece of work), spread (median absolute
   * deviation as a share of the median), samples, share (of the limit) and limit. `note` is for people only.
   */
  line({ note = '', ...entry }) {
    const line = { suite: this.suite, work: '', ...this.common, ...entry }
    if (line.kind !== 'limit') this.works++
    if (this.json) {
      const rounded = Object.entries(line).map(([k, v]) => [k, typeof v === 'number' ? Number(v.toPrecision(6)) : v])
      console.log(JSON.stringify(Object.fromEntries(rounded)))
      return
    }
    const { work, threads, value, unit, spread, share } = line
    const parts = [
      work.padEnd(44),
      String(threads).padStart(7),
      figure(value).padStart(12),
      unit.padEnd(10),
      (spread === undefined ? '' : `±${percent(spread, 1)}`).padStart(8),
      percent(share).padStart(8),
      note,
    ]
    console.log(parts.join(' ').trimEnd())
  }

  /** Lines for people only: tables that sum up. */
  text(lines = '') {
    if (!this.json) console.log(lines)
  }
}

/** Columns as wide as their widest cell; the first one to the left, the others to the right. */
export function table(rows) {
  const widths = rows[0].map((_, c) => Math.max(...rows.map((row) => String(row[c]).length)))
  const line = (row) => row.map((cell, c) => String(cell)[c ? 'padStart' : 'padEnd'](widths[c])).join('  ')
  return rows.map(line).join('\n')
}
