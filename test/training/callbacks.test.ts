import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  Affine,
  type Callback,
  EarlyStopping,
  type EarlyStoppingOptions,
  History,
  type Logs,
  Sequential,
  SGD,
  Softmax,
  Tanh,
  type TrainingModel,
  tensor,
  ValueError,
} from '../../src/index.js'
import { eachBackend } from '../backends.js'
import { classes, inputs } from './formulas.js'

// What Keras's EarlyStopping does, see fixtures/make-training-curves.py.
interface Stopping {
  values: number[]
  patience: number
  minDelta: number
  mode: 'min' | 'max'
  epochs: number
  best: number
}
const file = path.join(__dirname, '../fixtures/training-curves.json')
const stoppings: Stopping[] = JSON.parse(readFileSync(file, 'utf8')).stopping

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const rows = () => ({ x: inputs(50, 7), y: tensor(classes(50)) })

function classifier(learningRate = 0.1) {
  const optimizer = new SGD({ learningRate })
  const layers = [new Affine(5), new Tanh(), new Affine(3), new Softmax()]
  const model = new Sequential({ input: [7], layers, seed: 4 })
  model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
  return { model, optimizer }
}

/** Drives EarlyStopping through a figure's values; the epoch stands for the weights. */
function drive(options: EarlyStoppingOptions, values: number[], name = options.monitor ?? 'valLoss') {
  let epoch = 0
  let restored: number | undefined
  const model: Pick<TrainingModel, 'stopTraining' | 'snapshot' | 'restore'> = {
    stopTraining: false,
    snapshot: () => Float64Array.of(epoch),
    restore: (w) => {
      restored = w[0]
    },
  }
  const stop = new EarlyStopping(options)
  stop.onTrainBegin()
  while (epoch < values.length && !model.stopTraining) {
    epoch++
    stop.onEpochEnd(epoch, { [name]: values[epoch - 1] }, model)
  }
  stop.onTrainEnd(new History(), model)
  return { epochs: epoch, best: restored, stop }
}

describe('EarlyStopping', () => {
  it.each(stoppings)('$mode, patience $patience, minDelta $minDelta: $values', (s) => {
    const { mode, patience, minDelta } = s
    const { epochs, best, stop } = drive({ mode, patience, minDelta }, s.values)
    expect({ epochs, best }).toEqual({ epochs: s.epochs, best: s.best })
    expect(stop.bestEpoch).toBe(s.best)
    expect(stop.best).toBe(s.values[s.best - 1])
  })

  it('takes accuracies as better the higher, all else the lower', () => {
    expect(drive({ monitor: 'valAccuracy' }, [0.5, 0.6, 0.4]).best).toBe(2)
    expect(drive({ monitor: 'accuracy' }, [0.5, 0.6, 0.4]).best).toBe(2)
    expect(drive({ monitor: 'loss' }, [0.5, 0.4, 0.6]).best).toBe(2)
    expect(drive({}, [0.5, 0.4, 0.6]).best).toBe(2)
  })

  it('stops at NaN whatever its patience, and never takes it as the best', () => {
    expect(drive({ patience: 9 }, [3, 2, Number.NaN, 1])).toMatchObject({ epochs: 3, best: 2 })
    expect(drive({ patience: 9 }, [Number.NaN, 1])).toMatchObject({ epochs: 1, best: undefined })
    expect(drive({}, [Number.POSITIVE_INFINITY, 2, 1, 5])).toMatchObject({ epochs: 4, best: 3 })
  })

  it('serves one fit at a time, any number one after another', () => {
    const stop = new EarlyStopping()
    const [one, two] = [0, 1].map(() => ({ stopTraining: false, snapshot: () => new Float32Array(), restore() {} }))
    stop.onTrainBegin(one)
    stop.onEpochEnd(1, { valLoss: 2 }, one)
    stop.onTrainBegin(two)
    stop.onEpochEnd(1, { valLoss: 3 }, two)
    expect(stop.best).toBe(3)
    expect(() => stop.onEpochEnd(2, { valLoss: 1 }, one)).toThrow('EarlyStopping: expected one of its own for each fit')
    expect(Object.keys(stop)).not.toContain('model')
  })

  it('begins anew, without the weights of the fit before', () => {
    const stop = new EarlyStopping()
    let restored = 0
    const model = { stopTraining: false, snapshot: () => new Float32Array(), restore: () => restored++ }
    stop.onTrainBegin(model)
    stop.onEpochEnd(1, { valLoss: 2 }, model)
    stop.onTrainBegin(model)
    stop.onTrainEnd({} as never, model)
    expect([restored, stop.best]).toEqual([0, Number.NaN])
  })

  it('leaves the weights if told to', () => {
    expect(drive({ restoreBestWeights: false }, [1, 2])).toMatchObject({ epochs: 2, best: undefined })
  })

  it.each([
    { patience: -1 },
    { patience: 1.5 },
    { minDelta: Number.NaN },
    { minDelta: -0.1 },
    { mode: 'auto' as never },
    { monitor: 'valF1' }, // whose better is anybody's guess
  ])('refuses %j', (options) => {
    expect(() => new EarlyStopping(options)).toThrow(ValueError)
  })
})

eachBackend(() => {
  describe('callbacks', () => {
    it('are called in order, each awaited, with figures and model', async () => {
      const { model } = classifier()
      const seen: string[] = []
      let busy = 0
      const watch = (name: string): Callback => {
        const note = async (what: string, m: TrainingModel) => {
          expect(m).toBe(model)
          expect(busy++).toBe(0)
          await wait(2)
          busy--
          seen.push(`${name} ${what}`)
        }
        return {
          onTrainBegin: (m) => note('begin', m),
          onEpochBegin: (epoch, m) => note(`epoch ${epoch}`, m),
          onEpochEnd: (epoch, logs, m) => {
            expect(Object.keys(logs)).toEqual(['loss', 'accuracy', 'valLoss', 'valAccuracy'])
            return note(`end ${epoch}`, m)
          },
          onTrainEnd: (history, m) => {
            expect(history.epoch).toEqual([1, 2])
            return note('done', m)
          },
        }
      }
      const options = { epochs: 2, validation: 0.2, callbacks: [watch('a'), {}, watch('b')] }
      await model.fit(rows(), options)
      const both = (what: string) => [`a ${what}`, `b ${what}`]
      const all = ['begin', 'epoch 1', 'end 1', 'epoch 2', 'end 2', 'done'].flatMap(both)
      expect(seen).toEqual(all)
    })

    it('get the figures of the epoch that history keeps', async () => {
      const { model } = classifier()
      const logs: Logs[] = []
      const { history } = await model.fit(rows(), {
        epochs: 3,
        callbacks: [{ onEpochEnd: (_e, l) => logs.push({ ...l }) }],
      })
      expect(logs.map((l) => l.loss)).toEqual(history.loss)
    })

    it('may read and predict; what they throw ends fit, and the model is free again', async () => {
      const { model } = classifier()
      const { x, y } = rows()
      const first = model.getWeights()[0].data.slice()
      const onEpochEnd = (epoch: number) => {
        expect(model.predict(x).shape).toEqual([50, 3])
        expect(model.getWeights()[0].data).not.toEqual(first)
        if (epoch === 2) throw new Error('enough')
      }
      let ended = false
      const onTrainEnd = () => {
        ended = true
      }
      await expect(model.fit({ x, y }, { epochs: 5, callbacks: [{ onEpochEnd, onTrainEnd }] })).rejects.toThrow(
        'enough',
      )
      expect(ended).toBe(false)
      const rejecting = { onEpochBegin: () => Promise.reject(new Error('no')) }
      await expect(model.fit({ x, y }, { callbacks: [rejecting] })).rejects.toThrow('no')
      await model.fit({ x, y })
    })

    it('stopTraining ends after the epoch; the next fit starts anew', async () => {
      const { model } = classifier()
      const stop: Callback = {
        onEpochEnd(epoch, _logs, m) {
          m.stopTraining = epoch === 2
        },
      }
      const { history, steps } = await model.fit(rows(), { epochs: 9, batchSize: 25, callbacks: [stop] })
      expect(history.loss).toHaveLength(2)
      expect(steps.loss).toHaveLength(4)
      expect((await model.fit(rows(), { epochs: 3 })).epoch).toEqual([1, 2, 3])
      const atOnce: Callback = {
        onTrainBegin(m) {
          m.stopTraining = true
        },
      }
      expect((await model.fit(rows(), { epochs: 3, callbacks: [atOnce] })).epoch).toEqual([])
    })

    it('may change the learning rate between epochs, which recorded steps obey', async () => {
      const schedule = [0.1, 0.05, 0, 0.2]
      const { model, optimizer } = classifier()
      const snapshots: unknown[] = []
      const { history } = await model.fit(rows(), {
        epochs: 4,
        batchSize: 16,
        callbacks: [
          {
            onEpochBegin(epoch) {
              optimizer.learningRate = schedule[epoch - 1]
            },
            onEpochEnd: (_e, _l, m) => snapshots.push(m.snapshot()),
          },
        ],
      })
      expect(snapshots[2]).toEqual(snapshots[1])
      expect(snapshots[3]).not.toEqual(snapshots[2])
      // The same by a fit for each epoch.
      const other = classifier()
      const losses: number[] = []
      for (const rate of schedule) {
        other.optimizer.learningRate = rate
        losses.push((await other.model.fit(rows(), { batchSize: 16 })).history.loss[0])
      }
      expect(losses).toEqual(history.loss)
      expect(other.model.snapshot()).toEqual(model.snapshot())
    })

    it('EarlyStopping puts back the best epoch’s weights', async () => {
      const { model, optimizer } = classifier()
      const snapshots: (Float32Array | Float64Array)[] = []
      const stop = new EarlyStopping({ monitor: 'loss', patience: 2 })
      const spoil: Callback = {
        onEpochBegin(epoch) {
          optimizer.learningRate = epoch <= 3 ? 0.1 : 50 // from here on it can only get worse
        },
        onEpochEnd: (_e, _l, m) => snapshots.push(m.snapshot()),
      }
      const { history } = await model.fit(rows(), { epochs: 50, batchSize: 16, callbacks: [spoil, stop] })
      expect(stop.best).toBe(Math.min(...history.loss))
      expect(history.loss[stop.bestEpoch - 1]).toBe(stop.best)
      expect(history.loss).toHaveLength(stop.bestEpoch + 2)
      expect(model.snapshot()).toEqual(snapshots[stop.bestEpoch - 1])
      expect(model.snapshot()).not.toEqual(snapshots[snapshots.length - 1])
      // One object may serve a second fit: it forgets the first.
      await model.fit(rows(), { epochs: 1, callbacks: [stop] })
      expect(stop.bestEpoch).toBe(1)
    })

    it('EarlyStopping names what it could monitor', async () => {
      const { model } = classifier()
      const fit = model.fit(rows(), { callbacks: [new EarlyStopping()] })
      await expect(fit).rejects.toThrow(
        'EarlyStopping: expected a figure to monitor among loss, accuracy (fit has those of validation data where it is given some), received "valLoss"',
      )
    })
  })
})
