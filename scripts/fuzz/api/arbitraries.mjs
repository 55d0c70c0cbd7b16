// Which recipes fast-check makes: of each argument what its name and type ask for, at times anything else.
import fc from 'fast-check'
import { fieldsOf } from './declarations.mjs'
import { JUNK } from './junk.mjs'

const of = fc.constantFrom
const NUMBERS = [0, 1, 2, 3, -1, 0.5, 1.5, 255, 65536, 46341, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53, 1e300, 1e-320]
const SPECIAL = ['NaN', 'Infinity', '-Infinity', '-0'].map((text) => ['n', text])
const WORDS = [
  '',
  'x',
  'relu',
  'adam',
  'sgd',
  'mse',
  'sparseCategoricalCrossentropy',
  'categoricalCrossentropy',
  'accuracy',
  'binaryCrossentropy',
  'valLoss',
  'heNormal',
  'float32',
  'float64',
  'int32',
  'uint8',
  'step',
  'epoch',
  'min',
  '__proto__',
  'constructor',
  'toString',
  '\u0000',
  '\ud800',
  '🙂',
  '<&"',
  ' ',
  '1',
  'NaN',
  'curves.svg',
  'a.png',
]
const KEYS = [
  'x',
  'y',
  'length',
  'shape',
  'dtype',
  'name',
  'call',
  'loss',
  'history',
  'epoch',
  'then',
  'value',
  '__proto__',
]

const dtype = of('float32', 'float32', 'float32', 'float64', 'int32', 'uint8')
const floats = of('float32', 'float32', 'float64')
const usual = of([2, 3], [2, 3], [3], [3, 3], [3, 2], [], [1], [2])
const shape = fc.oneof(
  { weight: 12, arbitrary: usual },
  { weight: 3, arbitrary: fc.array(of(0, 1, 2, 3), { maxLength: 6 }) },
  {
    weight: 1,
    arbitrary: of([0], [2, 0], [0, 3], [65536, 0], [2 ** 31 - 1, 0], [0, 2 ** 31 - 1, 3], [17, 33], [100, 3]),
  },
)
const flags = of({}, {}, {}, { requiresGrad: true }, { requiresGrad: true }, { wild: true }, { divisor: 255 })
const small = of(0, 1, 2, 3)
const tensorOf = (s, d) => fc.tuple(fc.constant('tensor'), s, d, fc.nat(9), flags)
const tensor = fc.oneof(
  { weight: 20, arbitrary: tensorOf(shape, dtype) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('computed'), tensorOf(shape, floats)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('view'), tensorOf(usual, dtype), of(0, 1)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('result'), fc.nat(3)) },
)
const floatTensor = fc.oneof({ weight: 8, arbitrary: tensorOf(usual, of('float32')) }, { weight: 3, arbitrary: tensor })
const indices = fc.oneof(tensorOf(of([2], [3], [1], [0]), of('int32', 'int32', 'uint8')), tensor)
const one = fc.oneof(tensorOf(of([], [1]), of('int32')), tensor)
const number = fc.oneof(
  { weight: 6, arbitrary: of(0.5, 1, 0, 2, 0.1) },
  fc
    .double()
    .map(String)
    .map((t) => ['n', t]),
  of(...NUMBERS, ...SPECIAL),
)
const integer = fc.oneof({ weight: 6, arbitrary: small }, of(...NUMBERS, ...SPECIAL))
/** Of what is done so many times: numbers that are right are small ones. */
const times = of(0, 1, 2, 3, -1, 1.5, 2 ** 31, 2 ** 53, 1e300, ...SPECIAL)
const string = fc.oneof(
  of(...WORDS),
  fc.string({ maxLength: 8 }).map((s) => s.replace(/[./~]/g, '_')),
)
const sizes = fc.oneof(
  { weight: 5, arbitrary: shape.map((s) => ['list', ...s]) },
  fc.array(fc.oneof(small, integer), { maxLength: 7 }).map((s) => ['list', ...s]),
)
const plainValues = fc.oneof(
  fc.tuple(fc.constant('typed'), dtype, of(0, 1, 2, 3, 6, 9), fc.nat(9), fc.boolean()),
  fc.tuple(
    fc.constant('nested'),
    shape.map((s) => (s.some((d) => d > 100) ? [2] : s)),
    fc.nat(9),
  ),
  number,
)
const junkLeaf = fc.oneof(
  { weight: 4, arbitrary: of(...Object.keys(JUNK)).map((name) => [name]) },
  of(null, true, false),
  number,
  string,
)
const junk = fc.oneof(
  { weight: 6, arbitrary: junkLeaf },
  { weight: 1, arbitrary: fc.array(junkLeaf, { maxLength: 4 }).map((items) => ['list', ...items]) },
  { weight: 1, arbitrary: fc.dictionary(of(...KEYS), fc.oneof(junkLeaf, tensor), { maxKeys: 3 }) },
)
const module = fc.oneof(
  { weight: 4, arbitrary: of(1, 2, 3).map((units) => ['construct', 'Affine', units]) },
  of('Relu', 'Sigmoid', 'Tanh', 'Softmax', 'Flatten', 'LeakyRelu').map((name) => ['construct', name]),
  fc.tuple(
    fc.constant('custom'),
    fc.oneof(fc.constant(null), tensor, junk),
    fc.oneof(fc.constant(null), sizes, junk),
    fc.oneof(fc.constant(null), fc.array(fc.oneof(string, sizes, junk), { minLength: 3, maxLength: 3 })),
  ),
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
const model = fc.tuple(
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
const fn = fc.oneof(
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

const BY_NAME = {
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
  signal: kinded('signal', 0).map(() => ['signal']),
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
const anything = fc.oneof(
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

export function arbitraries({ targets, interfaces }) {
  const cache = new Map()
  const objectOf = (fields) =>
    fc.record(Object.fromEntries(fields.map(({ name, type }) => [name, mostly(valueOf(name, type))])), {
      requiredKeys: fields.filter((f) => !f.optional).map((f) => f.name),
    })
  /** What is right at a place, by the name and the text of the type that are declared there. */
  function valueOf(name, type) {
    const key = `${name}: ${type}`
    if (!cache.has(key)) {
      cache.set(key, junk) // while types that name themselves are worked out
      cache.set(key, right(name, type))
    }
    return cache.get(key)
  }
  function right(name, type) {
    if (Object.hasOwn(BY_NAME, name)) return BY_NAME[name]
    if (/^\{/.test(type)) return objectOf(fieldsOf(type.slice(1, -1)))
    const literals = [...type.matchAll(/'(\w+)'/g)].map(([, text]) => text)
    if (literals.length) return of(...literals)
    if (/DType/.test(type)) return /Float/.test(type) ? floats : dtype
    if (/Shape|number\[\]/.test(type)) return sizes
    if (/Values/.test(type)) return fc.oneof({ weight: 3, arbitrary: floatTensor }, plainValues)
    if (/Tensor/.test(type))
      return /number/.test(type) ? fc.oneof({ weight: 3, arbitrary: floatTensor }, number) : floatTensor
    if (/^boolean$/.test(type)) return fc.boolean()
    if (/^number$/.test(type))
      return /^(n|by|classes|start|end|units|seed|axis|count|batchSize|patience|input|hidden|output|words|offset)$/.test(
        name,
      )
        ? integer
        : number
    if (/^string$/.test(type)) return string
    if (/=>/.test(type)) return fn
    if (/Initializer/.test(type)) return BY_NAME.initializer
    if (/Record/.test(type))
      return fc.dictionary(of('loss', 'accuracy', 'valLoss'), fc.oneof(number, plainValues), { maxKeys: 3 })
    const known = interfaces.get(type.replace(/\W/g, ''))
    return known?.length ? objectOf(known) : anything
  }
  const mostly = (arbitrary) =>
    fc.oneof({ weight: 30, arbitrary }, { weight: 2, arbitrary: junk }, { weight: 1, arbitrary: anything })

  function receiverOf(className) {
    if (className === 'Tensor') return floatTensor
    if (className === 'Sequential') return model
    if (className === 'Tape') return fc.tuple(fc.constant('tape'), tensorOf(usual, floats))
    if (className === 'ParameterStore') return BY_NAME.store
    if (className === 'Parameter') return fc.constant(['parameter'])
    if (className === 'History') return fc.nat(3).map((n) => ['history', n])
    const [signature = []] = targets.get(`new ${className}`).signatures
    return fc
      .tuple(...signature.map(({ name, type }) => valueOf(name, type)))
      .map((args) => ['construct', className, ...args])
  }
  const mode = of('', '', '', '', 'backward', 'backward', 'record', 'noGrad')
  const optional = (arbitrary, isOptional) => (isOptional ? fc.oneof(fc.constant(['undefined']), arbitrary) : arbitrary)
  function stepOf(target) {
    const lists = target.signatures.map((signature) =>
      fc.tuple(...signature.map(({ name, type, optional: o }) => optional(mostly(valueOf(name, type)), o))),
    )
    if (lists.length === 0) lists.push(fc.constant([]))
    const args = fc.oneof(
      { weight: 8, arbitrary: fc.oneof(...lists) },
      { weight: 1, arbitrary: fc.array(fc.oneof(junk, anything), { maxLength: 5 }) },
    )
    const on = target.Class ? receiverOf(target.name.replace(/^(get |set )?/, '').split('#')[0]) : fc.constant(null)
    return fc.record({ call: fc.constant(target.name), on, args, mode })
  }
  const all = [...targets.values()]
  const step = fc.oneof(...all.map(stepOf))
  // On what a step before has given: a method by name, or a call of it.
  const methods = [
    ...new Set(all.filter((t) => t.access === 'call' && typeof t.key === 'string').map((t) => `#${t.key}`)),
    '()',
  ]
  const later = fc.record({
    call: of(...methods),
    on: fc.nat(2).map((i) => ['result', i]),
    args: fc.array(mostly(anything), { maxLength: 3 }),
    mode,
  })
  return fc
    .tuple(step, fc.array(fc.oneof(step, later, later), { maxLength: 2 }))
    .map(([first, rest]) => [first, ...rest])
}
