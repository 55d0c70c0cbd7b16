import { expect, it, vi } from 'vitest'
import { Affine, EarlyStopping, NonFiniteError, Sequential, SGD, type Tensor, tensor } from '../../src/index.js'
import { eachBackend } from '../backends.js'
import { inputs } from './formulas.js'

function compiled() {
  const model = new Sequential({ input: [4], layers: [new Affine(2)], seed: 1 })
  return model.compile({ loss: 'mse', optimizer: new SGD({ learningRate: 0.01 }), metrics: ['meanSquaredError'] })
}
const data = () => ({ x: inputs(40, 4), y: inputs(40, 2) })
const OPTIONS = { batchSize: 8, shuffle: false, epochs: 4 } as const

/** Makes row `row` of x bad, from the second epoch on. */
function spoil(x: Tensor, row: number, value: number) {
  return {
    onEpochBegin(epoch: number) {
      if (epoch === 2) x.data[row * 4] = value
    },
  }
}

/** The warnings that fn causes. */
async function warnings(fn: () => Promise<unknown>): Promise<string[]> {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  try {
    await fn()
    return warn.mock.calls.map(([message]) => String(message))
  } finally {
    warn.mockRestore()
  }
}

async function errorOf(run: Promise<unknown>): Promise<NonFiniteError> {
  const error: unknown = await run.catch((e: unknown) => e)
  expect(error).toBeInstanceOf(NonFiniteError)
  return error as NonFiniteError
}

eachBackend(() => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY])('%d in x: the error has epoch, step and the history', async (bad) => {
    const { x, y } = data()
    const model = compiled()
    const callbacks = [spoil(x, 19, bad)]
    const error = await errorOf(model.fit({ x, y }, { ...OPTIONS, callbacks, stopOnNonFinite: true }))
    expect(error.message).toBe(`fit: expected a finite loss, received ${bad} at epoch 2, step 3`)
    const { history } = error
    expect(history.nonFinite).toEqual({ epoch: 2, step: 3 })
    expect(history.epoch).toEqual([1])
    expect(history.history.loss).toHaveLength(1)
    expect(history.seconds).toHaveLength(1)
    // All steps of the first epoch, and those of the second up to the bad one.
    for (const name of ['loss', 'meanSquaredError']) {
      expect(history.steps[name].slice(0, 7).every(Number.isFinite)).toBe(true)
      expect(history.steps[name].slice(7)).toEqual([bad])
    }
    expect(JSON.parse(JSON.stringify(history)).nonFinite).toEqual({ epoch: 2, step: 3 })
    expect((await compiled().fit(data(), { stopOnNonFinite: true })).nonFinite).toBeUndefined()
  })

  it('EarlyStopping puts back the best weights all the same', async () => {
    const { x, y } = data()
    const model = compiled()
    const best: number[][] = []
    const callbacks = [
      spoil(x, 19, Number.NaN),
      new EarlyStopping({ monitor: 'loss', patience: 5 }),
      { onEpochEnd: () => void best.push([...model.store.values.data]) },
    ]
    await errorOf(model.fit({ x, y }, { ...OPTIONS, callbacks, stopOnNonFinite: true }))
    expect([...model.store.values.data]).toEqual(best[0])
  })

  it('an onTrainEnd that throws then does not hide the error, and is not called for another fit', async () => {
    const { x, y } = data()
    const bad = inputs(40, 4)
    bad.data[0] = Number.NaN
    let ends = 0
    const callbacks = [
      spoil(x, 19, Number.NaN),
      {
        onTrainEnd() {
          ends++
          throw new Error('of its own')
        },
      },
    ]
    const error = await errorOf(compiled().fit({ x, y }, { ...OPTIONS, callbacks, stopOnNonFinite: true }))
    expect(error.history.epoch).toEqual([1])
    expect((error.cause as Error).message).toBe('of its own')
    const inner = () => compiled().fit({ x: bad, y }, { ...OPTIONS, stopOnNonFinite: true })
    const outer = [{ onTrainBegin: inner }, callbacks[1] as object]
    await errorOf(compiled().fit(data(), { ...OPTIONS, callbacks: outer, stopOnNonFinite: true }))
    expect(ends).toBe(1)
  })

  it('bad targets are found as well; without stopOnNonFinite training goes on', async () => {
    const { x, y } = data()
    y.data[39 * 2] = Number.NEGATIVE_INFINITY
    const model = compiled()
    const told = await warnings(async () => {
      const history = await model.fit({ x, y }, OPTIONS)
      expect(history.nonFinite).toEqual({ epoch: 1, step: 5 })
      expect(history.epoch).toEqual([1, 2, 3, 4])
      expect(history.steps.loss).toHaveLength(20)
    })
    expect(told).toEqual([expect.stringMatching(/^fit: the loss is Infinity at epoch 1, step 5 /)])
  })

  it('the validation loss: a warning, or an error after the whole epoch', async () => {
    const validation = { x: inputs(300, 4), y: inputs(300, 2) }
    validation.x.data[299 * 4] = Number.NaN
    const told = await warnings(async () => {
      const history = await compiled().fit(data(), { ...OPTIONS, validation })
      expect(history.valNonFinite).toEqual({ epoch: 1, step: 2 })
      expect(history.toJSON().valNonFinite).toEqual({ epoch: 1, step: 2 })
      expect(history.nonFinite).toBeUndefined()
      expect(history.history.valLoss).toEqual([NaN, NaN, NaN, NaN])
    })
    expect(told).toEqual([expect.stringMatching(/^fit: the validation loss is NaN at epoch 1, step 2 /)])

    const error = await errorOf(compiled().fit(data(), { ...OPTIONS, validation, stopOnNonFinite: true }))
    expect(error.message).toBe('fit: expected a finite validation loss, received NaN at epoch 1, step 2')
    const { history } = error
    expect([history.epoch, history.history.valLoss, history.steps.loss.length]).toEqual([[1], [NaN], 5])
    expect(history.valNonFinite).toEqual({ epoch: 1, step: 2 })
  })

  it('one warning where the training loss and then the validation loss are not finite', async () => {
    const { x, y } = data()
    x.data[0] = Number.NaN
    const told = await warnings(async () => {
      const { nonFinite, valNonFinite } = await compiled().fit({ x, y }, { ...OPTIONS, validation: data() })
      expect({ nonFinite, valNonFinite }).toEqual({
        nonFinite: { epoch: 1, step: 1 },
        valNonFinite: { epoch: 1, step: 1 },
      })
    })
    expect(told).toHaveLength(1)
  })

  it('a model with validation that stopped is free, and its weights can be set anew', async () => {
    const model = compiled()
    const weights = model.getWeights()
    const x = tensor(inputs(40, 4).data.slice(), { shape: [40, 4] })
    x.data[0] = Number.NaN
    await errorOf(model.fit({ x, y: inputs(40, 2) }, { stopOnNonFinite: true }))
    model.setWeights(weights)
    const { history } = await model.fit(data(), { validation: 0.5 })
    expect([history.loss, history.valLoss].flat().every(Number.isFinite)).toBe(true)
  })
})
