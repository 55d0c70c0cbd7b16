import type * as binary from './ops/binary.js'
import type * as cast from './ops/cast.js'
import * as ops from './ops/index.js'
import type * as matmul from './ops/matmul.js'
import type * as mean from './ops/mean.js'
import type * as memory from './ops/memory.js'
import type * as parts from './ops/parts.js'
import type * as reduce from './ops/reduce.js'
import type * as softmax from './ops/softmax.js'
import type * as unary from './ops/unary.js'
import type * as views from './ops/views.js'
import { Tensor } from './tensor.js'

const METHODS = [
  'matmul',
  'transpose',
  'add',
  'subtract',
  'multiply',
  'divide',
  'maximum',
  'minimum',
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
/** Of the files that declare them, name by name: so editors show a function's comment at its method. */
type Of<F> = { [Name in keyof F as Name & (typeof METHODS)[number]]: Method<F[Name]> }
type Elementwise = Of<typeof binary & typeof unary & typeof softmax & typeof cast>
type Methods = Elementwise &
  Of<typeof matmul & typeof memory & typeof parts & typeof reduce & typeof mean & typeof views>

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
