import { describe, expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { eachBackend } from './backends.js'

/** What JavaScript may do, and TypeScript forbids. */
const writable = (shape: lw.Shape) => shape as number[]
const data = () => ({ x: lw.full([10, 3], 1), y: lw.zeros([10, 3]) })

/** Forgets that axis 0 is the batch. */
class Pool extends lw.Module {
  override forward(x: lw.Tensor): lw.Tensor {
    return lw.sum(x, 0)
  }
}
class Wrong extends lw.Module {
  override build(): lw.Shape {
    return [7]
  }
  override forward(x: lw.Tensor): lw.Tensor {
    return x
  }
}
const ownLoss: lw.Loss = {
  name: 'own',
  targets: 'dense',
  call: (p, t) => lw.mean(lw.square(lw.subtract(p, t))),
}

eachBackend(() => {
  describe('shapes that are not what they were', () => {
    it('no op reads or writes beyond a tensor whose shape was written to', () => {
      const [a, b] = [lw.tensor([1, 2, 3, 4]), lw.tensor([5, 6, 7, 8])]
      const r = lw.relu(a) // shares a's shape
      writable(a.shape)[0] = 40
      for (const call of [
        () => lw.add(a, 1),
        () => lw.add(lw.zeros([40]), 99, a),
        () => lw.matmul(lw.reshape(lw.tensor([1, 2, 3, 4]), [1, 4]), r),
        () => lw.sum(r),
        () => a.toArray(),
      ])
        expect(call).toThrow(/expected a shape of 4 elements, as it was made with, received \[40\]/)
      expect(b.toArray()).toEqual([5, 6, 7, 8])
    })

    it("a model's input and output are not to be written", () => {
      const model = new lw.Sequential({ input: [3], layers: [new lw.Affine(2)] })
      expect(() => writable(model.input).unshift(1)).toThrow(TypeError)
      expect(() => writable(model.output).pop()).toThrow(TypeError)
    })

    it.each([
      [Pool, '[10, 3]', '[3]'],
      [Wrong, '[10, 7]', '[10, 3]'],
    ])('forward that does not give what build says: %s', async (Layer, expected, received) => {
      const model = new lw.Sequential({ input: [3], layers: [new lw.Affine(3), new Layer()] }).compile({
        loss: ownLoss,
      })
      const message = `expected forward to give ${expected} for 10 rows, as build says, received ${received}`
      const { x } = data()
      const fitting = { x, y: lw.zeros([10, ...model.output]) }
      await expect(model.fit(fitting)).rejects.toThrow(`fit: ${message}`)
      await expect(model.evaluate(fitting)).rejects.toThrow(`evaluate: ${message}`)
      expect(() => model.predict(x)).toThrow(`predict: ${message}`)
    })
  })

  it.each(['mse', 'mae', 'binaryAccuracy'] as const)('metric %s beside a loss of class numbers', (name) => {
    const model = new lw.Sequential({ input: [3], layers: [new lw.Affine(3), new lw.Softmax()] })
    const compile = () => model.compile({ loss: 'sparseCategoricalCrossentropy', metrics: [name] })
    expect(compile).toThrow(
      /^compile: expected metrics of class numbers, which loss sparseCategoricalCrossentropy takes/,
    )
    expect(() => model.compile({ loss: 'categoricalCrossentropy', metrics: [name] })).not.toThrow()
  })

  it('a typed array whose memory is gone', () => {
    const values = new Float32Array(3)
    structuredClone(values.buffer, { transfer: [values.buffer] })
    expect(() => lw.tensor(values)).toThrow(
      'tensor: expected a typed array that has its memory, received one whose memory was transferred away',
    )
    expect(lw.tensor(new Float32Array(0)).shape).toEqual([0])
  })

  it('a divisor that tensor() would refuse', () => {
    const [floats, bytes] = [lw.tensor([10]), lw.tensor([10], { dtype: 'uint8' })]
    const divide = (t: lw.Tensor, divisor: number) => () => {
      t.divisor = divisor
    }
    expect(divide(floats, 10)).toThrow('tensor: expected dtype uint8 for a tensor with a divisor, received float32')
    for (const wrong of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(divide(bytes, wrong)).toThrow('tensor: expected a divisor above 0')
    divide(bytes, 4)()
    expect(bytes.item()).toBe(2.5)
  })
})
