import { Adam, AdamW, type FloatDType, type Optimizer, RMSProp, SGD, type Tensor, tensor } from '../../src/index.js'

/** The integer formulas of fixtures/make-training-curves.py. */
export function numbers(count: number, salt: number, spread: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => (((i * 7919 + salt * 104729) % 1009) - 504) / spread)
}

export function parameters(inputs: number, hidden: number, outputs: number): Float64Array[] {
  return [inputs * hidden, hidden, hidden * outputs, outputs].map((size, i) => numbers(size, i + 1, 1008))
}

export const classes = (rows: number): Int32Array =>
  Int32Array.from({ length: rows }, (_, i) => (i * 7 + Math.floor(i / 3)) % 3)

export function inputs(rows: number, columns: number, dtype: FloatDType = 'float32'): Tensor {
  return tensor(numbers(rows * columns, 5, 504), { shape: [rows, columns], dtype })
}

export function oneHotRows(rows: number): Float32Array {
  const y = new Float32Array(rows * 3)
  classes(rows).forEach((c, i) => {
    y[i * 3 + c] = 1
  })
  return y
}

/** Largest |a − b| against the larger of |b| and `floor`. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>, floor = 0): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let worst = 0
  for (let i = 0; i < a.length; i++) {
    const error = a[i] === b[i] ? 0 : Math.abs(a[i] - b[i]) / Math.max(Math.abs(b[i]), floor)
    if (Number.isNaN(error)) return Number.POSITIVE_INFINITY
    if (error > worst) worst = error
  }
  return worst
}

/** As the fixtures of Keras's curves name them (fixtures/make-training-*.py). */
export const OPTIMIZERS: Record<string, () => Optimizer> = {
  sgd: () => new SGD({ learningRate: 0.1 }),
  sgdDecay: () => new SGD({ learningRate: 0.1, weightDecay: 0.02 }),
  momentum: () => new SGD({ learningRate: 0.05, momentum: 0.9 }),
  momentumDecay: () => new SGD({ learningRate: 0.05, momentum: 0.9, weightDecay: 0.02 }),
  nesterov: () => new SGD({ learningRate: 0.05, momentum: 0.9, nesterov: true }),
  nesterovDecay: () => new SGD({ learningRate: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.02 }),
  rmsprop: () => new RMSProp({ learningRate: 0.01 }),
  rmspropDecay: () => new RMSProp({ learningRate: 0.01, rho: 0.8, epsilon: 1e-5, weightDecay: 0.02 }),
  adam: () => new Adam({ learningRate: 0.01 }),
  adamDecay: () => new Adam({ learningRate: 0.01, beta1: 0.8, beta2: 0.99, epsilon: 1e-5, weightDecay: 0.02 }),
  adamw: () => new AdamW({ learningRate: 0.01 }),
}
