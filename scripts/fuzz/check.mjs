// What a command must do, by the JavaScript backend: refuse, or compute the same within rounding and touch nothing else.
const TOLERANCE = [2e-3, 1e-9]
const NEAR_THE_END = 1e30
// The square of more than this is infinite in float32, and 0 times that NaN.
const SQUARE_ENDS = 1e18
// So is exp of more than this: one command takes exp of what it is given, where a softmax would subtract the greatest.
const EXP_ENDS = 88

const bytes = (a) => Buffer.from(a.buffer, a.byteOffset, a.byteLength)
const sameNumber = (x, y) => x === y || (Number.isNaN(x) && Number.isNaN(y))

/** Restores what was before. */
export function restore(arrays, before) {
  for (const [i, a] of arrays.entries()) a.set(before[i])
}

/**
 * The first place where two lists of arrays differ in value beyond the tolerance (0: in bits; NaN are all alike).
 * `overflows` tells whether a NaN may come from an infinite intermediate result.
 */
export function difference(got, expected, tolerance = 0, overflows = () => false) {
  for (const [i, a] of got.entries()) {
    const b = expected[i]
    if (bytes(a).equals(bytes(b))) continue
    for (let k = 0; k < a.length; k++) {
      if (Object.is(a[k], b[k]) || (tolerance && sameNumber(a[k], b[k]))) continue
      if (Math.abs(a[k] - b[k]) <= tolerance * Math.max(1, Math.abs(b[k]))) continue
      // Near the end of the range an intermediate result may be infinite in float32; JavaScript computes in float64.
      if (tolerance && !Number.isFinite(a[k]) && Math.abs(b[k]) > NEAR_THE_END) continue
      if (tolerance && Number.isNaN(a[k]) && overflows()) continue
      return `buffer ${i}, element ${k}: ${a[k]}, expected ${b[k]}`
    }
  }
  return undefined
}

/** Whether float32 may overflow on the way from these arrays to a result of `op` that float64 finds finite. */
export function mayOverflow(arrays, op) {
  const end = op === 'logSoftmaxGrad' ? EXP_ENDS : SQUARE_ENDS
  return arrays.some((a) => a instanceof Float32Array && a.some((x) => Number.isFinite(x) && Math.abs(x) > end))
}

/** Runs `words` in JavaScript on `twins`; gives the error's class name, or undefined. `codes` are our op numbers of theirs. */
export function expectedOutcome(js, words, twins, codes, ops) {
  const own = words.slice()
  for (let at = 0; at < own.length; ) {
    const op = ops[words[at]]
    own[at] = codes[words[at]] ?? -1
    if (op === undefined) break
    at += op.words
  }
  try {
    js.bind(own, twins).replay(1)
    return undefined
  } catch (error) {
    return error.name
  }
}

export const toleranceOf = (words) => TOLERANCE[words[1]] ?? 0
