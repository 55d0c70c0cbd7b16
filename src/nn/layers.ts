import { checkOptions, checkWhole, describe, keepNames, ShapeError, StateError, ValueError } from '../errors.js'
import type { Initializer } from '../init.js'
import type { InitializerName } from '../init-named.js'
import { checkMade, refuse } from '../made.js'
import { affine } from '../ops/matmul.js'
import { softmax } from '../ops/softmax.js'
import { leakyRelu, relu, sigmoid, tanh } from '../ops/unary.js'
import { flatten } from '../ops/views.js'
import { checkShape, type Shape, show, sizeOf } from '../shape.js'
import type { Tensor } from '../tensor.js'
import { BUILT, Module, type Parameter } from './module.js'

/** Not a name: fields of a layer derived from Affine may have any. */
const OPTIONS = Symbol('options')

/** What an Affine layer's parameters begin as. */
export interface AffineOptions {
  /** Default glorotUniform, as in Keras. */
  weightInitializer?: Initializer | InitializerName | undefined
  /** Default zeros. */
  biasInitializer?: Initializer | InitializerName | undefined
}

/** The fully connected layer x·W + b: [rows, …, k] → [rows, …, units]. W is [k, units], b [units]. */
export class Affine extends Module {
  /** W [k, units]; there once the layer is built. */
  weight!: Parameter
  /** b [units]; there once the layer is built. */
  bias!: Parameter
  private readonly [OPTIONS]: AffineOptions
  constructor(
    /** Outputs a row. */
    readonly units: number,
    options: AffineOptions = {},
  ) {
    super()
    checkWhole('Affine', 'a whole number of units >= 1', units, 1)
    this[OPTIONS] = checkOptions('Affine', options, ['weightInitializer', 'biasInitializer'])
  }

  override build(input: Shape): Shape {
    const { weightInitializer = 'glorotUniform', biasInitializer = 'zeros' } = checkMade(
      'Affine.build',
      this,
      Affine,
      OPTIONS,
    )[OPTIONS]
    if (checkShape('Affine', input).length < 1)
      throw new ShapeError('Affine', 'inputs with at least one dimension', show(input))
    this.weight = this.parameter('weight', [input[input.length - 1], this.units], weightInitializer)
    this.bias = this.parameter('bias', [this.units], biasInitializer)
    return [...input.slice(0, -1), this.units]
  }

  forward(x: Tensor): Tensor {
    if (this?.weight === undefined) throw new StateError('Affine', BUILT, 'a layer without weights')
    return affine(x, this.weight.value, this.bias.value)
  }
}

for (const name of ['trainable', 'requiresGrad']) refuse(Affine, name, 'value.requiresGrad of its parameters to be set')

/** 1/(1 + e^−x), element by element. */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return sigmoid(x)
  }
}

/** Probabilities over the last dimension. Before a cross-entropy loss it is computed within the loss. */
export class Softmax extends Module {
  forward(x: Tensor): Tensor {
    return softmax(x)
  }
}

/** Hyperbolic tangent, element by element. */
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return tanh(x)
  }
}

/** max(x, 0), element by element. */
export class Relu extends Module {
  forward(x: Tensor): Tensor {
    return relu(x)
  }
}

/** x, or slope·x below 0 (default 0.01; in Keras 0.3). */
export class LeakyRelu extends Module {
  constructor(
    /** Of what is negative. */
    readonly slope = 0.01,
  ) {
    super()
    if (!Number.isFinite(slope)) throw new ValueError('LeakyRelu', 'a finite slope', describe(slope))
  }

  forward(x: Tensor): Tensor {
    return leakyRelu(x, this.slope)
  }
}

/** [rows, …] → [rows, rest]. */
export class Flatten extends Module {
  override build(input: Shape): Shape {
    return [sizeOf(checkShape('Flatten', input))]
  }

  forward(x: Tensor): Tensor {
    return flatten(x)
  }
}

/** All of these: a class that is not here loses its name in a bundle, and is not recorded by predict (predictions.ts). */
export const LAYERS = { Affine, Sigmoid, Softmax, Tanh, Relu, LeakyRelu, Flatten }
keepNames(LAYERS)
