import { describe, expect, it } from 'vitest'
import type { Backend } from '../src/backend/backend.js'
import * as lw from '../src/index.js'
import { gatherAffine } from '../src/ops/gather-affine.js'
import { advance, copy } from '../src/ops/memory.js'
import { addonOf, hash, isasHere, within } from './isas.js'

// A leg of gatherAffine gathers its rows of the next step ahead (native/kernels/ahead.h), and uses them only if they are still the ones
// that the step names. Whatever happens between two steps: the bits of gatherRows and affine, by one thread.

const ISAS = isasHere()
const BEST = ISAS[ISAS.length - 1]
const M = 32
const N = 1600
const K = 50
const ROWS = 300

type Step = (parts: Parts) => void
interface Parts {
  source: lw.Tensor
  indices: lw.Tensor
  cursor: lw.Tensor
  level: lw.Tensor
}
interface Case {
  /** What else a step does, after its products. */
  after?: Step
  /** What is done between replays; one more replay than there are of these. */
  between?: Step[]
  by?: number
  steps?: number
}

/** Hashes of the sums of y and dw over all steps, and the place of the first panel: it changes where rows gathered ahead are used. */
function run(threads: number, { after, between = [], by = M, steps = 2 }: Case) {
  const real = addonOf(BEST, threads)
  let placeOfFirst = () => -1
  const spy: Backend = {
    execute: (...args) => real.execute(...args),
    info: () => real.info(),
    bind: (words, arrays) => {
      // The fifth operand of the first command, x: the place of its first panel stands at its end.
      const at = words[11] + 3 * threads * M * N - 2 * (threads - 1) + 1
      if (threads > 1) placeOfFirst = () => arrays[words[10]][at]
      return real.bind(words, arrays)
    },
  }
  return within(spy, () => {
    const random = lw.randomState(5)
    const parts = {
      source: lw.tensor(
        Uint8Array.from({ length: ROWS * N }, (_, i) => (i * 7 + (i >> 8)) & 255),
        { shape: [ROWS, N], divisor: 255 },
      ),
      indices: lw.tensor(Int32Array.from({ length: ROWS }, (_, i) => (i * 37) % ROWS)),
      cursor: lw.tensor(Int32Array.of(0)),
      level: lw.zeros([ROWS, N]),
    }
    const { source, indices, cursor } = parts
    const [w, b, dy] = [[N, K], [K], [M, K]].map((shape) => lw.normal(random, shape))
    const sums = [lw.zeros([M, K]), lw.zeros([N, K])]
    w.requiresGrad = true
    w.grad = lw.zeros([N, K])
    const options = { cursor, count: M, dtype: 'float32' as const }
    const tape = lw.record(() => {
      const y =
        threads > 1
          ? gatherAffine(source, indices, options, w, b)
          : lw.affine(lw.gatherRows(source, indices, options), w, b)
      if (y === undefined) throw new Error('not gathered')
      lw.backward(lw.sum(lw.multiply(y, dy)))
      for (const [i, value] of [y, w.grad as lw.Tensor].entries()) copy(lw.add(sums[i], value), sums[i])
      after?.(parts)
      advance(cursor, by)
    })
    tape.replay(steps)
    for (const change of between) {
      change(parts)
      tape.replay(steps)
    }
    return { hashes: sums.map((s) => hash(s)), place: placeOfFirst(), tape, parts }
  })
}

const other: Step = ({ source }) => {
  const data = source.data as Uint8Array
  for (let i = 0; i < data.length; i += 3) data[i] ^= 85
}
const turned: Step = ({ indices }) => {
  indices.data.reverse()
}

const raised: Step = ({ source, level }) => {
  copy(lw.add(level, 1), level)
  copy(level, source)
}
const equal: Step = ({ indices }) => {
  indices.data.fill(9)
}

// The rows after this step's are this step's but for the last, and the next step names this step's again.
const almost: Step = ({ indices }) => {
  for (let i = 0; i < M - 1; i++) indices.data[M + i] = indices.data[i]
}

const CASES: Record<string, Case & { place: number }> = {
  'steps that follow': { steps: 8, place: 1 },
  'an odd number of them': { steps: 5, place: 0 },
  'a replay each': { steps: 1, between: [() => {}, () => {}], place: 0 },
  'a source that JavaScript changed': { between: [other, other], place: 1 },
  'indices that JavaScript changed': { between: [turned], place: 1 },
  'a cursor that goes on by other than a batch': { by: 7, steps: 4, place: 0 },
  'the same rows again': { by: 0, steps: 4, place: 0 },
  'the same rows again, and all the same row': { by: 0, between: [equal], place: 1 },
  'the same rows again, and all but the last of those that follow': { by: 0, between: [almost], steps: 4, place: 0 },
  'a source that the step changes': { after: raised, steps: 4, place: 0 },
}

describe.skipIf(ISAS.length === 0)('rows gathered ahead', () => {
  // Where the rows end up depends on the threads' speeds too: on a busy machine it is tried again.
  it.each(Object.keys(CASES))('%s', { retry: 3 }, (name) => {
    const { place, ...sequence } = CASES[name]
    const expected = run(1, sequence).hashes
    for (const threads of [2, 3]) {
      const result = run(threads, sequence)
      expect(result.hashes).toEqual(expected)
      if (BEST === 'avx512') expect(result.place).toBe(place)
    }
  })

  it('an index that is far off is not followed ahead', () => {
    const { tape, parts } = run(2, { steps: 1 })
    parts.indices.data[2 * M + 6] = 2 ** 31 - 1
    tape.replay(1)
    expect(() => tape.replay(1)).toThrow('received 2147483647')
  })

  it('an index that is wrong is reported in its own step', () => {
    const { tape, parts } = run(2, { steps: 1 })
    parts.indices.data[2 * M + 6] = ROWS
    tape.replay(1)
    expect(() => tape.replay(2)).toThrow('gatherAffine: expected idx[6] from 0 to 299, received 300')
    expect(parts.cursor.data[0]).toBe(2 * M)
  })
})
