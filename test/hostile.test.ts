import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { plot } from '../src/plot/index.js'
import { eachBackend } from './backends.js'

// Arguments that change while they are read, that claim to be what they are not, or that are far too large.

const root = path.resolve(import.meta.dirname, '..')
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lanewise-hostile-'))
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }))

const small = (optimizer: lw.Optimizer) => {
  const model = new lw.Sequential({ input: [1], layers: [new lw.Affine(1)], seed: 1 })
  return model.compile({ loss: 'meanSquaredError', optimizer })
}
const data = () => ({ x: lw.tensor([[1], [2]]), y: lw.tensor([[3], [5]]) })

eachBackend(() => {
  describe('values', () => {
    it('that grow as the options are read do not reach the next tensor', () => {
      const Growing = ArrayBuffer as unknown as new (
        bytes: number,
        options: object,
      ) => ArrayBuffer & { resize?(n: number): void }
      const buffer = new Growing(12, { maxByteLength: 400 })
      const values = new Float32Array(buffer)
      const neighbours = Array.from({ length: 4 }, () => lw.zeros([3]))
      const options = {
        get dtype(): 'float32' {
          buffer.resize?.(400)
          return 'float32'
        },
      }
      const made = lw.tensor(values, options)
      expect(made.size).toBe(values.length)
      class Liar extends Float32Array {
        override get length(): number {
          return 3
        }
      }
      expect(() => neighbours[0].set(new Liar(100).fill(7))).toThrow()
      for (const t of neighbours) expect(t.toArray()).toEqual([0, 0, 0])
    })

    it('that only look like typed arrays', () => {
      for (const fake of [new Proxy(new Float32Array(3), {}), Object.create(Float32Array.prototype)])
        expect(() => lw.tensor(fake)).toThrow(lw.TypeMismatchError)
    })

    it('too many for an array of JavaScript', () => {
      expect(() => lw.zeros([2 ** 25 + 1], { dtype: 'uint8' }).toArray()).toThrow(
        'toArray: expected rows of at most 33554432 numbers (toTypedArray() gives more), received [33554433]',
      )
    })

    it('states and orders that are no tensors', () => {
      const fake = { dtype: 'int32', size: 4 } as never
      for (const draw of [() => lw.normal(fake, [2]), () => lw.uniform(fake, [2]), () => lw.permutation(fake, 2)])
        expect(draw).toThrow('a state made by randomState()')
      expect(() => lw.permutation(lw.randomState(1), 4, fake)).toThrow('permutation: expected a tensor as out')
    })

    it('a tensor where a number is wanted', () => {
      const loss = lw.tensor([14]).sum()
      for (const compare of [() => (loss as never) > 4, () => (loss as never) * 2, () => +loss])
        expect(compare).toThrow(
          'Tensor: expected item() or an op, where a number is wanted, received Tensor float32 []',
        )
      // biome-ignore lint/suspicious/noDoubleEquals: the operator itself is what throws
      const [plus, equals] = [() => 0 + (loss as never), () => (loss as never) == 14]
      const error = `Tensor: expected item(), an op, or \`\${tensor}\` for text, received Tensor float32 []`
      for (const either of [plus, equals]) expect(either).toThrow(error)
      expect(`${loss}`).toBe('Tensor float32 []')
    })
  })

  it('a tape too long for its memory is an error', () => {
    const a = lw.zeros([1])
    const tooLong = () => {
      for (;;) lw.fill(a, 1)
    }
    expect(() => lw.record(tooLong)).toThrow('record: expected a tape of at most 16777216 words')
    expect(() => lw.record(() => lw.fill(a, 2)).replay()).not.toThrow()
    expect(a.toArray()).toEqual([2])
  })

  it('an onProgress that returns a promise is an error of the replay', async () => {
    const a = lw.zeros([1])
    const tape = lw.record(() => lw.fill(a, 1))
    const onProgress = async () => {}
    await expect(tape.replayAsync(1, { onProgress })).rejects.toThrow('replayAsync: expected a synchronous function')
    await tape.replayAsync(1)
  })

  it('a command that a bad index ends has written to its out all the same', () => {
    const w = lw.tensor([[1], [2]], { requiresGrad: true })
    for (const write of [
      (h: lw.Tensor) => lw.gatherRows(lw.tensor([[1], [2]]), lw.tensor(Int32Array.of(0, 9)), {}, h),
      (h: lw.Tensor) => lw.oneHot(lw.tensor(Int32Array.of(0, 9)), 1, 'float32', h),
    ]) {
      const h = lw.multiply(w, 3)
      expect(() => write(h)).toThrow(lw.IndexError)
      expect(() => lw.backward(lw.sum(h))).toThrow('without history')
    }
  })

  describe('a training', () => {
    it('whose optimizer works later is refused', async () => {
      class Late extends lw.Optimizer {
        protected readonly slotCount = 0
        protected async emit(): Promise<void> {}
      }
      await expect(small(new Late(0.1)).fit(data())).rejects.toThrow('Late.emit')
    })

    it('whose optimizer fails counts no step, and leaves frozen parameters', () => {
      class Failing extends lw.Optimizer {
        protected readonly slotCount = 0
        protected emit(store: lw.ParameterStore): void {
          lw.fill(store.values, 7)
          throw new Error('half done')
        }
      }
      const optimizer = new Failing(0.1)
      const model = small(optimizer)
      const [weight] = model.store.parameters
      weight.value.requiresGrad = false
      const before = weight.value.toArray()
      expect(() => optimizer.step(model.store)).toThrow('half done')
      expect(weight.value.toArray()).toEqual(before)
      expect(optimizer.state(model.store).step.item()).toBe(0)
    })

    it('has the options and callbacks that it was given', async () => {
      const seen: string[] = []
      const callbacks: lw.Callback[] = [
        {
          onEpochEnd() {
            seen.push('a')
            callbacks.shift()
          },
        },
        { onEpochEnd: () => void seen.push('b') },
      ]
      const options = { epochs: 2, callbacks }
      const fit = small(new lw.SGD()).fit(data(), options)
      Object.assign(options, { stopOnNonFinite: 'x', signal: {}, callbacks: 0 })
      await fit
      expect(seen.join('')).toBe('abab')
    })

    it('has inherited options, too', async () => {
      class Options {
        get epochs(): number {
          return 3
        }
      }
      expect((await small(new lw.SGD()).fit(data(), new Options())).epoch).toEqual([1, 2, 3])
      expect(lw.tensor([1], Object.create({ dtype: 'float64' })).dtype).toBe('float64')
    })

    it('takes weights by their numbers, not as an iterator tells', () => {
      const model = small(new lw.SGD())
      const before = model.getWeights().map((w) => w.toArray())
      class Short extends Array<lw.TensorValues> {
        override *[Symbol.iterator](): ArrayIterator<lw.TensorValues> {
          yield [[9]]
        }
      }
      expect(() => model.setWeights(Short.of([[9]], 'no' as never))).toThrow(lw.LanewiseError)
      expect(model.getWeights().map((w) => w.toArray())).toEqual(before)
    })
  })
})

it('a history has no figure named __proto__', () => {
  const history = new lw.History()
  expect(() => history.addEpoch(JSON.parse('{"__proto__": 1}'))).toThrow(lw.ValueError)
  expect(() => history.addSteps(JSON.parse('{"__proto__": [1]}'), 1)).toThrow(lw.ValueError)
  expect(Object.keys(history.history)).toEqual([])
})

it('epochs of a history from elsewhere are numbers, and get to no page otherwise', async () => {
  const history = { epoch: ['<script>alert(1)</script>'] as never, history: { loss: [1] } }
  await expect(plot(history, path.join(dir, 'epochs'))).rejects.toThrow(/epoch to be a list of numbers/)
  expect(fs.existsSync(path.join(dir, 'epochs.html'))).toBe(false)
})

// As in an old sandbox, and in jest's environment jsdom.
it('without shared memory JavaScript computes; without setImmediate too', () => {
  const code = `delete globalThis.SharedArrayBuffer
    delete globalThis.setImmediate
    const lw = require(${JSON.stringify(path.join(root, 'dist'))})
    console.log(lw.backendInfo().backend, lw.tensor([1, 2]).add(1).toArray().join())`
  const env = { ...process.env, LANEWISE_BACKEND: '', LANEWISE_ISA: '', LANEWISE_THREADS: '' }
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', code], { encoding: 'utf8', env })
  expect(stdout.trim(), stderr).toBe('js 2,3')
})
