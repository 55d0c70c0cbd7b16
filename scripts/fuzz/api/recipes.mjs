// Recipes that fast-check makes of numbers, strings, tensors and junk; values.mjs builds what they name.
import fc from 'fast-check'
import { JUNK } from './junk.mjs'

const of = fc.constantFrom
const NUMBERS = [0, 1, 2, 3, -1, 0.5, 1.5, 255, 65536, 46341, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53, 1e300, 1e-320]
const SPECIAL = ['NaN', 'Infinity', '-Infinity', '-0'].map((text) => ['n', text])
const NAMES =
  'x relu adam sgd mse sparseCategoricalCrossentropy categoricalCrossentropy accuracy binaryCrossentropy valLoss heNormal float32 float64 int32 uint8 step epoch min __proto__ constructor toString 1 NaN curves.svg a.png'
const WORDS = [...NAMES.split(' '), '', '\u0000', '\ud800', '🙂', '<&"', ' ']
const KEYS = 'x y length shape dtype name call loss history epoch then value __proto__'.split(' ')

export const dtype = of('float32', 'float32', 'float32', 'float64', 'int32', 'uint8')
export const floats = of('float32', 'float32', 'float64')
export const usual = of([2, 3], [2, 3], [3], [3, 3], [3, 2], [], [1], [2])
const shape = fc.oneof(
  { weight: 12, arbitrary: usual },
  { weight: 3, arbitrary: fc.array(of(0, 1, 2, 3), { maxLength: 6 }) },
  {
    weight: 1,
    arbitrary: of([0], [2, 0], [0, 3], [65536, 0], [2 ** 31 - 1, 0], [0, 2 ** 31 - 1, 3], [17, 33], [100, 3]),
  },
)
const flags = of({}, {}, {}, { requiresGrad: true }, { requiresGrad: true }, { wild: true }, { divisor: 255 })
export const small = of(0, 1, 2, 3)
export const tensorOf = (s, d) => fc.tuple(fc.constant('tensor'), s, d, fc.nat(9), flags)
export const tensor = fc.oneof(
  { weight: 20, arbitrary: tensorOf(shape, dtype) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('computed'), tensorOf(shape, floats)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('view'), tensorOf(usual, dtype), of(0, 1)) },
  { weight: 1, arbitrary: fc.tuple(of('recorded', 'tensorProxy'), tensorOf(usual, floats)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('result'), fc.nat(3)) },
)
export const floatTensor = fc.oneof(
  { weight: 8, arbitrary: tensorOf(usual, of('float32')) },
  { weight: 3, arbitrary: tensor },
)
export const indices = fc.oneof(tensorOf(of([2], [3], [1], [0]), of('int32', 'int32', 'uint8')), tensor)
export const one = fc.oneof(tensorOf(of([], [1]), of('int32')), tensor)
export const number = fc.oneof(
  { weight: 6, arbitrary: of(0.5, 1, 0, 2, 0.1) },
  fc
    .double()
    .map(String)
    .map((t) => ['n', t]),
  of(...NUMBERS, ...SPECIAL),
)
export const integer = fc.oneof({ weight: 6, arbitrary: small }, of(...NUMBERS, ...SPECIAL))
/** Of what is done so many times: numbers that are right are small ones. */
export const times = of(0, 1, 2, 3, -1, 1.5, 2 ** 31, 2 ** 53, 1e300, ...SPECIAL)
export const string = fc.oneof(
  of(...WORDS),
  fc.string({ maxLength: 8 }).map((s) => s.replace(/[./~]/g, '_')),
)
export const sizes = fc.oneof(
  { weight: 5, arbitrary: shape.map((s) => ['list', ...s]) },
  fc.array(fc.oneof(small, integer), { maxLength: 7 }).map((s) => ['list', ...s]),
)
export const plainValues = fc.oneof(
  fc.tuple(fc.constant('typed'), dtype, of(0, 1, 2, 3, 6, 9), fc.nat(9), fc.boolean()),
  fc.tuple(
    fc.constant('nested'),
    shape.map((s) => (s.some((d) => d > 100) ? [2] : s)),
    fc.nat(9),
  ),
  number,
)
export const fake = of(
  ...'Tensor Module Affine Sequential Parameter ParameterStore Optimizer Adam History Tape EarlyStopping'.split(' '),
).map((name) => ['fake', name])
const junkLeaf = fc.oneof(
  { weight: 4, arbitrary: of(...Object.keys(JUNK)).map((name) => [name]) },
  fake,
  of(null, true, false),
  number,
  string,
)
export const junk = fc.oneof(
  { weight: 6, arbitrary: junkLeaf },
  { weight: 1, arbitrary: fc.array(junkLeaf, { maxLength: 4 }).map((items) => ['list', ...items]) },
  { weight: 1, arbitrary: fc.dictionary(of(...KEYS), fc.oneof(junkLeaf, tensor), { maxKeys: 3 }) },
)
