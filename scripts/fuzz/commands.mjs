// Random and mutated commands of the tape, and the small buffers that they name.

const LENGTH = 200
const TYPES = [Float32Array, Float64Array, Int32Array, Uint8Array]
const PER_TYPE = 3
const SIZES = [0, 1, 2, 3, 5, 10, 14, 16, 17, 33, 100, 200]
const EXTREMES = [-1, -(2 ** 31), 2 ** 31 - 1, 2 ** 31 - 64, 2 ** 30, 65536, 46341, 46340, 201, 1000]
const DOUBLES = [0, 1, 2, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e300, 0.5, 1e-320, 255]
const TAME_DOUBLES = [0.1, 0.5, 0.9, 0.01]

export const shared = (T, n) => new T(new SharedArrayBuffer(n * T.BYTES_PER_ELEMENT))

/** One block of memory each, so that a sanitizer sees what is touched beyond its end. */
export const makeArrays = () => TYPES.flatMap((T) => Array.from({ length: PER_TYPE }, () => shared(T, LENGTH)))

/** Overwrites the buffers: with small numbers whose results two precisions agree on (tame), or with anything. */
export function refill(arrays, { random, pick }, tame) {
  for (const a of arrays) {
    const whole = a instanceof Int32Array || a instanceof Uint8Array
    for (let k = 0; k < a.length; k++) {
      if (tame) a[k] = whole ? random(9) : (1 + random(64)) / 65
      else if (random(4)) a[k] = random(9)
      else a[k] = whole || random(2) ? random(2 ** 16) - 2 ** 15 : pick(DOUBLES)
    }
  }
}

/** Makes command(tame): words whose buffer numbers count in makeArrays, mostly well formed, so that much of it is run. */
export function commandSource(ops, { random, pick }) {
  const halves = new Int32Array(2)
  const double = new Float64Array(halves.buffer)
  const size = () => (random(12) ? pick(SIZES) : pick(EXTREMES))
  function wellFormed(tame) {
    const code = random(ops.length)
    const { operands, ints, doubles } = ops[code]
    const list = [random(50) ? code : size(), random(20) ? random(2) : size()]
    for (const o of operands) {
      const type = { T: list[1], d: 1, i: 2, L: 2 + random(2), A: random(4) }[o.type]
      const number = random(30) ? type * PER_TYPE + random(PER_TYPE) : random(TYPES.length * PER_TYPE)
      list.push(random(100) ? number : size(), random(4) ? 0 : size())
    }
    for (const { below } of ints) list.push(below < 100 && random(9) ? random(below) : size())
    for (const _ of doubles) {
      double[0] = pick(tame ? TAME_DOUBLES : DOUBLES)
      list.push(halves[0], halves[1])
    }
    return list
  }
  let last = [0, 0]
  return (tame) => {
    // Half of the mutants change a command that came before, the rest are new.
    const list = random(4) ? wellFormed(tame) : [...last]
    if (!random(10)) list[random(list.length)] = random(2) ? size() : (random(2 ** 31) * 2) | 0
    if (!random(50)) list.length = random(list.length + 1)
    if (!random(50)) list.push(size())
    last = list.length > 1 ? list.slice(0, 60) : [0, 0]
    return Int32Array.from(last)
  }
}

/** Whether the doubles of a command that ran are tame: a mutant may have a beta of -1e279, of which two precisions make different numbers. */
export function hasTameDoubles(words, ops) {
  const { operands, ints, doubles } = ops[words[0]]
  const from = 2 + 2 * operands.length + ints.length
  const bits = words.slice(from, from + 2 * doubles.length)
  return new Float64Array(bits.buffer).every((d) => TAME_DOUBLES.includes(d))
}
