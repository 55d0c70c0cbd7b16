import { expect, it } from 'vitest'
import {
  Affine,
  Flatten,
  LeakyRelu,
  Module,
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
/** By the layers' ops, all rows at once. */
const forward = (model: Sequential, x: Tensor) => noGrad(() => bits(model.forward(x)))

/** More calls than it takes until what is left of the rows is recorded. */
const CALLS = 12
const same = (model: Sequential, x: Tensor) => {
  for (let i = 0; i < CALLS; i++) expect(bits(model.predict(x))).toEqual(forward(model, x))
}

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
      for (const rows of [5, 1, 1030]) same(model, inputs(rows, 7, dtype))
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
      same(model, x)
    }
  })

  it('of bytes are those of their quotients', () => {
    const model = new Sequential({ input: [6], layers: [new Affine(4), new Relu(), new Affine(2)] })
    const bytes = tensor(
      Uint8Array.from({ length: 60 }, (_, i) => (i * 37) % 256),
      { shape: [10, 6] },
    )
    bytes.divisor = 255
    for (let i = 0; i < CALLS; i++) expect(bits(model.predict(bytes))).toEqual(forward(model, bytes.cast('float32')))
  })

  it('are of the weights that there are now', async () => {
    const leaky = new LeakyRelu(0.5)
    const [first, last] = [new Affine(5), new Affine(3)]
    const model = new Sequential({ input: [7], layers: [first, leaky, last, new Softmax()] })
    const x = inputs(20, 7)
    const many = inputs(4100, 7) // 4096 at once
    let before: unknown
    const changed = () => {
      expect(bits(model.predict(many))).toEqual(forward(model, many))
      same(model, x)
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
    const others = [new Affine(5), new Affine(3)]
    new Sequential({ input: [7], layers: others, seed: 5 }).setWeights(
      others.flatMap(({ units }, i) => [inputs([7, 5][i], units), inputs(1, units).reshape([units])]),
    )
    first.weight = others[0].weight
    changed()
    last.weight = others[1].weight
    changed()
    last.bias = others[1].bias
    changed()
    first.forward = (t) => Affine.prototype.forward.call(first, t).multiply(3)
    changed()
  })

  it('are of the sign of a slope of 0', () => {
    const leaky = new LeakyRelu(0)
    const model = new Sequential({ input: [7], layers: [new Affine(5), leaky] })
    for (const slope of [0, -0]) {
      ;(leaky as { slope: number }).slope = slope
      same(model, inputs(3, 7))
    }
  })

  it('of a model whose layer asks for them are an error', () => {
    class Asking extends Module {
      override forward(x: Tensor): Tensor {
        return model.predict(x)
      }
    }
    const model: Sequential = new Sequential({ input: [7], layers: [new Affine(7), new Asking()] })
    expect(() => model.predict(inputs(2, 7))).toThrow(/modules that do not contain themselves/)
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
      const made = Array.from({ length: CALLS }, (_, i) => i + 1).map((k) => model.predict(inputs(8, 7).multiply(k)))
      expect(new Set(made.map((y) => y.data.join())).size).toBe(CALLS)
    }
    expect(new Set(kept.map((y) => y.data.join())).size).toBe(CALLS)
  })
})
