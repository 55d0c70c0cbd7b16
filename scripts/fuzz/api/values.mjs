// Builds the values that a recipe of JSON names: itself, a list of a maker's name and its arguments, or an object of recipes.
import { JUNK } from './junk.mjs'

const TYPES = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint8: Uint8Array }

/** Small numbers that repeat with their seed; `wild` ones may be anything. */
function fillValues(array, seed, wild) {
  let state = (seed * 2654435761 + 12345) >>> 0
  const next = (n) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return (state >>> 8) % n
  }
  const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 1e-42, 1e300, -1, 3e38]
  const whole = array instanceof Int32Array || array instanceof Uint8Array
  for (let i = 0; i < array.length; i++) {
    if (whole) array[i] = wild ? next(2 ** 24) - 2 ** 23 : next(3)
    else array[i] = wild && next(3) === 0 ? odd[next(odd.length)] : (1 + next(64)) / 65
  }
  return array
}

/** Instances without fields that a caller has made: they may come back as they are. */
export const fakes = new WeakSet()

/** Makes build(recipe), of which each call gives fresh values. `results` are those of earlier steps. */
export function builder(modules, results) {
  const { lanewise: lw, functional: fn } = modules
  const list = (recipes) => recipes.map(build)
  const sizeOf = (shape) => shape.reduce((n, d) => n * d, 1)
  const classOf = (name) => name.split('.').reduce((o, key) => o[key], lw)
  const affine = (units) => new lw.Affine(units)

  const makers = {
    n: (text) => Number(text),
    list: (...recipes) => list(recipes),
    typed: (dtype, length, seed, wild) => fillValues(new TYPES[dtype](length), seed, wild),
    nested: (shape, seed) => new lw.tensor(fillValues(new Float32Array(sizeOf(shape)), seed), { shape }).toArray(),
    tensor(shape, dtype, seed, { wild = false, requiresGrad = false, divisor } = {}) {
      if (sizeOf(shape) > 1e6) return lw.zeros(shape, { dtype })
      const float = dtype === 'float32' || dtype === 'float64'
      const options = { shape, requiresGrad: requiresGrad && float }
      if (divisor && dtype === 'uint8') options.divisor = divisor
      return lw.tensor(fillValues(new TYPES[dtype](sizeOf(shape)), seed, wild), options)
    },
    view: (recipe, start) => lw.slice(build(recipe), start),
    computed: (recipe) => lw.multiply(build(recipe), 2),
    state: (seed) => lw.randomState(seed),
    recorded: (recipe) => {
      const x = build(recipe)
      let y
      lw.record(() => {
        y = lw.copy(x)
      })
      return y
    },
    tensorProxy: (recipe) => new Proxy(build(recipe), {}),
    tape: (recipe) => {
      const x = build(recipe)
      return lw.record(() => lw.exp(x))
    },
    construct: (name, ...args) => new (classOf(name))(...list(args)),
    built: (recipe, shape) => {
      const module = build(recipe)
      lw.build(module, shape)
      return module
    },
    store: (seed) => lw.build(affine(2), [3], { seed }),
    parameter: () => {
      const module = affine(2)
      lw.build(module, [3])
      return module.weight
    },
    /** A module of the caller's own, whose methods return anything. */
    custom: (forward, shape, parameter) =>
      new (class Own extends lw.Module {
        build(input) {
          if (parameter !== null) this.own = this.parameter(...list(parameter))
          return shape === null ? input : build(shape)
        }
        forward(x) {
          return forward === null ? x : build(forward)
        }
      })(),
    /** A module that contains itself: in a field, in a list, or within a model of which it is a layer. */
    knot(how) {
      const knot = new (class Knot extends lw.Module {
        build(input) {
          return this.inner?.build(input) ?? input
        }
        forward(x) {
          return this.inner?.forward(x) ?? x
        }
      })()
      if (how === 'field') knot.inner = knot
      else if (how === 'list') knot.parts = [affine(2), knot]
      if (how !== 'model') return knot
      knot.inner = new lw.Sequential({ input: [3], layers: [affine(3), knot] })
      return knot.inner.compile({ loss: 'mse' })
    },
    fake: (name) => {
      const fake = Object.create(classOf(name).prototype)
      fakes.add(fake)
      return fake
    },
    headless: () => new (class Headless extends lw.Module {})(),
    model: (layers, loss, seed) => {
      const model = new lw.Sequential({ input: [3], layers: list(layers), seed })
      return loss === null ? model : model.compile({ loss: build(loss), metrics: ['accuracy'] })
    },
    loss: (targets, result) => ({
      name: 'own',
      targets,
      call: (p, t) => (result === null ? lw.meanSquaredError(p, t) : build(result)),
    }),
    metric: (result) => ({ name: 'own', call: (p, t) => (result === null ? lw.accuracy(p, t) : build(result)) }),
    returns: (recipe) => () => build(recipe),
    dataset: (rows, labels) => ({
      x: makers.tensor([rows, 3], 'float32', rows),
      y: labels ? makers.tensor([rows], 'int32', 1) : makers.tensor([rows, 2], 'float32', 2),
    }),
    params: (dtype) => fn.initParams({ input: 3, hidden: 2, output: 3, dtype }),
    grads: (dtype) => {
      const { W1, b1, W2, b2 } = fn.initParams({ input: 3, hidden: 2, output: 3, dtype, seed: 1 })
      return { dW1: W1, db1: b1, dW2: W2, db2: b2 }
    },
    cache: (dtype) => ({ X: makers.tensor([2, 3], dtype, 1), W: makers.tensor([3, 3], dtype, 2) }),
    history: (epochs) => {
      const history = new lw.History()
      for (let i = 0; i < epochs; i++) history.addEpoch({ loss: 1 / (i + 1), valLoss: i, accuracy: i / 9 })
      history.addSteps({ loss: [3, 2, 1] }, 1)
      return history
    },
    aborted: () => AbortSignal.abort(),
    signal: () => new AbortController().signal,
    result: (i) => results[i % Math.max(1, results.length)],
  }
  for (const [name, make] of Object.entries(JUNK)) makers[name] = make

  function build(recipe) {
    if (typeof recipe !== 'object' || recipe === null) return recipe
    if (Array.isArray(recipe)) return makers[recipe[0]](...recipe.slice(1))
    return Object.fromEntries(Object.entries(recipe).map(([key, value]) => [key, build(value)]))
  }
  return build
}
