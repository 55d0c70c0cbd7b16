import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { ValueError } from '../../src/errors.js'
import { History } from '../../src/train/history.js'

describe('History', () => {
  test('numbers epochs from 1 and fills metrics that come and go with NaN', () => {
    const history = new History()
    history.addEpoch({ loss: 1 })
    history.addEpoch({ loss: 0.5, accuracy: 0.8 })
    history.addEpoch({ accuracy: 0.9 })
    expect(history.epoch).toEqual([1, 2, 3])
    expect(history.history).toEqual({ loss: [1, 0.5, Number.NaN], accuracy: [Number.NaN, 0.8, 0.9] })
  })

  test('has no place of a non-finite loss before there is one', () => {
    expect(Object.keys(new History())).toEqual(['epoch', 'history', 'steps', 'seconds'])
  })

  test('appends steps and keeps names that objects already have', () => {
    const history = new History()
    history.addSteps({ loss: Float64Array.of(3, 2) }, 1.5)
    expect(history.seconds).toEqual([1.5])
    history.addSteps({ loss: [1], toString: [4] })
    expect(history.steps.loss).toEqual([3, 2, 1])
    history.addEpoch({ constructor: 1 })
    expect(history.history.constructor).toEqual([1])
  })

  test('knows the best epoch', () => {
    const history = new History()
    for (const [loss, accuracy] of [
      [3, 0.5],
      [Number.NaN, 0.7],
      [1, 0.7],
      [2, 0.6],
    ])
      history.addEpoch({ loss, accuracy })
    expect(history.best('loss')).toEqual({ epoch: 3, value: 1 })
    expect(history.best('loss', 'max')).toEqual({ epoch: 1, value: 3 })
    expect(history.best('accuracy')).toEqual({ epoch: 2, value: 0.7 })
    expect(() => history.best('valLoss')).toThrow(/a metric \(loss, accuracy\), received "valLoss"/)
    expect(() => history.best('loss', 'most' as never)).toThrow(ValueError)
    expect(() => new History().best('toString')).toThrow(/none yet/)
    history.addEpoch({ never: Number.NaN, f1: 0.5 })
    expect(history.best('f1', 'max')).toEqual({ epoch: 5, value: 0.5 })
    expect(() => history.best('f1')).toThrow("mode 'min' or 'max' for f1, received undefined")
    expect(() => history.best('never', 'min')).toThrow(/a finite never, received none in 5 epochs/)
  })

  /** The messages of a history's warnings while fn runs. */
  async function warningsOf(fn: () => void): Promise<string[]> {
    const warnings: string[] = []
    const listen = (w: Error & { code?: string }) => w.code === 'LANEWISE_HISTORY' && warnings.push(w.message)
    process.on('warning', listen)
    fn()
    await new Promise(setImmediate)
    process.off('warning', listen)
    return warnings
  }

  test('keeps no more steps than an array can hold, and says so once', async () => {
    const history = new History()
    const warnings = await warningsOf(() => {
      for (let i = 0; i < 3; i++) history.addSteps({ loss: new Float32Array(2 ** 23 + 1) }, 1)
      history.addSteps({ loss: [1] })
    })
    expect([history.steps.loss.length, history.seconds.length, warnings.length]).toEqual([2 ** 24, 3, 1])
    expect(Object.keys(history)).toEqual(['epoch', 'history', 'steps', 'seconds'])
  })

  test('nor more epochs', async () => {
    const history = new History()
    for (const list of [history.epoch, history.seconds]) list.length = 2 ** 24
    const warnings = await warningsOf(() => {
      for (let i = 0; i < 3; i++) {
        history.addEpoch({ loss: 1 })
        history.addSteps({}, 1)
      }
    })
    expect([history.epoch.length, history.seconds.length, history.history]).toEqual([2 ** 24, 2 ** 24, {}])
    expect(warnings).toEqual(['history: epochs beyond 16777216 are not kept'])
  })

  test('toJSON is a plain copy', () => {
    const history = new History()
    history.addEpoch({ loss: Number.NaN })
    const copy = history.toJSON()
    history.addEpoch({ loss: 1 })
    expect(copy).toEqual({ epoch: [1], history: { loss: [Number.NaN] }, steps: {}, seconds: [] })
    expect(JSON.stringify(history)).toBe('{"epoch":[1,2],"history":{"loss":[null,1]},"steps":{},"seconds":[]}')
    history.nonFinite = { epoch: 1, step: 3 }
    expect(history.toJSON().nonFinite).toEqual({ epoch: 1, step: 3 })
  })

  test('shows epochs, and of steps how many', () => {
    const history = new History()
    history.addSteps({ loss: new Float64Array(5000) }, 2)
    history.addEpoch({ loss: 0.25 })
    expect(inspect(history)).toBe(
      "{\n  epoch: [ 1 ],\n  history: { loss: [ 0.25 ] },\n  steps: { loss: '5000 steps' },\n  seconds: [ 2 ]\n}",
    )
    expect(inspect(History.prototype)).toBeTypeOf('string')
  })
})
