import { expect, it } from 'vitest'
import { runningMean } from '../../src/plot/series.js'

it('the mean of the finite ones of the last values, without a trace of a spike that is out of the window', () => {
  const values = Array.from({ length: 1000 }, (_, i) => 1 + (i % 2))
  for (const [at, value] of [
    [100, 1e18],
    [300, 1.7e308],
    [301, 1.7e308],
    [500, Number.NaN],
    [501, Number.POSITIVE_INFINITY],
  ])
    values[at] = value
  for (const window of [1, 2, 7, 10, 999, 1000, 2000]) {
    const means = runningMean(values, window)
    for (const [i, value] of values.entries()) {
      const last = values.slice(Math.max(0, i - window + 1), i + 1).filter(Number.isFinite)
      const expected = last.reduce((sum, v) => sum + v, 0) / last.length
      if (!Number.isFinite(value)) expect(means[i]).toBeNaN()
      else if (Number.isFinite(expected)) expect(Math.abs(means[i] / expected - 1)).toBeLessThan(1e-12)
      else expect(means[i]).toBe(expected)
    }
  }
})
