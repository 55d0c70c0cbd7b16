import { describe, expect, it } from 'vitest'
import { JsBackend } from '../../src/backend/js/index.js'
import type { TypedArray } from '../../src/dtype.js'
import { BackendError, IndexError, ShapeError, TypeMismatchError, ValueError } from '../../src/errors.js'
import { defineOp, type Op } from '../../src/ops/op.js'
import { Storage } from '../../src/storage.js'

// The families of src/ops are not loaded here: the backend needs their signatures only.
const ADD = defineOp('add', 'y:w:T:@ a:i:T:@ma b:i:T:@mb | d0 d1 d2 d3 d4 d5 ma<64 mb<64')
const AFFINE = defineOp('affine', 'y:w:T:m*n x:r:T:m*k w:r:T:k*n b:r:T:n | m n k')
const SCALE = defineOp('scale', 'y:w:T:n x:i:T:n | n alpha:d beta:d')
const ADVANCE = defineOp('advance', 'x:u:i:1 | by')
const ONE_HOT = defineOp('oneHot', 'y:w:T:m*n t:r:L:m | m n')
const GATHER = defineOp('gatherRows', 'y:w:A:m*n src:r:A:rows*n idx:r:i:count cursor:r:i:1 | m n rows count divisor:d')
const PUT = defineOp('put', 'dst:u:A:cap src:r:A:1 at:r:i:1 | cap')
const MATMUL = defineOp('matmul', 'c:w:T:m*n a:r:T:m*k b:r:T:k*n | m n k ta<2 tb<2')
const SGD = defineOp('sgd', 'w:u:T:n g:r:T:n lr:r:d:1 | n decay:d')
const MAX = defineOp('max', 'y:w:T:a*c x:r:T:a*b*c | a b c')
const UNKNOWN = defineOp('noSuchKernel', 'y:w:T:n | n')

const backend = new JsBackend('a test')

type Place = [array: TypedArray, offset?: number]

function execute(op: Op, dtype: number, places: Place[], ints: number[], doubles: number[] = []): void {
  const operands = places.map(([array, offset = 0]) => ({ storage: new Storage(array, 'float32', -1), offset }))
  backend.execute(op, dtype, operands, ints, doubles)
}

/** A tape's words; operands are buffer numbers, at offset 0 or [number, offset]. */
function words(
  op: Op,
  dtype: number,
  operands: (number | [number, number])[],
  ints: number[],
  doubles: number[] = [],
): number[] {
  const places = operands.flatMap((o) => (typeof o === 'number' ? [o, 0] : o))
  return [op.index, dtype, ...places, ...ints, ...new Int32Array(Float64Array.from(doubles).buffer)]
}
const bind = (arrays: TypedArray[], ...commands: number[][]): ReturnType<JsBackend['bind']> =>
  backend.bind(Int32Array.from(commands.flat()), arrays)

const f32 = (n: number): Float32Array => new Float32Array(n).fill(1)

describe('execute', () => {
  it('runs a command', () => {
    const y = f32(6)
    execute(SCALE, 0, [[y, 1], [Float32Array.of(1, 2, 3, 4)]], [4], [2, 0.5])
    expect([...y]).toEqual([1, 2.5, 4.5, 6.5, 8.5, 1])
    execute(SCALE, 0, [[y], [y]], [6], [0, 7])
    expect(y[3]).toBe(7)
  })

  it.each<[string, new (...a: never[]) => Error, () => void]>([
    ['a dtype that is none', TypeMismatchError, () => execute(SCALE, 2, [[f32(1)], [f32(1)]], [1], [1, 0])],
    ['an operand of another dtype', TypeMismatchError, () => execute(SCALE, 1, [[f32(1)], [f32(1)]], [1], [1, 0])],
    ['labels that are floats', TypeMismatchError, () => execute(ONE_HOT, 0, [[f32(2)], [f32(2)]], [2, 1])],
    ['what is no typed array', TypeMismatchError, () => execute(SCALE, 0, [[f32(1)], [[1] as never]], [1], [1, 0])],
    ['too few operands', ValueError, () => execute(SCALE, 0, [[f32(1)]], [1], [1, 0])],
    ['too few parameters', ValueError, () => execute(SCALE, 0, [[f32(1)], [f32(1)]], [], [1, 0])],
    ['too few doubles', ValueError, () => execute(SCALE, 0, [[f32(1)], [f32(1)]], [1], [1])],
    ['a negative size', ValueError, () => execute(SCALE, 0, [[f32(1)], [f32(1)]], [-1], [1, 0])],
    ['a fractional size', ValueError, () => execute(SCALE, 0, [[f32(2)], [f32(2)]], [1.5], [1, 0])],
    [
      'a mask beyond its range',
      ValueError,
      () => execute(ADD, 0, [[f32(1)], [f32(1)], [f32(1)]], [1, 1, 1, 1, 1, 1, 64, 0]),
    ],
    ['a range past the end', ShapeError, () => execute(SCALE, 0, [[f32(4)], [f32(4), 1]], [4], [1, 0])],
    ['a negative offset', ShapeError, () => execute(SCALE, 0, [[f32(4)], [f32(4), -1]], [2], [1, 0])],
    [
      'sizes whose product is beyond 2^53',
      ShapeError,
      () => execute(AFFINE, 0, [[f32(1)], [f32(1)], [f32(1)], [f32(1)]], [2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1]),
    ],
    ['the maximum of nothing', ShapeError, () => execute(MAX, 0, [[f32(1)], [f32(1)]], [1, 0, 1])],
    [
      'a gather from int32 to uint8',
      TypeMismatchError,
      () =>
        execute(
          GATHER,
          0,
          [[new Uint8Array(1)], [new Int32Array(1)], [new Int32Array(1)], [new Int32Array(1)]],
          [1, 1, 1, 1],
          [1],
        ),
    ],
    [
      'a divisor for whole numbers',
      ValueError,
      () =>
        execute(
          GATHER,
          0,
          [[new Uint8Array(1)], [new Uint8Array(1)], [new Int32Array(1)], [new Int32Array(1)]],
          [1, 1, 1, 1],
          [255],
        ),
    ],
    [
      'a log of another type',
      TypeMismatchError,
      () => execute(PUT, 0, [[f32(1)], [new Float64Array(1)], [new Int32Array(1)]], [1]),
    ],
    ['an op without a kernel', BackendError, () => execute(UNKNOWN, 0, [[f32(1)]], [1])],
  ])('refuses %s', (_what, type, wrong) => {
    expect(wrong).toThrow(type)
    expect(wrong).toThrow(/^\w+: expected .+, received /)
  })

  it('refuses ranges that overlap, but not the very same where the op works in place', () => {
    const a = f32(8)
    const view = new Float32Array(a.buffer, 8, 4)
    const scale =
      (y: Place, x: Place, n = 4): (() => void) =>
      () =>
        execute(SCALE, 0, [y, x], [n], [1, 0])
    expect(scale([a], [a, 1])).toThrow(ValueError)
    expect(scale([a], [view])).toThrow(ValueError)
    expect(scale([a, 2], [view])).not.toThrow()
    expect(scale([a], [a, 4])).not.toThrow()
    expect(scale([a], [a, 2], 0)).not.toThrow()
    expect(() => execute(AFFINE, 0, [[a], [a], [f32(4)], [f32(2)]], [2, 2, 2])).toThrow(ValueError)
    // One operand broadcast over the other: the same beginning, but not the same range.
    expect(() => execute(ADD, 0, [[a], [a], [f32(8)]], [1, 1, 1, 1, 4, 2, 16, 0])).toThrow(ValueError)
    expect(() => execute(ADD, 0, [[a], [a], [a]], [1, 1, 1, 1, 4, 2, 0, 0])).not.toThrow()
  })

  it('runs commands of no elements, where the product of their other sizes is at most 2^53', () => {
    const huge = 2 ** 31 - 1
    execute(AFFINE, 0, [[f32(0)], [f32(0)], [f32(0)], [f32(0)]], [huge, 0, 0])
    execute(MAX, 0, [[f32(0)], [f32(0)]], [huge, 1, 0])
    expect(() => execute(MAX, 0, [[f32(0)], [f32(0)]], [huge, huge, 0])).toThrow(ShapeError) // as the addon
    expect(() => execute(MAX, 0, [[f32(0)], [f32(0)]], [huge, 1, 1])).toThrow(ShapeError)
  })

  it('names the op, the place and the range of a bad index', () => {
    expect(() => execute(ONE_HOT, 0, [[f32(6)], [Uint8Array.of(1, 3)]], [2, 3])).toThrow(IndexError)
    expect(() => execute(ONE_HOT, 0, [[f32(6)], [Uint8Array.of(1, 3)]], [2, 3])).toThrow(
      'oneHot: expected t[1] from 0 to 2, received 3',
    )
    const gather = (row: number, cursor: number): void =>
      execute(GATHER, 0, [[f32(2)], [f32(3)], [Int32Array.of(0, row, 1)], [Int32Array.of(cursor)]], [2, 1, 3, 3], [1])
    expect(() => gather(7, 0)).toThrow('gatherRows: expected idx[1] from 0 to 2, received 7')
    expect(() => gather(2, 2)).toThrow('gatherRows: expected the cursor from 0 to 1, received 2')
    expect(() => execute(PUT, 0, [[f32(2)], [f32(1)], [Int32Array.of(2)]], [2])).toThrow(
      'put: expected at[0] from 0 to 1, received 2',
    )
  })
})

describe('bind', () => {
  it('replays a tape, its changes carried from step to step', () => {
    const [x, count] = [Float64Array.of(1), new Int32Array(1)]
    const tape = bind([x, count], words(SCALE, 1, [0, 0], [1], [2, 0.25]), words(ADVANCE, 0, [1], [3]))
    tape.replay(4, 10)
    expect([x[0], count[0]]).toEqual([16 + 0.25 * 15, 12])
    tape.replay(0, 10)
    expect(count[0]).toBe(12)
  })

  it('holds its own copy of the words', () => {
    const count = new Int32Array(1)
    const tapeWords = Int32Array.from(words(ADVANCE, 0, [0], [1]))
    const tape = backend.bind(tapeWords, [count])
    tapeWords.fill(99)
    tape.replay(2, 10)
    expect(count[0]).toBe(2)
  })

  it.each<[string, new (...a: never[]) => Error, () => void]>([
    ['an unknown op', BackendError, () => bind([f32(1)], [999, 0])],
    ['a negative op', BackendError, () => bind([f32(1)], [-1, 0])],
    ['a command cut short', ShapeError, () => bind([f32(1)], words(SCALE, 0, [0, 0], [1], [1, 0]).slice(0, -1))],
    ['a buffer that is not there', ValueError, () => bind([f32(1)], words(SCALE, 0, [0, 1], [1], [1, 0]))],
    ['a negative buffer', ValueError, () => bind([f32(1)], words(SCALE, 0, [0, -1], [1], [1, 0]))],
    ['a bad dtype', TypeMismatchError, () => bind([f32(1)], words(SCALE, 7, [0, 0], [1], [1, 0]))],
    ['a range past the end', ShapeError, () => bind([f32(1)], words(SCALE, 0, [[0, 1], 0], [1], [1, 0]))],
    ['an overlap', ValueError, () => bind([f32(3)], words(SCALE, 0, [[0, 1], 0], [2], [1, 0]))],
    ['words that are no Int32Array', TypeMismatchError, () => backend.bind([0] as never, [])],
    ['a buffer that is no typed array', TypeMismatchError, () => backend.bind(new Int32Array(0), [{} as never])],
    ['an op without a kernel', BackendError, () => bind([f32(1)], words(UNKNOWN, 0, [0], [1]))],
  ])('refuses %s', (_what, type, wrong) => expect(wrong).toThrow(type))

  it('stops at a bad index, and can go on after', () => {
    const [y, t, count] = [f32(2), Int32Array.of(2), new Int32Array(1)]
    const tape = bind([y, t, count], words(ONE_HOT, 0, [0, 1], [1, 2]), words(ADVANCE, 0, [2], [1]))
    expect(() => tape.replay(3, 10)).toThrow(IndexError)
    expect(count[0]).toBe(0)
    t[0] = 1
    tape.replay(3, 10)
    expect([...y, count[0]]).toEqual([0, 1, 3])
  })
})

describe('replaySlice', () => {
  const count = new Int32Array(1)
  const tape = bind([count], words(ADVANCE, 0, [0], [1]))

  it('runs all steps if there is time, at least one if there is none', async () => {
    count[0] = 0
    expect(await tape.replaySlice(5, 1000)).toBe(5)
    expect(await tape.replaySlice(1e9, 0)).toBe(1)
    expect(count[0]).toBe(6)
    expect(await tape.replaySlice(1e9, 5)).toBeGreaterThan(1)
  })

  it('lets timers fire between slices', async () => {
    let fired = 0
    const timer = setInterval(() => fired++, 1)
    for (let i = 0; i < 8; i++) await tape.replaySlice(1e9, 3)
    clearInterval(timer)
    expect(fired).toBeGreaterThan(2)
  })

  it('lets the event loop turn within a long step', async () => {
    const n = 300
    const [c, a, b] = [0, 1, 2].map(() => new Float32Array(n * n))
    const product = words(MATMUL, 0, [0, 1, 2], [n, n, n, 0, 0])
    const long = bind([c, a, b], [...product, ...product, ...product])
    let turns = 0
    let next = setImmediate(function count() {
      turns++
      next = setImmediate(count)
    })
    expect(await long.replaySlice(1, 1)).toBe(1)
    clearImmediate(next)
    expect(turns).toBeGreaterThan(3)
  })

  it('rejects with a bad index and is free again', async () => {
    const bad = bind([f32(2), Int32Array.of(5)], words(ONE_HOT, 0, [0, 1], [1, 2]))
    await expect(bad.replaySlice(1, 1)).rejects.toThrow(IndexError)
    await expect(bad.replaySlice(1, 1)).rejects.toThrow(IndexError)
  })
})

describe('long commands, which a tape runs in parts', () => {
  const wave = (n: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(i))

  it.each([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ])('matmul (%i, %i) has the bits it has at once', (ta, tb) => {
    for (const [m, n, k] of [
      [301, 170, 333],
      [11, 19, 50_001],
    ]) {
      const [c, once, a, b] = [wave(m * n), wave(m * n), wave(m * k), wave(k * n)]
      execute(MATMUL, 0, [[once], [a], [b]], [m, n, k, ta, tb])
      bind([c, a, b], words(MATMUL, 0, [0, 1, 2], [m, n, k, ta, tb])).replay(1, 0)
      expect(Buffer.compare(Buffer.from(c.buffer), Buffer.from(once.buffer))).toBe(0)
    }
  })

  it('an optimizer, too, and nothing outside of its operands', () => {
    const n = 300_001
    const [w, once, g, rate] = [wave(n + 5), wave(n + 5), wave(n + 5), Float64Array.of(7, 0.1)]
    execute(
      SGD,
      0,
      [
        [once, 2],
        [g, 3],
        [rate, 1],
      ],
      [n],
      [0.01],
    )
    bind(
      [w, g, rate],
      words(
        SGD,
        0,
        [
          [0, 2],
          [1, 3],
          [2, 1],
        ],
        [n],
        [0.01],
      ),
    ).replay(1, 0)
    expect(Buffer.compare(Buffer.from(w.buffer), Buffer.from(once.buffer))).toBe(0)
    expect([w[0], w[1], w[n + 2]]).toEqual([0, 1, n + 2].map((i) => Math.fround(Math.sin(i))))
    expect(w[n + 1]).not.toBe(Math.fround(Math.sin(n + 1)))
  })
})

it('describes itself', () => {
  expect(backend.info()).toMatchObject({
    backend: 'js',
    isa: 'js',
    threads: 1,
    reason: 'a test',
    cpu: expect.any(String),
  })
})
