import vm from 'node:vm'
import { expect, it } from 'vitest'
import { crossEntropyError } from '../src/functional.js'
import * as lw from '../src/index.js'
import { eachBackend } from './backends.js'

// What tensor() and set() take from JavaScript, and what goes back.

eachBackend(() => {
  it('rows may be typed arrays', () => {
    const rows = [new Float32Array([1, 2]), new Float64Array([3, 4]), [5, 6]]
    expect(lw.tensor(rows).toArray()).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ])
    expect(() => lw.tensor([new Float32Array(2), new Float32Array(3)])).toThrow(
      'equal lengths at depth 1 (2), received 3 at [1]',
    )
    expect(() => lw.tensor([[], [1]])).toThrow('equal lengths at depth 1 (0), received 1 at [1]')
    expect(() => lw.tensor([[[]], [[1]]] as never)).toThrow('equal lengths at depth 2 (0), received 1 at [1][0]')
  })

  it('one-hot rows of the functional API too', () => {
    const y = lw.tensor([
      [0.25, 0.75],
      [0.5, 0.5],
    ])
    const soft = [
      [0.5, 0.5],
      [0.125, 0.875],
    ]
    const rows = soft.map((row) => Float32Array.from(row))
    expect(crossEntropyError(y, rows).item()).toBe(crossEntropyError(y, soft).item())
  })

  it('typed arrays of another realm', () => {
    const foreign: Float32Array = vm.runInNewContext('new Float32Array([1.5, 2])')
    expect(foreign).not.toBeInstanceOf(Float32Array)
    expect(lw.tensor(foreign).toArray()).toEqual([1.5, 2])
    expect(lw.tensor(vm.runInNewContext('new Uint8Array([7])')).dtype).toBe('uint8')
    expect(() => lw.tensor(vm.runInNewContext('new Uint16Array([7])'))).toThrow(lw.TypeMismatchError)
  })

  it('many rows', () => {
    const row = Array.from({ length: 784 }, (_, i) => i)
    const x = lw.tensor(new Array(10_000).fill(row))
    expect(x.shape).toEqual([10_000, 784])
    expect(x.data[9999 * 784 + 783]).toBe(783)
  })

  it('set checks what integers hold, and then changes nothing', () => {
    const t = lw.tensor([1, 2], { dtype: 'int32' })
    expect(() => t.set([5, 1.5])).toThrow(
      'set: expected whole numbers from -2147483648 to 2147483647 for int32, received 1.5 at 1',
    )
    expect(t.toArray()).toEqual([1, 2])
    expect(() => lw.zeros([2], { dtype: 'uint8' }).set([0, 256])).toThrow('from 0 to 255 for uint8, received 256 at 1')
    expect(() => lw.zeros([1], { dtype: 'int32' }).set(lw.tensor([0.5]))).toThrow(lw.ValueError)
  })

  it('set takes the quotients of a tensor with a divisor', () => {
    const bytes = lw.tensor(new Uint8Array([255, 0, 51]), { divisor: 255 })
    expect(lw.zeros([3], { dtype: 'float64' }).set(bytes).data[0]).toBe(1)
    const same = lw.tensor(new Uint8Array(3), { divisor: 255 }).set(bytes)
    expect([...same.data]).toEqual([255, 0, 51])
    const model = new lw.Sequential({ input: [3], layers: [new lw.Affine(1)] })
    model.setWeights([lw.tensor(new Uint8Array([255, 0, 51]), { shape: [3, 1], divisor: 255 }), [2]])
    expect(model.getWeights()[0].toArray()).toEqual([[1], [0], [Math.fround(0.2)]])
  })

  it('JSON has the values of a tensor alone, and weights come back from it', () => {
    expect(JSON.stringify(lw.tensor([[1, 2.5]]))).toBe('[[1,2.5]]')
    const model = new lw.Sequential({ input: [3], layers: [new lw.Affine(2)], seed: 3 })
    const other = new lw.Sequential({ input: [3], layers: [new lw.Affine(2)], seed: 4 })
    other.setWeights(JSON.parse(JSON.stringify(model.getWeights())))
    expect(other.predict([[1, 2, 3]]).toArray()).toEqual(model.predict([[1, 2, 3]]).toArray())
  })

  it('a shape that was written to', () => {
    const [t, neighbour] = [lw.tensor([1, 2, 3]), lw.tensor([4, 5, 6])]
    ;(t.shape as number[]).push(9)
    const values = lw.zeros([3, 9])
    expect(() => t.set(values)).toThrow('set: expected a shape of 3 elements, as it was made with, received [3, 9]')
    expect(neighbour.toArray()).toEqual([4, 5, 6])
    ;(t.shape as number[]).length = 1
    ;(t.shape as number[])[0] = 1e9
    expect(() => t.toArray()).toThrow(
      'toArray: expected a shape of 3 elements, as it was made with, received [1000000000]',
    )
  })

  it('options and hooks that there are not', async () => {
    const odd = { dtpye: 'int32' } as object
    expect(() => lw.tensor([1], odd)).toThrow(
      'tensor: expected options among shape, dtype, divisor, requiresGrad, received "dtpye"',
    )
    for (const make of [
      () => lw.zeros([1], odd),
      () => lw.matmul(lw.zeros([1, 1]), lw.zeros([1, 1]), odd),
      () => lw.sum(lw.zeros([1]), 0, odd),
    ])
      expect(make).toThrow(lw.ValueError)
    const one = 1 as unknown as boolean
    expect(() => new lw.SGD({ momentum: 0.9, nesterov: one })).toThrow(
      'SGD: expected nesterov: true or false, received 1',
    )
    expect(() => lw.matmul(lw.zeros([1, 1]), lw.zeros([1, 1]), { transposeA: one })).toThrow(lw.TypeMismatchError)
    const model = new lw.Sequential({ input: [1], layers: [new lw.Affine(1)] })
    model.compile({ loss: 'meanSquaredError' })
    const callbacks = [{ onEpochend() {} } as lw.Callback]
    const shuffle = 'no' as unknown as boolean
    await expect(model.fit({ x: [[1]], y: [[1]] }, { shuffle })).rejects.toThrow('fit: expected shuffle: true or false')
    await expect(model.fit({ x: [[1]], y: [[1]] }, { callbacks })).rejects.toThrow('received "onEpochend"')
  })

  it('an error names the argument', async () => {
    const model = new lw.Sequential({ input: [1], layers: [new lw.Affine(1)] })
    model.compile({ loss: 'meanSquaredError' })
    const x = [[1], ['a']] as unknown as number[][]
    await expect(model.fit({ x, y: [1, 2] })).rejects.toThrow(
      'fit: expected x: numbers at depth 2, received "a" at [1][0]',
    )
    expect(() => model.setWeights([[[1]], 'b' as unknown as number])).toThrow('setWeights: expected Affine.bias: ')
  })

  it('a long sum', () => {
    const n = 3_000_000
    expect(Math.abs(lw.sum(lw.full([n], 0.1)).item() / (n * Math.fround(0.1)) - 1)).toBeLessThan(4e-6)
  })

  it('a mean of equal numbers is that number, over axes that are no neighbours too', () => {
    for (const shape of [
      [1, 2, 55],
      [7, 1, 7],
      [49, 3, 11],
    ])
      for (const dtype of ['float32', 'float64'] as const) {
        const x = lw.full(shape, 49, dtype)
        expect(new Set(x.mean([0, 2]).data)).toEqual(new Set([49]))
        expect(x.mean([0, 2], {}, lw.zeros([shape[1]], { dtype })).data[0]).toBe(49)
      }
    expect(() => lw.mean(lw.full([2, 3, 4], 1), [0, 2], {}, lw.zeros([4]))).toThrow(
      'mean: expected out to be float32 [3]',
    )
    expect(lw.mean(lw.zeros([0, 2, 0]), [0, 2]).toArray()).toEqual([Number.NaN, Number.NaN])
  })
})
