import { describe, expect, test } from 'vitest'
import { TypeMismatchError } from '../../src/errors.js'
import { barPlot, linePlot } from '../../src/plot/index.js'
import { widthOf } from '../../src/plot/text.js'

// What is written along the axes and beside the curves can be told apart, and has room.

const places = (svg: string, pattern: string) => [...svg.matchAll(new RegExp(pattern, 'g'))].map((m) => m.slice(1))
const ticksOf = (svg: string, anchor: string) =>
  places(svg, `class="lw-tick"[^>]*text-anchor="${anchor}">([^<]*)`).flat()

describe('linePlot', () => {
  test('labels tell their ticks apart, in one notation', async () => {
    const labels = async (y: number[], logY = false) =>
      ticksOf(await linePlot({ series: [{ name: 'a', x: y.map((_, i) => i), y }], logY }), 'end')
    for (const y of [
      [12345670, 12345690],
      [1000.0001, 1000.0009],
      [1, 1.00001],
    ]) {
      const all = await labels(y, true)
      expect(all.length).toBeGreaterThan(1)
      expect(new Set(all).size).toBe(all.length)
      for (const label of all) expect(Number(label)).toBeGreaterThanOrEqual(y[0])
    }
    expect(await labels([0, 5e-5])).toEqual(['0', '1e-5', '2e-5', '3e-5', '4e-5', '5e-5'])
    expect(await labels([-1e-4, 2e-4])).toEqual(['−1e-4', '−5e-5', '0', '5e-5', '1e-4', '1.5e-4', '2e-4'])
  })

  test('labels of x have room, and end within the picture', async () => {
    for (const [from, step] of [
      [1.7e12, 6e4],
      [12_345_000, 1],
      [123456.78, 0.001],
      [1e15, 1],
      [0, 1],
    ]) {
      const x = Array.from({ length: 50 }, (_, i) => from + i * step)
      const svg = await linePlot({ series: [{ name: 'a', x, y: x.map((_, i) => i) }] })
      const all = places(svg, '<text class="lw-tick" x="([^"]*)" y="[^"]*" text-anchor="middle">([^<]*)')
      expect(all.length).toBeGreaterThan(1)
      const sides = all.map(([middle, text]) => [-1, 1].map((side) => Number(middle) + (side * widthOf(text, 12)) / 2))
      for (const [i, [left, right]] of sides.entries()) {
        expect(right).toBeLessThan(561)
        expect(left).toBeGreaterThan(i > 0 ? sides[i - 1][1] + 7 : 0)
      }
    }
  })

  test('what is no number is refused, and null is a gap', async () => {
    const x = [1, 2, 3]
    for (const list of [[new Date(1), new Date(2), new Date(3)], ['1', '2', '3'], [1n, 2n, 3n], new BigInt64Array(3)])
      await expect(linePlot({ series: [{ name: 'a', x, y: list as never }] })).rejects.toThrow(TypeMismatchError)
    const svg = await linePlot({ series: [{ name: 'a', x, y: [1, null, 2] }] })
    expect(places(svg, '(<circle)')).toHaveLength(2)
    expect(await linePlot({ series: [{ name: 'a', x, y: [-1, -2, 0] }], logY: true })).toContain('no positive values')
  })
})

describe('barPlot', () => {
  test('many groups and a caption without spaces go on in another line', async () => {
    const bars = Array.from({ length: 8 }, (_, i) => ({
      name: `b${i}`,
      value: i,
      group: `PyTorch 2.15 eager, batch ${2 ** i}`,
    }))
    const caption = '日本語の説明文は空白がありません。'.repeat(8)
    const svg = await barPlot({ bars, caption })
    for (const [x, text] of places(svg, '<text (?:class="lw-tick" )?x="([^"]*)" y="[^"]*"(?: dy=".35em")?>([^<]*)'))
      expect(Number(x) + widthOf(text, 12)).toBeLessThanOrEqual(840)
    for (const { group } of bars) expect(svg).toContain(`>${group}<`)
    const print = places(svg, '<text class="lw-tick" x="20" y="[^"]*">([^<]*)').flat()
    expect(print.length).toBeGreaterThan(1)
    expect(print.join('')).toBe(caption)
  })

  test('long names leave fewer labels on the axis', async () => {
    const name = 'a model whose name is 60 characters long, as paths of files are'
    const svg = await barPlot({
      bars: [
        { name, value: 1.2e8 },
        { name: 'b', value: 3.4e8 },
      ],
    })
    const all = places(svg, '<text class="lw-tick" x="([^"]*)" y="[^"]*" text-anchor="middle">([^<]*)')
    expect(all.length).toBeGreaterThan(1)
    for (const [i, [middle, text]] of all.entries())
      if (i > 0) expect(Number(middle) - Number(all[i - 1][0])).toBeGreaterThan(widthOf(text, 12))
  })
})
