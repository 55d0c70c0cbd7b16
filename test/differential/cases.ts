import { arrayType, type DType, type TypedArray } from '../../src/dtype.js'
import type { Op } from '../../src/ops/op.js'
import { Random } from './random.js'

/** One command: what each operand holds before, and the parameters. */
export interface Case {
  dtype: 0 | 1
  ints: number[]
  doubles: number[]
  before: TypedArray[]
  /** The operand that lies exactly where operand 0 does. */
  inPlace?: number
}

const EDGES = [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65]
const LARGE = [255, 257, 1000, 4095, 4096, 4097, 8193]
const MOST = 12_000
/** One case in so many is large enough for several threads. */
const RARE = 150

/** Sizes whose product stays below `most`: registers' edges, blocks' edges, anything between. */
function sizes(r: Random, count: number, most = r.chance(1 / RARE) ? 150_000 : MOST): number[] {
  const list: number[] = []
  let room = most
  for (let i = 0; i < count; i++) {
    const kind = r.next()
    const wish = kind < 0.6 ? r.pick(EDGES) : kind < 0.85 ? r.below(130) : r.chance(0.9) ? r.pick(LARGE) : r.below(most)
    const size = Math.min(wish, room)
    list.push(size)
    room = Math.floor(room / Math.max(1, size))
  }
  for (let i = count - 1; i > 0; i--) {
    const j = r.below(i + 1)
    ;[list[i], list[j]] = [list[j], list[i]]
  }
  return list
}

function broadcast(r: Random): number[] {
  const rank = r.below(7)
  const dims = r.chance(0.2) ? [1, 1, 1, 1, 1, ...sizes(r, 1)] : []
  if (dims.length === 0) {
    const own = sizes(r, rank)
    dims.push(...new Array(6 - rank).fill(1), ...own)
  }
  return [...dims, r.chance(0.3) ? 0 : r.below(64), r.chance(0.3) ? 0 : r.below(64)]
}

function intsOf(op: Op, r: Random): number[] {
  switch (op.ints.map((p) => p.name).join(' ')) {
    case 'd0 d1 d2 d3 d4 d5 ma mb':
      return broadcast(r)
    case 'm n k':
    case 'm n k ta tb': {
      const [m, n] = sizes(r, 2, 6000)
      const k = r.chance(0.5) ? r.pick(EDGES) : r.below(Math.floor(200_000 / (m * n + 100)) + 2)
      return [m, n, k, ...op.ints.slice(3).map(() => r.below(2))]
    }
    case 'm n': {
      const [m, n] = sizes(r, 2)
      const labelled = op.operands.some((o) => o.type === 'L')
      return [m, labelled ? Math.max(1, n) : n]
    }
    case 'a b c': {
      const [a, b, c] = r.chance(0.4) ? [...sizes(r, 2), 1] : sizes(r, 3)
      return [a, /^(arg)?max/.test(op.name) ? Math.max(1, b) : b, c]
    }
    case 'm n k panels': {
      const [m, n, k] = sizes(r, 3, 6000)
      return [m, n, k, 1 + r.below(16)]
    }
    case 'm n rows count': {
      const count = r.below(100)
      const m = r.below(count + 1)
      const [rows, n] = sizes(r, 2, 6000)
      return [m, n, Math.max(1, rows), count]
    }
    case 'm n rows count k panels': {
      // Where panels are cut is up to the threads: these rows are too short for more than one.
      const count = r.below(100)
      const m = r.below(count + 1)
      const [rows, n] = sizes(r, 2, 250)
      return [m, n, Math.max(1, rows), count, r.pick(EDGES), 1 + r.below(16)]
    }
    case 'm n p q at from': {
      const [m, n] = sizes(r, 2, 6000)
      const [at, from] = [r.below(20), r.below(20)]
      return [m, n, at + n + r.below(20), from + n + r.below(20), at, from]
    }
    case 'n':
      return sizes(r, 1)
    case 'n nesterov':
      return [...sizes(r, 1), r.below(2)]
    case 'cap':
      return [1 + r.below(100)]
    case 'by':
      return [r.chance(0.5) ? r.below(10) : r.below(2 ** 31)]
  }
  throw new Error(`test/differential: no sizes for "${op.text}"`)
}

const DOUBLES: Record<string, (r: Random, op: Op) => number> = {
  slope: (r) => r.pick([0.01, 0, 1, -0.3, r.next()]),
  lo: (r) => r.between(-3, 0.5),
  hi: (r) => r.between(0.5, 4),
  alpha: (r) => r.pick([1, 0, -1, r.between(-3, 3)]),
  beta: (r) => r.pick([0, r.between(-3, 3)]),
  divisor: (r) => r.pick([1, 255, 3, r.scale(-3, 3)]),
  threshold: (r) => r.pick([0.5, r.next()]),
  value: (r) => r.pick([0, 1.5, -300, 3e9, Number.NaN, Number.POSITIVE_INFINITY, r.between(-100, 300)]),
  mean: (r) => r.pick([0, r.between(-2, 2)]),
  std: (r) => r.pick([1, r.scale(-3, 2)]),
  decay: (r) => r.pick([0, 0.004, r.next()]),
  mu: (r) => r.pick([0.9, r.next()]),
  rho: (r) => r.pick([0.9, r.between(0.1, 0.999)]),
  eps: (r) => r.pick([1e-7, 1e-5, r.scale(-10, -1)]),
  beta1: (r) => r.pick([0.9, r.between(0, 0.99)]),
  beta2: (r) => r.pick([0.999, r.between(0.1, 0.9999)]),
}

const SPECIALS = [Number.NaN, Infinity, -Infinity, 0, -0, 1e-40, -1e-310, 1.1754943508222875e-38, 1, -1]
/** Where a single IEEE operation or function is judged, results may overflow; sums overflow at other places in float64. */
const HUGE = [3e38, -3e38, 1e308, 88.7, 88.8, -87.3, -88, -104, 709.7, 709.8, -708.3, -746]
const ELEMENTWISE =
  /^(add|subtract|multiply|divide|maximum|minimum|greater|where|negate|exp|log|sqrt|square|abs|sigmoid|tanh|relu|leakyRelu|clip|scale|transpose|max|expand)$/

type Draw = (r: Random) => number
const probability: Draw = (r) => (r.chance(0.1) ? r.pick([0, 1, 1e-7, 1e-9, 0.5]) : r.next())
const positive: Draw = (r) => r.between(1e-3, 2)
/** Optimizers that divide by the root of v. */
const OF_ROOTS = /^(rmsprop|adam)$/

const FAMILIES: [ops: RegExp, operands: RegExp, draw: Draw][] = [
  [/^(log|sqrt)$/, /^x$/, (r) => r.scale(-6, 6)],
  [/^sqrtGrad$/, /^v$/, positive],
  [/^(sigmoidGrad|softmaxGrad)$/, /^[vy]$/, (r) => r.next()],
  [/^logSoftmaxGrad$/, /^y$/, (r) => -r.between(0, 20)],
  [/^maximumGrad$/, /^[ab]$/, (r) => r.below(4)],
  [/^where$/, /^c$/, (r) => r.below(2)],
  [
    /^(maximum|minimum|greater|max|argmax|maxGrad|accuracy.*)$/,
    /^[abxpt]$/,
    (r) => (r.chance(0.5) ? r.below(4) : r.between(-2, 2)),
  ],
  [/[cC]rossEntropy/, /^[pt]$/, probability],
  [/^binaryAccuracy$/, /^[pt]$/, probability],
  [OF_ROOTS, /^v$/, (r) => (r.chance(0.1) ? 0 : r.scale(-8, 1))],
]

function floats(op: Op, name: string, n: number, r: Random, special: boolean): number[] {
  const own = FAMILIES.find(([ops, operands]) => ops.test(op.name) && operands.test(name))?.[2]
  const spread = r.pick([1, 1, 2, 10, 0.01])
  const draw: Draw = own ?? ((r) => r.between(-2, 2) * spread)
  let extremes = ELEMENTWISE.test(op.name) ? [...SPECIALS, ...HUGE] : SPECIALS
  // What a step by an infinite gradient is (infinite or NaN) is nowhere promised.
  if (OF_ROOTS.test(op.name)) extremes = extremes.filter((v) => Math.abs(v) !== Infinity)
  const share = special ? r.pick([0.02, 0.3]) : 0
  return Array.from({ length: n }, () => (r.chance(share) ? r.pick(extremes) : draw(r)))
}

const WILD = [1.9, -1.9, 300.5, -7, 3e9, -3e9, Number.NaN, 127.5, Infinity, -Infinity]

/** What an operand that is not of the command's float type holds. */
function others(op: Op, name: string, n: number, ints: number[], type: DType, r: Random): number[] {
  const fill = (draw: () => number) => Array.from({ length: n }, draw)
  const [, columns, rows, count] = ints
  if (name === 't' && op.operands[0].name === 'w') return fill(() => r.pick([1, 2, 7, 1 + r.below(100_000)]))
  if (name === 't') return fill(() => r.below(Math.min(columns, type === 'uint8' ? 256 : columns)))
  if (name === 'idx') return fill(() => r.below(rows))
  if (name === 'cursor') return fill(() => r.below(count - ints[0] + 1))
  if (name === 'at') return fill(() => r.below(ints[0]))
  if (name === 'lr') return fill(() => r.scale(-5, 0))
  if (name === 'rng') return fill(() => r.pick([0, -1, r.below(2 ** 32) | 0]))
  if (op.name === 'copy') return fill(() => (r.chance(0.1) ? r.pick(WILD) : r.between(-300, 300)))
  return fill(() => r.below(256))
}

/** dtypes of operands of type A or L that go together. */
function typesOf(op: Op, r: Random): Record<string, DType> {
  const type = r.dtype()
  const label = r.pick(['int32', 'uint8'] as const)
  if (op.name === 'copy') return { y: r.dtype(), x: type }
  if (op.name === 'copyColumns') return { y: type, x: type }
  if (op.name === 'put') return { dst: r.pick(['float64', type]), src: type }
  if (op.name === 'fill') return { y: type }
  if (op.name === 'gatherAffine') return { src: r.pick(['uint8', type]) }
  if (op.name !== 'gatherRows') return { t: label }
  return r.pick<Record<string, DType>>([
    { y: 'float32', src: type },
    { y: 'float64', src: type },
    { y: 'int32', src: label },
    { y: 'uint8', src: 'uint8' },
  ])
}

export function randomCase(op: Op, seed: number, number: number): Case {
  const r = new Random(seed, op.name, number)
  const dtype = op.operands.some((o) => o.type === 'T') ? (r.below(2) as 0 | 1) : 0
  const float: DType = dtype ? 'float64' : 'float32'
  const ints = intsOf(op, r)
  const types = typesOf(op, r)
  const doubles = op.doubles.map((name) => {
    const draw = DOUBLES[name]
    if (draw === undefined)
      throw new Error(`${op.name}: ${name} wants an entry in DOUBLES of test/differential/cases.ts`)
    return draw(r, op)
  })
  if (op.name === 'gatherRows' && (types.y === 'int32' || types.y === 'uint8')) doubles[0] = 1
  const special = r.chance(0.25)
  const before = op.operands.map((o): TypedArray => {
    const n = o.extent(ints)
    if (o.type === 'T') return new (arrayType(float))(floats(op, o.name, n, r, special))
    const chosen = o.type === 'A' || o.type === 'L' ? types[o.name] : undefined
    const type = chosen ?? (o.type === 'd' ? 'float64' : 'int32')
    return new (arrayType(type))(others(op, o.name, n, ints, type, r))
  })
  if (op.name === 'gatherAffineGrad') cut(before[1], ints, r)
  if (op.name === 'maxGrad') maxima(before[2], before[3], ints)
  const size = op.operands[0].extent(ints)
  const places = op.operands.flatMap((o, i) => (o.role === 'i' && o.extent(ints) === size && size > 0 ? [i] : []))
  const inPlace = places.length > 0 && r.chance(0.3) ? r.pick(places) : undefined
  if (inPlace !== undefined) before[0] = before[inPlace]
  return { dtype, ints, doubles, before, inPlace }
}

/** Notes in a batch in panels where these end, mostly in order, and which place they are in. */
function cut(x: TypedArray, [, n, , panels]: number[], r: Random): void {
  const ends = Array.from({ length: panels - 1 }, () => r.below(n + 1))
  if (r.chance(0.8)) ends.sort((a, b) => a - b)
  const notes = ends.flatMap((end) => [end, r.below(2)])
  if (x.length > 0) x.set(notes, x.length - notes.length)
}

/** maxGrad is given x and its maxima. */
function maxima(x: TypedArray, y: TypedArray, [a, b, c]: number[]): void {
  y.fill(-Infinity)
  for (let i = 0; i < a; i++)
    for (let j = 0; j < b; j++)
      for (let l = 0; l < c; l++) y[i * c + l] = Math.max(y[i * c + l], x[(i * b + j) * c + l])
}
