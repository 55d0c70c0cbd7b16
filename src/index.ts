import './methods.js'
import { activeBackend } from './backend/active.js'
import type { BackendInfo } from './backend/backend.js'

export { backward, noGrad } from './autograd.js'
export type { AbortSignalLike, BackendInfo } from './backend/backend.js'
export type { DType, FloatArrayCopy, FloatDType, TypedArray, TypedArrayCopy } from './dtype.js'
export {
  BackendError,
  DataError,
  IndexError,
  LanewiseError,
  MemoryError,
  ShapeError,
  StateError,
  TypeMismatchError,
  ValueError,
} from './errors.js'
export type { Initializer } from './init.js'
export * as initializers from './init.js'
export type { InitializerName } from './init-named.js'
export type { Loss } from './losses/index.js'
export * as losses from './losses/index.js'
export type { LossName } from './losses/named.js'
export type { Metric, MetricName } from './metrics/index.js'
export { Affine, type AffineOptions, Flatten, LeakyRelu, Relu, Sigmoid, Softmax, Tanh } from './nn/layers.js'
export { type BuildOptions, build, isTraining, Module, Parameter, ParameterStore, whileTraining } from './nn/module.js'
export { type CompileOptions, Sequential, type SequentialOptions } from './nn/sequential.js'
export * from './ops/index.js'
export {
  Adam,
  type AdamOptions,
  AdamW,
  Optimizer,
  type OptimizerName,
  type OptimizerState,
  RMSProp,
  type RMSPropOptions,
  SGD,
  type SGDOptions,
} from './optimizers/index.js'
export type { Shape } from './shape.js'
export { type ReplayOptions, record, Tape } from './tape.js'
export { type NestedArray, Tensor, type TensorOptions, type TensorValues, tensor, zeros } from './tensor.js'
export {
  type Callback,
  EarlyStopping,
  type EarlyStoppingOptions,
  type Logs,
  type TrainingModel,
} from './train/callbacks.js'
export type { Dataset } from './train/dataset.js'
export type { EvaluateOptions, FitOptions } from './train/fit.js'
export { type Figures, History, type HistoryData } from './train/history.js'
export { NonFiniteError } from './train/non-finite-error.js'

/** Which backend computes, on what, and why. Chooses it if nothing was computed yet. */
export function backendInfo(): BackendInfo {
  return activeBackend().info()
}
