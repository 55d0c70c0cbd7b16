import type { DType } from './dtype.js'
import * as ops from './ops/index.js'
import type { MatmulOptions } from './ops/matmul.js'
import type { Axes, ReduceOptions } from './ops/reduce.js'
import { Tensor } from './tensor.js'

declare module './tensor.js' {
  interface Tensor {
    matmul(b: Tensor, options?: MatmulOptions): Tensor
    transpose(): Tensor
    add(b: Tensor | number): Tensor
    subtract(b: Tensor | number): Tensor
    multiply(b: Tensor | number): Tensor
    divide(b: Tensor | number): Tensor
    maximum(b: Tensor | number): Tensor
    negate(): Tensor
    exp(): Tensor
    log(): Tensor
    sqrt(): Tensor
    square(): Tensor
    abs(): Tensor
    clip(low: number, high: number): Tensor
    sigmoid(): Tensor
    tanh(): Tensor
    relu(): Tensor
    leakyRelu(slope?: number): Tensor
    softmax(): Tensor
    logSoftmax(): Tensor
    sum(axes?: Axes, options?: ReduceOptions): Tensor
    mean(axes?: Axes, options?: ReduceOptions): Tensor
    max(axes?: Axes, options?: ReduceOptions): Tensor
    argmax(axis?: number): Tensor
    cast(dtype: DType): Tensor
    copy(): Tensor
    reshape(shape: readonly number[]): Tensor
    flatten(): Tensor
    slice(start: number, end?: number): Tensor
  }
}

const METHODS = [
  'matmul',
  'transpose',
  'add',
  'subtract',
  'multiply',
  'divide',
  'maximum',
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

// Operations are functions first; as methods they take the tensor they are called on as the first argument.
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
