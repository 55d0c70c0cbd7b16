// The tensors of a data set have their methods even where the main entry is not loaded.
import '../methods.js'

export { type Idx, readIdx } from './idx.js'
export { type Mnist, type MnistOptions, mnist, type TensorDataset } from './mnist.js'
