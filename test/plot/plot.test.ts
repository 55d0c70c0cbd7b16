import * as fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DataError, TypeMismatchError, ValueError } from '../../src/errors.js'
import { barPlot, linePlot, plot } from '../../src/plot/index.js'
import { History, validationName } from '../../src/train/history.js'

let dir: string
beforeAll(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lanewise-plot-'))
})
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }))

function trained(epochs: number): History {
  const history = new History()
  for (let i = 1; i <= epochs; i++)
    history.addEpoch({ accuracy: 1 - 0.5 / i, loss: 1 / i, valLoss: 1.1 / i, valAccuracy: 1 - 0.6 / i })
  return history
}

const count = (text: string, part: string) => text.split(part).length - 1
/** The d attributes of the curves, legend strokes left out. */
const curves = (svg: string) =>
  [...svg.matchAll(/class="lw-curve[^>]* d="([^"]*)"/g)].map((m) => m[1]).filter((d) => !d.endsWith('h22'))

/** Throws unless every tag is closed in order; enough for what is written here. */
function checkWellFormed(xml: string): void {
  const open: string[] = []
  for (const [, close, name, self] of xml.matchAll(/<(\/?)([a-zA-Z]+)(?:\s[^<>]*?)?(\/?)>/g)) {
    if (close) expect(open.pop()).toBe(name)
    else if (!self) open.push(name)
  }
  expect(open).toEqual([])
  expect(xml.replace(/<style>[\s\S]*?<\/style>/g, '')).not.toMatch(/&(?!(amp|lt|gt|quot|#39);)/)
}

describe('plot', () => {
  test('of very many epochs the page has an even choice, the first and the last among them', async () => {
    const loss = Float64Array.from({ length: 2500 }, (_, i) => 1 / (i + 1))
    const { files } = await plot({ epoch: loss.map((_, i) => i + 1), history: { loss } }, path.join(dir, 'many'))
    const rows = [...fs.readFileSync(files[1], 'utf8').matchAll(/<th scope="row">(\d+)</g)].map((m) => Number(m[1]))
    expect([rows.length, rows[0], rows[500], rows[999]]).toEqual([1000, 1, 1252, 2500])
  })

  test('writes an SVG and a page, whatever the ending', async () => {
    for (const name of ['a', 'b.svg', 'c.html', 'sub/folder/d.v2']) {
      const file = path.join(dir, name)
      const base = file.replace(/\.(svg|html)$/, '')
      const { svg, files } = await plot(trained(3), file)
      expect(files).toEqual([`${base}.svg`, `${base}.html`])
      expect(fs.readFileSync(files[0], 'utf8')).toBe(svg)
      expect(fs.readFileSync(files[1], 'utf8')).toContain(svg)
    }
  })

  test('draws the loss first, then each metric, with training and validation', async () => {
    const { svg } = await plot(trained(5), path.join(dir, 'panels'))
    checkWellFormed(svg)
    expect([...svg.matchAll(/lw-title"[^>]*>([^<]*)</g)].map((m) => m[1])).toEqual(['Loss', 'Accuracy'])
    expect([count(svg, '>training<'), count(svg, '>validation<'), count(svg, '<circle')]).toEqual([2, 2, 20])
    expect(svg).toContain('<title>epoch 2\ntraining 0.50000\nvalidation 0.55000</title>')
    expect(svg).toContain('viewBox="0 0 1120 464"')
    expect(svg).not.toContain('NaN')
  })

  test('the page has the figures and loads nothing', async () => {
    const { files } = await plot(trained(2), path.join(dir, 'page'))
    const page = fs.readFileSync(files[1], 'utf8')
    expect(page).toContain('<th scope="col">Val accuracy</th>')
    expect(page).toContain(
      '<tr><th scope="row">2</th><td>0.75000</td><td>0.50000</td><td>0.55000</td><td>0.70000</td></tr>',
    )
    expect(page).not.toMatch(/<script|<link|src=|href=|url\(|@import/)
    expect(page.replaceAll('http://www.w3.org/2000/svg', '')).not.toContain('://')
  })

  test('escapes every title and name', async () => {
    const history = new History()
    history.addEpoch({ '<b>&"\'': 1, loss: 2 })
    history.addEpoch({ '<b>&"\'': 2, loss: 1 })
    const { svg, files } = await plot(history, path.join(dir, 'escape'), { title: '</title><script>"&\'\u0000' })
    checkWellFormed(svg)
    const all = svg + fs.readFileSync(files[1], 'utf8')
    for (const part of ['<script', '<b>', '\u0000']) expect(all).not.toContain(part)
  })

  test('leaves gaps for values that are not finite, null of JSON included', async () => {
    const loss = [1, 0.9, Number.NaN, 0.7, Number.POSITIVE_INFINITY, null as never, 0.5, 0.4, 1e308]
    const { svg } = await plot({ epoch: loss.map((_, i) => i + 1), history: { loss } }, path.join(dir, 'gaps'))
    expect(count(curves(svg)[0], 'M')).toBe(3)
    expect(count(svg, '<circle')).toBe(5)
    const { svg: none } = await plot({ epoch: [1], history: { loss: [Number.NaN] } }, path.join(dir, 'none'))
    expect(none).toContain('no finite values')
    expect(none.replace(/<title>[^<]*/g, '')).not.toContain('NaN')
  })

  test('one epoch with steps is drawn by step, many steps stay small', async () => {
    const history = trained(1)
    history.addSteps({ loss: Float64Array.from({ length: 100_000 }, (_, i) => 1 + Math.sin(i * 12.9898)) })
    const { svg } = await plot(history, path.join(dir, 'steps'))
    checkWellFormed(svg)
    expect(svg).toContain('>mean of 1000 steps<')
    expect(svg).toContain('>step<')
    expect(svg.length).toBeLessThan(150_000)
    const strips = [...svg.matchAll(/<title>step ([\d.e+]+)/g)].map((m) => Number(m[1]))
    expect([strips.length, strips[0], strips[119]]).toEqual([120, 1, 100_000])
    for (const [i, step] of strips.entries()) expect(Math.abs(step - (i / 119) * 100_000)).toBeLessThan(500)
    const { svg: byEpoch } = await plot(history, path.join(dir, 'one'), { by: 'epoch' })
    expect(byEpoch).toContain('>epoch<')
    const few = trained(3)
    few.addSteps({ loss: [3, 2, 1] })
    expect((await plot(few, path.join(dir, 'few'), { by: 'step' })).svg).toContain('<title>step 3\ntraining 1</title>')
  })

  test('finds the validation curve of a metric whatever its name', async () => {
    const names = ['loss', 'MAE', 'F1', '5x', 'été', 'r2_score']
    const history = Object.fromEntries(names.flatMap((name) => [name, validationName(name)].map((n) => [n, [2, 1]])))
    const { svg } = await plot({ epoch: [1, 2], history }, path.join(dir, 'names'))
    expect([count(svg, '>training<'), count(svg, '>validation<')]).toEqual([6, 6])
    expect(count(svg, 'class="lw-title"')).toBe(6)
    const keras = { loss: [2, 1], val_loss: [2, 1], AUC: [1, 2], val_AUC: [1, 2] }
    const { svg: like } = await plot({ epoch: [1, 2], history: keras }, path.join(dir, 'keras'))
    expect([count(like, '>training<'), count(like, '>validation<')]).toEqual([2, 2])
    const alone = { valLoss: [2, 1], val_top_k: [1, 2] }
    const { svg: guessed } = await plot({ epoch: [1, 2], history: alone }, path.join(dir, 'alone'))
    expect([...guessed.matchAll(/lw-title"[^>]*>([^<]*)</g)].map((m) => m[1])).toEqual(['Loss', 'Top k'])
    expect([count(guessed, '>training<'), count(guessed, '>validation<')]).toEqual([0, 2])
  })

  test('ticks that lie close together have labels of their own, and room; long names are cut', async () => {
    for (const low of [1234567, 1e10, 123_456.1226, 0.123456]) {
      const loss = [0, 1, 2, 3].map((i) => low + i * low * 1e-9)
      const { svg } = await plot(
        { epoch: [999_999, 1e6, 1_000_001, 1_000_002], history: { loss } },
        path.join(dir, 'close'),
      )
      for (const anchor of ['end', 'middle']) {
        const labels = [...svg.matchAll(new RegExp(`class="lw-tick"[^>]*anchor="${anchor}">([^<]*)`, 'g'))].map(
          (m) => m[1],
        )
        expect(labels.length).toBeGreaterThan(2)
        expect(new Set(labels).size, labels.join(' ')).toBe(labels.length)
      }
      for (const [, x, label] of svg.matchAll(/class="lw-tick" x="([^"]*)"[^>]*anchor="end">([^<]*)/g))
        expect(Number(x) - 6.5 * label.length).toBeGreaterThan(24)
    }
    const name = 'a very long name of a metric '.repeat(9)
    const { svg } = await plot({ epoch: [1], history: { [name]: [1] } }, path.join(dir, 'long'), {
      by: 'epoch',
      title: name,
    })
    for (const [, text] of svg.matchAll(/<text[^>]*>([^<]*)/g)) expect(text.length).toBeLessThan(60)
  })

  test('refuses an empty history and wrong use', async () => {
    const file = path.join(dir, 'refused')
    for (const name of ['out/', '.', '..', 'a/.', '.svg', '.SVG', 'a/..html'])
      await expect(plot(trained(1), name)).rejects.toThrow(/the name of a file/)
    await expect(plot(new History(), file)).rejects.toThrow(/at least one epoch, received an empty one/)
    await expect(plot(trained(2), file, { by: 'step' })).rejects.toThrow(
      /at least one step, received one without steps/,
    )
    await expect(plot(trained(2), file, { by: 'day' as never })).rejects.toBeInstanceOf(ValueError)
    await expect(plot(trained(2), `${file}.png`)).rejects.toBeInstanceOf(ValueError)
    await expect(plot(trained(2), '')).rejects.toBeInstanceOf(TypeMismatchError)
    await expect(plot(null as never, file)).rejects.toBeInstanceOf(TypeMismatchError)
    fs.writeFileSync(path.join(dir, 'a-file'), '')
    await expect(plot(trained(2), path.join(dir, 'a-file', 'x'))).rejects.toBeInstanceOf(DataError)
    expect(fs.existsSync(`${file}.svg`)).toBe(false)
  })
})

describe('linePlot', () => {
  const base = { title: 'speed', xLabel: 'size', yLabel: 'GFLOP/s' }

  test('draws series in colours and dashes of their own', async () => {
    const series = Array.from({ length: 9 }, (_, i) => ({ name: `s${i}`, x: [1, 2, 3], y: [i, i + 1, i + 2] }))
    const svg = await linePlot({ ...base, series })
    checkWellFormed(svg)
    const styles = [...svg.matchAll(/lw-curve" stroke="([^"]*)"( stroke-dasharray="[^"]*")?/g)].map(
      (m) => m[1] + (m[2] ?? ''),
    )
    expect(new Set(styles).size).toBe(9)
  })

  test('leaves room for curves beside a long legend, which says what it does not name', async () => {
    for (const [n, more] of [
      [8, ''],
      [40, 'and 28 more'],
    ] as const) {
      const series = Array.from({ length: n }, (_, i) => ({ name: `learning rate 0.${10 + i}`, x: [1, 2], y: [i, 1] }))
      const svg = await linePlot({ ...base, series })
      checkWellFormed(svg)
      const heights = [...svg.matchAll(/lw-strip"[^>]* height="([^"]*)"/g)].map((m) => Number(m[1]))
      expect(Math.min(...heights)).toBeGreaterThan(150)
      expect(svg.match(/>and \d+ more</)?.[0] ?? '').toBe(more && `>${more}<`)
      expect(curves(svg).length).toBe(n)
    }
  })

  test('needs no title and no labels', async () => {
    for (const svg of [
      await linePlot({ series: [{ name: 's', x: [1, 2], y: [1, 2] }] }),
      await barPlot({ bars: [{ name: 's', value: 1 }] }),
    ]) {
      checkWellFormed(svg)
      expect(svg).not.toContain('undefined')
    }
  })

  test('logarithmic axes have round ticks, and gaps where values are not positive', async () => {
    const svg = await linePlot({
      ...base,
      logX: true,
      logY: true,
      series: [{ name: 'a', x: [1, 10, 100, 1000, 1e4], y: [1, 0, 5, -1, 9] }],
    })
    expect(svg).toMatch(/lw-tick[^>]*>100</)
    expect(count(curves(svg)[0], 'M')).toBe(3)
  })

  test('copes with one point, constants, and values far apart', async () => {
    for (const y of [[0], [5], [5, 5, 5], [1e-300, 1e299], [-1e-12, 1e-12], [1, 1 + Number.EPSILON]]) {
      const svg = await linePlot({ ...base, series: [{ name: 'a', x: y.map((_, i) => i), y }] })
      checkWellFormed(svg)
      expect(svg).not.toContain('NaN')
      expect(svg).not.toContain('Infinity')
    }
  })

  const ticksOf = (svg: string, anchor: 'end' | 'middle') =>
    [...svg.matchAll(new RegExp(`class="lw-tick"[^>]*anchor="${anchor}">([^<]*)`, 'g'))].map((m) => m[1])
  const places = (svg: string, pattern: string) => [...svg.matchAll(new RegExp(pattern, 'g'))].map((m) => m.slice(1))
  const STRIP = 'lw-strip" x="([^"]*)" y="([^"]*)" width="([^"]*)" height="([^"]*)"'

  test('axes, grid, labels and strips are where they belong', async () => {
    const svg = await linePlot({ ...base, series: [{ name: 'a', x: [3, 1, Number.NaN, 2], y: [0.13, 9.7, 4, 5] }] })
    expect(svg).toContain('d="M72,64V366H540"')
    expect(svg).toMatch(/y="408" text-anchor="middle">size</)
    expect(svg).toMatch(/translate\(18 215\) rotate\(-90\)" text-anchor="middle">GFLOP\/s</)
    expect([ticksOf(svg, 'middle'), ticksOf(svg, 'end')]).toEqual([
      ['1.0', '1.2', '1.4', '1.6', '1.8', '2.0', '2.2', '2.4', '2.6', '2.8', '3.0'],
      ['0', '2', '4', '6', '8', '10'],
    ])
    const across = places(svg, 'lw-grid" x1="([^"]*)" x2="([^"]*)" y1="([^"]*)" y2="\\3"')
    const down = places(svg, 'lw-grid" x1="([^"]*)" x2="\\1" y1="([^"]*)" y2="([^"]*)"')
    expect(across.map((l) => l.slice(0, 2))).toEqual(Array(6).fill(['72', '540']))
    expect(down.map((l) => l.slice(1))).toEqual(Array(11).fill(['64', '366']))
    expect(places(svg, STRIP)).toEqual([
      ['72', '64', '117', '302'],
      ['189', '64', '234', '302'],
      ['423', '64', '117', '302'],
    ])
    expect(places(svg, '<title>size (.*)\n').flat()).toEqual(['1', '2', '3'])
    const whole = await linePlot({ ...base, series: [{ name: 'a', x: [1, 2, 3], y: [5, 5, 5] }] })
    expect(ticksOf(whole, 'middle')).toEqual(['1', '2', '3'])
    for (const [at] of places(whole, '<circle cx="[^"]*" cy="([^"]*)"')) expect(at).toBe('215')
  })

  test('wide labels move the axis, and the strips with it; long names are cut', async () => {
    const y = [1234567.001, 1234567.002]
    const label = 'name '.repeat(30)
    const svg = await linePlot({ title: label, xLabel: label, yLabel: label, series: [{ name: 'a', x: [1, 2], y }] })
    const [[left]] = places(svg, 'd="M([^,]*),64V366H540"')
    expect(Number(left)).toBeGreaterThan(72)
    expect(places(svg, STRIP)[0][0]).toBe(left)
    expect(places(svg, 'lw-grid" x1="(?!540)([^"]*)" x2="540"').flat()).toEqual(ticksOf(svg, 'end').map(() => left))
    for (const [text] of places(svg, '<text[^>]*>([^<]*)')) expect(text.length).toBeLessThan(60)
  })

  test('numbers from a million on are written with an exponent', async () => {
    const svg = await linePlot({ ...base, series: [{ name: 'a', x: [1, 2], y: [0, 1.5e6] }] })
    expect(ticksOf(svg, 'end')).toEqual(['0', '2e5', '4e5', '6e5', '8e5', '1e6', '1.2e6', '1.4e6', '1.6e6'])
  })

  test('a place without finite values says so in the middle', async () => {
    const svg = await linePlot({ ...base, series: [{ name: 'a', x: [1], y: [Number.NaN] }] })
    expect(svg).toContain('<text x="306" y="215" text-anchor="middle">no finite values<')
  })

  test('refuses wrong use', async () => {
    await expect(linePlot({ ...base, series: [] })).rejects.toBeInstanceOf(ValueError)
    await expect(linePlot({ ...base, series: [{ name: 'a', x: [1], y: [1, 2] }] })).rejects.toThrow(
      /lists of numbers of one length, received \[1\] and \[1, 2\]/,
    )
    const one = { name: 'a', x: [1], y: [1] }
    await expect(linePlot({ series: [one], logX: 'no' as never })).rejects.toThrow(/logX: true or false/)
    await expect(linePlot({ series: [{ ...one, color: 'red' } as never] })).rejects.toThrow(/received "color"/)
  })
})

describe('barPlot', () => {
  const base = { title: 'a < b', xLabel: 'samples/s' }
  const widths = (svg: string) => [...svg.matchAll(/class="lw-bar"[^>]* width="([^"]*)"/g)].map((m) => Number(m[1]))

  test('draws bars as long as their values, with names, figures and a legend of the groups', async () => {
    const bars = [
      { name: 'one', value: 4000, group: 'g&h' },
      { name: '<two>', value: 1000, group: 'i', note: '4 x' },
    ]
    const svg = await barPlot({ ...base, bars, caption: 'today' })
    checkWellFormed(svg)
    const [first, second] = widths(svg)
    expect(first / second).toBeCloseTo(4, 1)
    for (const text of ['>4,000<', '>1,000 (4 x)<', '>&lt;two&gt;<', '>g&amp;h<', '>today<'])
      expect(svg).toContain(text)
    expect(new Set([...svg.matchAll(/lw-bar"[^>]* fill="([^"]*)"/g)].map((m) => m[1])).size).toBe(2)
    expect(await barPlot({ ...base, bars: bars.slice(1) })).not.toContain('>i<')
  })

  test('long names and notes are cut, but for the tooltip, and leave room for bars', async () => {
    const [name, note] = ['n'.repeat(200), 'o'.repeat(200)]
    const svg = await barPlot({ ...base, bars: [{ name, note, value: 1 }] })
    expect(svg).toContain(`<title>${name}: 1 (${'o'.repeat(20)}…)</title>`)
    const texts = [...svg.matchAll(/<text[^>]*>([^<]*)/g)].map((m) => m[1])
    expect(texts).toContain(`${'n'.repeat(41)}…`)
    for (const text of texts) expect(text.length).toBeLessThan(49)
    expect(widths(svg)[0]).toBeGreaterThan(100)
    expect(Number(svg.match(/lw-bar" x="([^"]*)/)?.[1])).toBeLessThan(400)
    const exact = await barPlot({ ...base, bars: [{ name: '🙂'.repeat(27), value: 1 }] })
    expect(exact).toContain(`>${'🙂'.repeat(27)}</text>`)
  })

  test('figures of bars have no zeros at their end, and one minus', async () => {
    const svg = await barPlot({ ...base, bars: [0.91, 0.001, 1e-5, -0.5, -1].map((value) => ({ name: 'b', value })) })
    for (const text of ['>0.91<', '>0.001<', '>1.000e-5<', '>−0.5<', '>−1<']) expect(svg).toContain(text)
    expect(svg).not.toMatch(/>-\d/)
  })

  test('bars of no group have no place in the legend', async () => {
    const bars = [{ name: 'one', value: 1 }, ...['a', 'b'].map((group) => ({ name: group, value: 1, group }))]
    const svg = await barPlot({ ...base, bars })
    expect([count(svg, 'width="14" height="14"'), count(svg, '<rect x="20" y="40"')]).toEqual([2, 1])
  })

  test('on a logarithmic axis every positive value can be seen', async () => {
    const bars = [1e6, 10, 0.5, 0, Number.NaN].map((value, i) => ({ name: `b${i}`, value }))
    const [a, b, c, ...rest] = widths(await barPlot({ ...base, logX: true, bars }))
    expect(a).toBeGreaterThan(b)
    expect(b).toBeGreaterThan(c)
    expect(c).toBeGreaterThan(0)
    expect(rest).toEqual([0, 0])
    expect(widths(await barPlot({ ...base, logX: true, bars: [{ name: 'x', value: 100 }] }))[0]).toBeGreaterThan(0)
  })

  test('copes with zeros, negative and huge values', async () => {
    for (const values of [[0], [-1, 2], [-3], [1e-12, 1e12], [Number.POSITIVE_INFINITY], [1e300]]) {
      const svg = await barPlot({ ...base, bars: values.map((value) => ({ name: 'n', value })) })
      checkWellFormed(svg)
      expect(svg).not.toMatch(/"[^"]*(NaN|Infinity)[^"]*"/)
      for (const width of widths(svg)) expect(width).toBeGreaterThanOrEqual(0)
    }
  })

  test('refuses wrong use', async () => {
    await expect(barPlot({ ...base, bars: [] })).rejects.toBeInstanceOf(ValueError)
    await expect(barPlot({ ...base, bars: [{ name: 'a' } as never] })).rejects.toBeInstanceOf(TypeMismatchError)
    const bars = [{ name: 'a', value: 1 }]
    await expect(barPlot({ bars, logX: 'no' as never })).rejects.toThrow(/logX: true or false/)
    await expect(barPlot({ bars: [{ ...bars[0], color: 'red' } as never] })).rejects.toThrow(/received "color"/)
  })

  test('has no limit of bars', async () => {
    const bars = Array.from({ length: 150_000 }, (_, i) => ({ name: 'b', value: i }))
    expect((await barPlot({ bars })).length).toBeGreaterThan(1e7)
  })
})
