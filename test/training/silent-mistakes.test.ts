import { expect, it } from 'vitest'
import {
  Adam,
  AdamW,
  Affine,
  type Dataset,
  Flatten,
  greater,
  initializers,
  Module,
  matmul,
  mean,
  multiply,
  Optimizer,
  type Parameter,
  type ParameterStore,
  Relu,
  RMSProp,
  relu,
  Sequential,
  SGD,
  type Shape,
  Sigmoid,
  Softmax,
  softmax,
  subtract,
  type Tensor,
  tensor,
  where,
} from '../../src/index.js'
import { eachBackend } from '../backends.js'

// Mistakes that were taken without a word: something else was trained, or nothing.

eachBackend(() => {
  const line = (layers: Module[]) => new Sequential({ input: [2], layers, seed: 1 })
  const data = { x: [[1, 2]], y: [[1]] }

  it('the tensors of an optimizer stay; what another size has is no state', async () => {
    const model = line([new Affine(1)])
    const sgd = new SGD({ momentum: 0.9 })
    model.compile({ loss: 'mse', optimizer: sgd })
    const state = sgd.state(model.store) as { slots: Tensor[]; step: Tensor }
    expect(() => Object.assign(state, { slots: [tensor(new Float32Array(8))] })).toThrow(
      /SGD.state.slots: expected set\(\) of each of its tensors/,
    )
    expect(() => Object.assign(state, { step: tensor([1]) })).toThrow(/SGD.state.step: expected set\(\)/)
    expect(() => state.slots.pop()).toThrow(TypeError)
    expect(Object.keys(state)).toEqual(['slots', 'step'])
    class Short extends Adam {
      protected override emit(store: typeof model.store): void {
        super.emit(store, { slots: [tensor([1]), tensor([2])], step: tensor([1], { dtype: 'int32' }) })
      }
    }
    const neighbours = tensor([1, 1, 1, 1])
    expect(() => new Short().step(model.store)).toThrow(/adam: expected gradients and state of 32 float32, .* \[1\]/)
    expect(neighbours.toArray()).toEqual([1, 1, 1, 1])
    await model.fit(data)
    expect(state.step.item()).toBe(1)
  })

  it('parameters of one name in an array, in an object, or once trained and once not', () => {
    const square = (n: number): Shape => [n, n]
    class Stack extends Module {
      ws!: Parameter[]
      override build([n]: Shape): Shape {
        this.ws = [1, 2].map(() => this.parameter('weight', square(n), 'glorotUniform'))
        return [n]
      }
      forward(x: Tensor): Tensor {
        return this.ws.reduce((y, w) => relu(matmul(y, w.value)), x)
      }
    }
    class Pair extends Module {
      p!: { a: Parameter; b: Parameter }
      constructor(readonly second: { trained?: boolean }) {
        super()
      }
      override build([n]: Shape): Shape {
        this.p = { a: this.parameter('w', square(n), 'ones'), b: this.parameter('w', square(n), 'ones', this.second) }
        return [n]
      }
      forward(x: Tensor): Tensor {
        return matmul(matmul(x, this.p.a.value), this.p.b.value)
      }
    }
    expect(() => line([new Stack()])).toThrow(
      /parameters of Stack with names of their own, received two that are Stack.w/,
    )
    expect(() => line([new Pair({})])).toThrow(/parameters of Pair with names of their own/)
    expect(() => line([new Pair({ trained: false })])).toThrow(
      /Pair.w: expected trained: true as where it was declared first/,
    )
  })

  it('a trained tensor where build() does not look', async () => {
    class Hidden extends Module {
      readonly #w = tensor([[1], [1]], { requiresGrad: true })
      override build(): Shape {
        return [1]
      }
      forward(x: Tensor): Tensor {
        return matmul(x, this.#w)
      }
    }
    const model = line([new Hidden()]).compile({ loss: 'mse' })
    await expect(model.fit(data)).rejects.toThrow(/fit: expected what is trained to be declared by this.parameter\(\)/)
    await expect(model.evaluate(data)).resolves.toMatchObject({ loss: 4 })
  })

  it("another model's weights in a layer's forward: their gradients are that model's", async () => {
    const base = line([new Affine(2), new Relu()])
    class Head extends Module {
      readonly out = new Affine(1)
      override build(): Shape {
        return this.out.build([2])
      }
      forward(x: Tensor): Tensor {
        return this.out.forward(base.forward(x))
      }
    }
    const head = line([new Head()]).compile({ loss: 'mse' })
    base.store.gradients.data.fill(5)
    await expect(head.fit(data)).rejects.toThrow(/fit: expected parameters of this model only \(requiresGrad = false/)
    expect(new Set(base.store.gradients.data)).toEqual(new Set([5]))
    for (const p of base.store.parameters) p.value.requiresGrad = false
    const [frozen, before] = [base.snapshot(), head.snapshot()]
    await head.fit(data)
    expect([base.snapshot(), new Set(base.store.gradients.data)]).toEqual([frozen, new Set([5])])
    expect(head.snapshot()).not.toEqual(before)
  })

  it('nothing that could be trained', async () => {
    const model = line([new Affine(1)]).compile({ loss: 'mse' })
    for (const p of model.store.parameters) p.value.requiresGrad = false
    await expect(model.fit(data)).rejects.toThrow(/^fit: expected a loss computed from what is trained/)
  })

  it("a subclass's own fields, called as the library's own might be", async () => {
    class Net extends Sequential {
      task = 'regression'
      compiled = true
      shapes = undefined
    }
    const net = new Net({ input: [2], layers: [new Affine(1)] }).compile({ loss: 'mse' })
    expect((await net.fit(data)).history.loss).toHaveLength(1)
    expect([net.task, net.summary().includes('Affine')]).toEqual(['regression', true])
  })

  it('a layer that was in a model whose making failed', async () => {
    class Failing extends Module {
      readonly inner = new Affine(2)
      override build(input: Shape): Shape {
        this.inner.build(input)
        throw new Error('no')
      }
      forward = relu
    }
    const [affine, failing] = [new Affine(3), new Failing()]
    expect(() => new Sequential({ input: [4], layers: [affine, failing] })).toThrow('no')
    expect([affine, failing].flatMap((m) => m.allParameters())).toEqual([])
    expect(line([affine]).store.count).toBe(9)
  })

  it('null where a value is wanted, as JSON has it for NaN', async () => {
    const model = line([new Affine(1)]).compile({ loss: 'mse' })
    for (const call of [
      () => new Adam(JSON.parse(JSON.stringify({ learningRate: Number.NaN }))),
      () => line([new Affine(1, { biasInitializer: null as never })]),
      () => tensor([1], { shape: null as never }),
    ])
      expect(call).toThrow(/to have a value, or to be left out, received null/)
    await expect(model.fit(data, { epochs: null as never })).rejects.toThrow(/fit: expected epochs to have a value/)
  })

  it('initial values that no distribution has', () => {
    expect(() => initializers.normal({ stddev: -1 })).toThrow(/normal: expected a stddev >= 0, received -1/)
    expect(() => initializers.normal({ mean: '0' as never })).toThrow(/normal: expected a finite mean/)
    expect(() => initializers.uniform({ low: 2, high: 1 })).toThrow(/uniform: expected low <= high, both finite/)
  })

  it("what comes after the layers in a subclass's forward gives the probabilities", async () => {
    class Net extends Sequential {
      override forward(x: Tensor): Tensor {
        return softmax(super.forward(x))
      }
    }
    const net = new Net({ input: [2], layers: [new Affine(3)] }).compile({ loss: 'sparseCategoricalCrossentropy' })
    expect((await net.evaluate(data)).loss).toBeGreaterThan(0)
  })

  it('options among the data, and what is wrong with the validation', async () => {
    const model = line([new Affine(1)]).compile({ loss: 'mse' })
    for (const extra of [{ epochs: 5 }, { batchSize: 1 }, { validation_data: data }, { callbacks: [] }])
      await expect(model.fit({ ...data, ...extra } as Dataset)).rejects.toThrow(
        new RegExp(`options in an object of their own: fit\\(data, .*received "${Object.keys(extra)[0]}"`),
      )
    await expect(model.fit({ ...data, epochs: undefined } as Dataset)).resolves.toBeDefined()
    await expect(model.fit(data, { validation: { x: [[1, 2, 3]], y: [[1]] } })).rejects.toThrow(
      /fit: expected validation: x of shape \[rows, 2\], received \[1, 3\]/,
    )
    await expect(model.fit(data, { validation: [data.x, data.y] as unknown as Dataset })).rejects.toThrow(
      /fit: expected validation: data { x, y }/,
    )
  })

  it('layers that are taken off a model, and switches that it does not have', () => {
    const model = line([new Affine(2), new Softmax()])
    expect(() => (model.layers as Module[]).pop()).toThrow(TypeError)
    expect(() => Object.assign(model, { trainable: false })).toThrow(
      /Sequential.trainable: expected value.requiresGrad/,
    )
    expect(() => Object.assign(model.layers[0], { requiresGrad: false })).toThrow(/Affine.requiresGrad: expected value/)
  })

  it('a fraction of 0.8 of ten rows leaves two; an abort in onEpochBegin draws no order', async () => {
    const x = Array.from({ length: 10 }, (_, i) => [i / 10, 1])
    const set = { x, y: x.map(([a]) => [2 * a]) }
    const make = () => line([new Affine(1)]).compile({ loss: 'mse', optimizer: 'sgd' })
    const history = await make().fit(set, { validation: 0.8, batchSize: 1 })
    expect(history.steps.loss).toHaveLength(2)
    const whole = make()
    await whole.fit(set, { epochs: 4, batchSize: 2 })
    for (const hook of ['onEpochBegin', 'onEpochEnd', 'onTrainBegin'] as const) {
      const model = make()
      const stop = new AbortController()
      const at = hook === 'onEpochBegin' ? 3 : 2
      const abort = (epoch: unknown) => {
        if (hook === 'onTrainBegin' || epoch === at) stop.abort()
      }
      const run = model.fit(set, { epochs: 4, batchSize: 2, signal: stop.signal, callbacks: [{ [hook]: abort }] })
      await expect(run).rejects.toThrow(/abort/)
      await model.fit(set, { epochs: 4 - (model.history?.epoch.length ?? 0), batchSize: 2 })
      expect(model.snapshot()).toEqual(whole.snapshot())
    }
  })

  it('options of an optimizer that is made already', () => {
    const set = (optimizer: object, name: string) => () => Object.assign(optimizer, { [name]: 0.5 })
    expect(set(new Adam(), 'beta1')).toThrow(/^Adam.beta1: expected a new Adam with it.*received 0.5$/)
    expect(set(new AdamW(), 'weightDecay')).toThrow(/^AdamW.weightDecay: expected a new AdamW/)
    expect(set(new SGD({ momentum: 0.9 }), 'momentum')).toThrow(/^SGD.momentum: expected a new SGD/)
    expect(set(new RMSProp(), 'rho')).toThrow(/^RMSProp.rho: expected a new RMSProp/)
    const sgd = new SGD()
    set(sgd, 'learningRate')()
    expect(sgd.learningRate).toBe(0.5)
    class Own extends Adam {
      readonly beta1 = 3
    }
    expect(new Own().beta1).toBe(3)
  })

  it('arguments to a layer that takes none', () => {
    const given = (Layer: new () => Module, value: unknown) => () =>
      new (Layer as new (value: unknown) => Module)(value)
    expect(given(Relu, { maxValue: 6 })).toThrow(/^Relu: expected no arguments, received \{ maxValue \}$/)
    expect(given(Flatten, 1)).toThrow(/^Flatten: expected no arguments, received 1$/)
    expect(given(Softmax, undefined)()).toBeInstanceOf(Softmax)
  })

  it('where of two numbers', () => {
    const mask = greater(tensor([1, -2, 3], { dtype: 'float64' }), 0)
    const y = where(mask, 1, 0)
    expect([y.dtype, y.toArray()]).toEqual(['float64', [1, 0, 1]])
    const bytes = where(tensor([1, 0], { dtype: 'uint8' }), 5, -5)
    expect([bytes.dtype, bytes.toArray()]).toEqual(['float32', [5, -5]])
    expect(() => where([true] as unknown as Tensor, 1, 2)).toThrow(/where: expected a tensor as condition/)
  })

  it("one number a row is not broadcast against an own loss's predictions", async () => {
    const square = (p: Tensor, y: Tensor) => mean(multiply(subtract(p, y), subtract(p, y)))
    const model = line([new Affine(1)]).compile({ loss: { name: 'own', targets: 'any', call: square } })
    await expect(model.fit({ x: [[1, 2]], y: [1] })).rejects.toThrow(
      'fit: expected y [1, 1] for own: beside predictions [1, 1] one of [1] is broadcast to [1, 1], received [1]',
    )
    await model.fit(data)
  })

  it('a penalty on what no gradient flows through', async () => {
    const layer = new Affine(1)
    const model = line([layer])
    const penalize = (of: () => Tensor) => ({
      name: 'own',
      targets: 'dense' as const,
      call: (p: Tensor, y: Tensor) => mean(multiply(subtract(p, y), subtract(p, y))).add(of().square().sum()),
    })
    for (const of of [() => model.store.values, () => model.store.values.slice(0, 2)])
      await expect(model.compile({ loss: penalize(of) }).fit(data)).rejects.toThrow(
        /fit: expected a loss computed from the values of single parameters \(of store.parameters\)/,
      )
    await model.compile({ loss: penalize(() => layer.weight.value) }).fit(data)
    expect(model.store.values.square().sum().item()).toBeGreaterThan(0) // elsewhere it may be read
  })

  it('reads the data once', async () => {
    const read: string[] = []
    const lazy = {
      get x() {
        read.push('x')
        return data.x
      },
      get y() {
        read.push('y')
        return data.y
      },
    }
    await line([new Affine(1)])
      .compile({ loss: 'mse' })
      .fit(lazy)
    expect(read).toEqual(['x', 'y'])
  })

  it.each([-1, 1.5, Number.NaN, 1e9, '2'])('an optimizer with %s slots', async (count) => {
    class Odd extends Optimizer {
      protected readonly slotCount = count as number
      protected override emit(store: ParameterStore): void {
        subtract(store.values, store.gradients, store.values)
      }
    }
    const model = line([new Affine(1)]).compile({ loss: 'mse', optimizer: new Odd(1) })
    await expect(model.fit(data)).rejects.toThrow(/Odd: expected slotCount to be a whole number from 0 to 16/)
  })

  it('targets of binary cross-entropy beyond 0 to 1, wherever they are', async () => {
    const model = line([new Affine(1), new Sigmoid()]).compile({ loss: 'binaryCrossentropy' })
    const n = (1 << 18) + 5
    const x = tensor(new Float32Array(2 * n), { shape: [n, 2] })
    for (const [at, value] of [
      [0, -0.1],
      [n - 1, 1.1],
      [n - 2, Number.NaN],
    ]) {
      const y = new Float32Array(n)
      y[at] = value
      await expect(model.evaluate({ x, y })).rejects.toThrow(
        `evaluate: expected targets from 0 to 1 for binaryCrossentropy, received ${y[at]} at ${at}`,
      )
    }
    expect((await model.evaluate({ x, y: new Float32Array(n).fill(1) })).loss).toBeCloseTo(Math.LN2, 5)
  })
})
