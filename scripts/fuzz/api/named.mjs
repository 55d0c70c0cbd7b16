// Recipes of models and their parts, and what arguments of a name are likely to be right.
import fc from 'fast-check'
import {
  floatTensor,
  indices,
  junk,
  number,
  one,
  plainValues,
  sizes,
  small,
  string,
  tensor,
  times,
} from './recipes.mjs'

const of = fc.constantFrom
const module = fc.oneof(
  { weight: 4, arbitrary: of(1, 2, 3).map((units) => ['construct', 'Affine', units]) },
  of('Relu', 'Sigmoid', 'Tanh', 'Softmax', 'Flatten', 'LeakyRelu').map((name) => ['construct', name]),
  fc.tuple(
    fc.constant('custom'),
    fc.oneof(fc.constant(null), tensor, junk),
    fc.oneof(fc.constant(null), sizes, junk),
    fc.oneof(fc.constant(null), fc.array(fc.oneof(string, sizes, junk), { minLength: 3, maxLength: 3 })),
  ),
  of('field', 'list', 'model').map((how) => ['knot', how]),
  of(['headless'], ['construct', 'Module'], ['built', ['construct', 'Affine', 2], [3]]),
)
const lossName = of('mse', 'mse', 'sparseCategoricalCrossentropy', 'categoricalCrossentropy', 'binaryCrossentropy')
const loss = fc.oneof(
  { weight: 4, arbitrary: lossName },
  fc.tuple(fc.constant('loss'), of('dense', 'index', 'x'), fc.oneof(fc.constant(null), tensor, junk)),
)
const metric = fc.oneof(
  of('accuracy', 'meanSquaredError', 'binaryAccuracy'),
  fc.tuple(fc.constant('metric'), fc.oneof(fc.constant(null), tensor, junk)),
)
const layers = fc.oneof(
  {
    weight: 3,
    arbitrary: of(
      [['construct', 'Affine', 2]],
      [
        ['construct', 'Affine', 2],
        ['construct', 'Relu'],
        ['construct', 'Affine', 2],
        ['construct', 'Softmax'],
      ],
    ),
  },
  fc.array(module, { minLength: 1, maxLength: 3 }),
)
export const model = fc.tuple(
  fc.constant('model'),
  layers,
  fc.oneof({ weight: 4, arbitrary: loss }, fc.constant(null)),
  fc.nat(9),
)
const optimizer = fc.oneof(
  of('sgd', 'adam', 'rmsprop', 'adamw'),
  of('SGD', 'Adam', 'AdamW', 'RMSProp').map((name) => ['construct', name]),
  fc.constant(['construct', 'Optimizer', 0.1]),
)
export const fn = fc.oneof(
  of(['arrow'], ['identity'], ['throws'], ['async']),
  fc.tuple(fc.constant('returns'), fc.oneof(tensor, junk)),
)
const dataset = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('dataset'), of(1, 2, 5, 40, 0), fc.boolean()) },
  fc.record({ x: fc.oneof(tensor, plainValues), y: fc.oneof(tensor, plainValues) }),
)
const history = fc.oneof(
  fc.nat(3).map((n) => ['history', n]),
  fc.record({
    epoch: fc.oneof(plainValues, junk),
    history: fc.dictionary(string, fc.oneof(plainValues, junk), { maxKeys: 3 }),
  }),
)
const callback = fc.dictionary(of('onTrainBegin', 'onEpochBegin', 'onEpochEnd', 'onTrainEnd'), fn, { maxKeys: 2 })
const callbacks = fc
  .array(fc.oneof(fc.constant(['construct', 'EarlyStopping']), callback, junk), { maxLength: 2 })
  .map((c) => ['list', ...c])
const series = fc.record({ name: fc.oneof(string, junk), x: plainValues, y: plainValues })
const bar = fc.record({ name: string, value: number }, { requiredKeys: ['name'] })
const listOf = (arbitrary) => fc.array(arbitrary, { maxLength: 3 }).map((items) => ['list', ...items])
const kinded = (name, ...kinds) => of(...kinds).map((kind) => [name, kind])

export const BY_NAME = {
  steps: times,
  epochs: times,
  fn,
  module,
  layers: layers.map((l) => ['list', ...l]),
  store: fc.nat(3).map((n) => ['store', n]),
  state: fc.nat(9).map((n) => ['state', n]),
  counter: one,
  at: one,
  cursor: one,
  params: kinded('params', 'float32', 'float32', 'float64'),
  grads: kinded('grads', 'float32', 'float32', 'float64'),
  cache: kinded('cache', 'float32', 'float64'),
  data: dataset,
  validation: fc.oneof(dataset, number),
  model,
  optimizer,
  loss: fc.oneof(loss, tensor),
  metrics: listOf(metric),
  callbacks,
  callback,
  history,
  labels: indices,
  indices,
  t: fc.oneof(indices, tensor, plainValues),
  learningRate: fc.oneof(number, one, tensor),
  weights: listOf(fc.oneof(tensor, plainValues)),
  signal: of(['signal'], ['signal'], ['aborted']),
  initializer: fc.oneof(of('zeros', 'heNormal'), fn),
  series: listOf(series),
  bars: listOf(bar),
  file: string,
  dir: string,
  stream: small,
  axes: fc.oneof(small, listOf(small)),
  x: floatTensor,
  metric: of('loss', 'accuracy', 'x'),
  parameters: listOf(fc.constant(['parameter'])),
  values: fc.oneof(tensor, plainValues),
  onProgress: fn,
  verbose: fc.boolean(),
}
export const anything = fc.oneof(
  tensor,
  number,
  string,
  sizes,
  plainValues,
  module,
  model,
  optimizer,
  fn,
  dataset,
  history,
  ...Object.values(BY_NAME),
)
