// The functions of a course notebook on neural networks from scratch, on tensors: at once, or inside record().
import './methods.js'

export type { Values } from './functional/inputs.js'
export {
  type AffineCache,
  affineBackward,
  affineForward,
  oneHot,
  sigmoid,
  sigmoidGrad,
  softmax,
} from './functional/layers.js'
export { crossEntropyError, meanSquaredError } from './functional/losses.js'
export {
  accuracy,
  type Gradients,
  gradients,
  type InitOptions,
  initParams,
  loss,
  type Params,
  predict,
  trainStep,
  updateParams,
} from './functional/network.js'
