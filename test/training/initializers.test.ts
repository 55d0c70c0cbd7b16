import { beforeAll, describe, expect, it } from 'vitest'
import {
  Affine,
  build,
  type FloatDType,
  type Initializer,
  type InitializerName,
  initializers,
  randomState,
  Sequential,
  Tanh,
  type Tensor,
  ValueError,
  zeros,
} from '../../src/index.js'
import { backendNames, eachBackend, useBackend } from '../backends.js'

const [IN, OUT] = [500, 300]

function draw(
  make: Initializer,
  dtype: FloatDType = 'float64',
  seed = 3,
  shape: readonly number[] = [IN, OUT],
): Tensor {
  const parameter = zeros(shape, { dtype })
  make(parameter, randomState(seed))
  return parameter
}

interface Moments {
  mean: number
  variance: number
  kurtosis: number
  least: number
  most: number
}

function moments(values: ArrayLike<number>): Moments {
  const n = values.length
  let mean = 0
  for (let i = 0; i < n; i++) mean += values[i] / n
  let variance = 0
  let fourth = 0
  let least = Number.POSITIVE_INFINITY
  let most = Number.NEGATIVE_INFINITY
  for (let i = 0; i < n; i++) {
    const d = values[i] - mean
    variance += d ** 2 / n
    fourth += d ** 4 / n
    least = Math.min(least, values[i])
    most = Math.max(most, values[i])
  }
  return { mean, variance, kurtosis: fourth / variance ** 2, least, most }
}

interface Theory {
  make: Initializer
  kind: 'normal' | 'uniform'
  mean?: number
  variance: number
}
const { normal, uniform } = initializers
const THEORY: Record<string, Theory> = {
  normal: { make: normal(), kind: 'normal', variance: 0.05 ** 2 },
  'normal with options': { make: normal({ mean: 2, stddev: 3 }), kind: 'normal', mean: 2, variance: 9 },
  uniform: { make: uniform(), kind: 'uniform', variance: 0.1 ** 2 / 12 },
  'uniform with options': { make: uniform({ low: 1, high: 5 }), kind: 'uniform', mean: 3, variance: 16 / 12 },
  lecunNormal: { make: initializers.lecunNormal(), kind: 'normal', variance: 1 / IN },
  lecunUniform: { make: initializers.lecunUniform(), kind: 'uniform', variance: 1 / IN },
  glorotNormal: { make: initializers.glorotNormal(), kind: 'normal', variance: 2 / (IN + OUT) },
  glorotUniform: { make: initializers.glorotUniform(), kind: 'uniform', variance: 2 / (IN + OUT) },
  heNormal: { make: initializers.heNormal(), kind: 'normal', variance: 2 / IN },
  heUniform: { make: initializers.heUniform(), kind: 'uniform', variance: 2 / IN },
}
const RANDOM = Object.entries(THEORY).map(([name, theory]) => ({ name, ...theory }))
const bits = (t: Tensor) =>
  Buffer.from(Uint8Array.from(new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength)))

eachBackend(() => {
  it('normal and uniform are as wide as in Keras where nothing is said', () => {
    const drawn = (initializer: Initializer) => {
      const p = zeros([100])
      initializer(p, randomState(3))
      return p.data
    }
    expect(drawn(initializers.normal())).toEqual(drawn(initializers.normal({ mean: 0, stddev: 0.05 })))
    expect(drawn(initializers.uniform())).toEqual(drawn(initializers.uniform({ low: -0.05, high: 0.05 })))
  })

  describe('initialisers on 500 x 300', () => {
    it.each(RANDOM)('$name has its mean, variance and limits', ({ make, kind, mean = 0, variance }) => {
      const n = IN * OUT
      const got = moments(draw(make).data)
      const std = Math.sqrt(variance)
      // Five standard errors each: the mean's, and the variance's, (kurtosis − 1)/n of its square.
      expect(Math.abs(got.mean - mean)).toBeLessThan((5 * std) / Math.sqrt(n))
      const kurtosis = kind === 'normal' ? 3 : 1.8
      expect(Math.abs(got.variance / variance - 1)).toBeLessThan(5 * Math.sqrt((kurtosis - 1) / n))
      expect(Math.abs(got.kurtosis - kurtosis)).toBeLessThan(0.1)
      const reach = Math.max(mean - got.least, got.most - mean) / std
      if (kind === 'normal') {
        expect(reach).toBeGreaterThan(3.7) // Not truncated: about 30 of 150,000 are beyond.
        expect(reach).toBeLessThan(6.5)
      } else {
        expect(reach).toBeLessThanOrEqual(Math.sqrt(3) * (1 + 1e-12))
        expect(reach).toBeGreaterThan(Math.sqrt(3) * 0.9995)
      }
    })

    it.each(RANDOM)('$name: one seed one result, another seed another', ({ make }) => {
      expect(bits(draw(make)).equals(bits(draw(make)))).toBe(true)
      expect(bits(draw(make)).equals(bits(draw(make, 'float64', 4)))).toBe(false)
    })

    it.each(RANDOM)('$name: float32 values are the float64 ones rounded', ({ make }) => {
      const wide = draw(make).data
      const narrow = draw(make, 'float32').data
      // But for what uniform rounds up to its upper end, which it excludes (one in 2^25 or so, not here).
      expect(Buffer.from(Float32Array.from(wide).buffer).equals(bits(draw(make, 'float32')))).toBe(true)
      expect(narrow).toHaveLength(IN * OUT)
    })

    it('the draws of neighbours do not correlate', () => {
      for (const { make, mean = 0, variance } of RANDOM) {
        const data = draw(make).data
        for (const lag of [1, 2, 4, OUT]) {
          let sum = 0
          for (let i = lag; i < data.length; i++) sum += (data[i] - mean) * (data[i - lag] - mean)
          expect(Math.abs(sum / (data.length - lag) / variance)).toBeLessThan(5 / Math.sqrt(data.length))
        }
      }
    })

    it('zeros and constant fill, and take no random numbers', () => {
      const state = randomState(1)
      const p = zeros([3, 5])
      initializers.constant(2.5)(p, state)
      expect([...p.data]).toEqual(new Array(15).fill(2.5))
      initializers.zeros()(p, state)
      expect([...p.data]).toEqual(new Array(15).fill(0))
      expect([...state.data]).toEqual([1, 0, 0, 0])
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, '1' as never]) {
        expect(() => initializers.constant(bad)).toThrow(ValueError)
      }
    })
  })

  describe('in a model', () => {
    const model = (seed: number, dtype: FloatDType = 'float32') =>
      new Sequential({
        input: [40],
        layers: [new Affine(40), new Tanh(), new Affine(40), new Affine(7)],
        seed,
        dtype,
      })

    it('is by default glorotUniform weights and zero biases, as in Keras', () => {
      const [w, b] = new Sequential({ input: [IN], layers: [new Affine(OUT)], seed: 3, dtype: 'float64' }).getWeights()
      expect(bits(w).equals(bits(draw(initializers.glorotUniform())))).toBe(true)
      expect([...b.data].every((v) => v === 0)).toBe(true)
    })

    it('layers of one shape differ, models of one seed do not', () => {
      const [a, , b] = model(5).getWeights()
      expect(a.shape).toEqual(b.shape)
      const values = new Set([...a.data, ...b.data])
      expect(values.size).toBeGreaterThan(3190) // of 3200; two equal float32 draws may happen
      expect(model(5).getWeights().map(bits)).toEqual(model(5).getWeights().map(bits))
      expect(bits(model(6).getWeights()[0])).not.toEqual(bits(a))
      expect(bits(model(2 ** 32 + 5).getWeights()[0])).not.toEqual(bits(a))
    })

    it('float32 is float64 rounded, through all layers', () => {
      const wide = model(9, 'float64').getWeights()
      model(9)
        .getWeights()
        .forEach((w, i) => {
          expect(w.data).toEqual(Float32Array.from(wide[i].data))
        })
    })

    it('takes names, functions of one’s own, and refuses the rest', () => {
      const names: InitializerName[] = [
        'zeros',
        'ones',
        'normal',
        'uniform',
        'lecunNormal',
        'lecunUniform',
        'glorotNormal',
      ]
      names.push('glorotUniform', 'heNormal', 'heUniform', 'xavierNormal', 'xavierUniform')
      for (const name of names) {
        const layer = new Affine(OUT, { weightInitializer: name, biasInitializer: 'uniform' })
        build(layer, [IN], { dtype: 'float64', seed: 3 })
        const plain = name.replace('xavier', 'glorot') as 'zeros'
        expect(bits(layer.weight.value).equals(bits(draw(initializers[plain]())))).toBe(true)
        expect(moments(layer.bias.value.data).variance).toBeGreaterThan(0)
      }
      const ramp: Initializer = (p) => {
        p.set(Float32Array.from({ length: p.size }, (_, i) => i))
      }
      const layer = new Affine(2, { weightInitializer: ramp })
      build(layer, [2])
      expect(layer.weight.value.toArray()).toEqual([
        [0, 1],
        [2, 3],
      ])
      const bad = (weightInitializer: never) => () => build(new Affine(2, { weightInitializer }), [2])
      expect(bad('glorot' as never)).toThrow(
        /Affine.weight: expected an initializer or one of zeros, .* received "glorot"/,
      )
      expect(bad('toString' as never)).toThrow(ValueError)
      expect(bad(3 as never)).toThrow(ValueError)
    })

    it('of a vector takes its length for both fans, of one with more dimensions the last two', () => {
      expect(initializers.fans([])).toEqual({ fanIn: 1, fanOut: 1 })
      expect(initializers.fans([6])).toEqual({ fanIn: 6, fanOut: 6 })
      expect(initializers.fans([3, 4])).toEqual({ fanIn: 3, fanOut: 4 })
      expect(initializers.fans([3, 3, 4, 5])).toEqual({ fanIn: 36, fanOut: 45 })
    })

    it.each([-1, 0.5, Number.NaN, 2 ** 53, '1'])('refuses the seed %s', (seed) => {
      expect(() => model(seed as never)).toThrow(/a seed: a whole number from 0 to 2\^53/)
    })
  })
})

describe.runIf(backendNames.length === 2)('both backends draw the same bits', () => {
  const drawn: Record<string, Buffer[]> = {}
  beforeAll(() => {
    for (const name of backendNames) {
      useBackend(name)
      drawn[name] = (['float32', 'float64'] as const).flatMap((dtype) =>
        RANDOM.flatMap(({ make }) =>
          [[IN, OUT], [1], [17, 3]].map((shape) => bits(draw(make, dtype, 2 ** 40 + 1, shape))),
        ),
      )
    }
    useBackend('native')
  })
  it('for every initialiser, both types and three shapes', () => {
    expect(drawn.js).toHaveLength(RANDOM.length * 6)
    drawn.js.forEach((b, i) => {
      expect(b.equals(drawn.native[i]), `case ${i}`).toBe(true)
    })
  })
})
