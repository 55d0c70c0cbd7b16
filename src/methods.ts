import * as ops from './ops/index.js'
import { Tensor } from './tensor.js'

const METHODS = [
  'matmul',
  'transpose',
  'add',
  'subtract',
  'multiply',
  'divide',
  'maximum',
  'greater',
  'negate',
  'exp',
  'log',
  'sqrt',
  'square',
  'abs',
  'clip',
  'sigmoid',
  'tanh',
  'relu',
  'leakyRelu',
  'softmax',
  'logSoftmax',
  'sum',
  'mean',
  'max',
  'argmax',
  'cast',
  'copy',
  'reshape',
  'flatten',
  'slice',
] as const

/** A function of the package as a method: the tensor it is called on is the first argument. */
type Method<F> = F extends (x: Tensor, ...rest: infer Rest) => Tensor ? (...rest: Rest) => Tensor : never
type Methods = { [Name in (typeof METHODS)[number]]: Method<(typeof ops)[Name]> }

declare module './tensor.js' {
  interface Tensor extends Methods {}
}

for (const name of METHODS) {
  const op = ops[name] as (x: Tensor, ...rest: unknown[]) => Tensor
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...rest: unknown[]) {
      return op(this, ...rest)
    },
    writable: true,
    configurable: true,
  })
}
