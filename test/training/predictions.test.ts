import { expect, it } from 'vitest'
import {
  Affine,
  Flatten,
  LeakyRelu,
  type Module,
  noGrad,
  Relu,
  Sequential,
  Sigmoid,
  Softmax,
  Tanh,
  type Tensor,
  tensor,
} from '../../src/index.js'
import { eachBackend } from '../backends.js'
import { classes, inputs } from './formulas.js'

const bits = (t: Tensor) => [t.shape, ...t.data]
/** Row by row, by the layers' ops. */
const forward = (model: Sequential, x: Tensor) => noGrad(() => bits(model.forward(x)))

eachBackend(() => {
  // 7-64: 1024 rows at once
  it('has the bits of forward for any number of rows, the first time and after', () => {
    const layers = () => [new Affine(64), new Relu(), new Affine(5), new Tanh(), new Affine(3), new Softmax()]
    for (const dtype of ['float32', 'float64'] as const) {
      const model = new Sequential({ input: [7], layers: layers(), dtype })
      for (const rows of [1, 5, 5, 5, 1024, 1030, 1030, 1030, 2500, 2500, 5, 1, 0, 1, 1024]) {
        const x = inputs(rows, 7, dtype)
        expect(bits(model.predict(x))).toEqual(forward(model, x))
      }
    }
  })

  it('for models that begin or end otherwise', () => {
    const models: [number[], Module[]][] = [
      [[7], [new Affine(3)]],
      [[7], [new Affine(3), new Flatten()]],
      [[7], [new Tanh(), new Affine(3)]],
      [
        [7, 2],
        [new Flatten(), new Affine(6), new Sigmoid(), new Affine(2)],
      ],
      [
        [7, 2],
        [new Affine(3), new Relu(), new Flatten(), new Affine(2)],
      ],
      [
        [7, 2],
        [new Flatten(), new Flatten(), new Affine(6), new Sigmoid()],
      ],
      [[2, 7], [new Flatten()]],
    ]
    for (const [input, made] of models) {
      const model = new Sequential({ input, layers: made })
      const x = inputs(9, 14).reshape([input.length === 1 ? 18 : 9, ...input])
      for (let i = 0; i < 3; i++) expect(bits(model.predict(x))).toEqual(forward(model, x))
    }
  })

  it('of bytes are those of their quotients', () => {
    const model = new Sequential({ input: [6], layers: [new Affine(4), new Relu(), new Affine(2)] })
    const bytes = tensor(
      Uint8Array.from({ length: 60 }, (_, i) => (i * 37) % 256),
      { shape: [10, 6] },
    )
    bytes.divisor = 255
    for (let i = 0; i < 3; i++) expect(bits(model.predict(bytes))).toEqual(forward(model, bytes.cast('float32')))
  })

  it('are of the weights and layers that there are now', async () => {
    const leaky = new LeakyRelu(0.5)
    const first = new Affine(5)
    const model = new Sequential({ input: [7], layers: [first, leaky, new Affine(3), new Softmax()] })
    const x = inputs(20, 7)
    let before: unknown
    const changed = () => {
      for (let i = 0; i < 3; i++) expect(bits(model.predict(x))).toEqual(forward(model, x))
      const now = bits(model.predict(x))
      expect(now).not.toEqual(before)
      before = now
    }
    changed()
    model.setWeights(model.getWeights().map((w) => w.multiply(2)))
    changed()
    await model.compile({ loss: 'sparseCategoricalCrossentropy' }).fit({ x, y: tensor(classes(20)) })
    changed()
    ;(leaky as { slope: number }).slope = 0.25
    changed()
    ;(model.layers as Module[])[1] = new Tanh()
    changed()
    const other = new Affine(5)
    new Sequential({ input: [7], layers: [other], seed: 5 })
    first.weight = other.weight
    changed()
    first.forward = (t) => Affine.prototype.forward.call(first, t).multiply(3)
    changed()
    ;(model.layers as Module[]).pop()
    changed()
  })

  it('earlier ones stay, and so does what a layer of one’s own keeps', () => {
    const kept: Tensor[] = []
    class Watching extends Relu {
      override forward(x: Tensor): Tensor {
        kept.push(x)
        return super.forward(x)
      }
    }
    const plain = new Sequential({ input: [7], layers: [new Affine(5), new Relu(), new Affine(3)] })
    const watched = new Sequential({ input: [7], layers: [new Affine(5), new Watching(), new Affine(3)] })
    for (const model of [plain, watched]) {
      const made = [1, 2, 3].map((k) => model.predict(inputs(8, 7).multiply(k)))
      expect(new Set(made.map((y) => y.data.join())).size).toBe(3)
    }
    expect(new Set(kept.map((y) => y.data.join())).size).toBe(3)
  })
})
