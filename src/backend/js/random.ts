import type { TypedArray } from '../../dtype.js'
import type { Call, Kernel, Kernels } from './kernel.js'

// native/kernels/random.h, operation for operation: every result here is a matter of bits. Integers are exact; the floating
// part uses + - * / and the square root on float64, each rounded once.

/** High 32 bits of a 32 × 32 bit product, from four 16-bit ones; each partial sum fits 32 bits. */
function mulHigh(a: number, b: number): number {
  const al = a & 0xffff,
    ah = a >>> 16,
    bl = b & 0xffff,
    bh = b >>> 16
  const t = Math.imul(ah, bl) + (Math.imul(al, bl) >>> 16)
  const u = Math.imul(al, bh) + (t & 0xffff)
  return (Math.imul(ah, bh) + (t >>> 16) + (u >>> 16)) | 0
}

/** Philox4x32-10 (Salmon et al., 2011): four words of 32 bits into `out`. */
export function philox(out: Int32Array, c0: number, c1: number, c2: number, c3: number, k0: number, k1: number): void {
  for (let round = 0; round < 10; round++) {
    const n0 = mulHigh(0xcd9e8d57, c2) ^ c1 ^ k0
    const n2 = mulHigh(0xd2511f53, c0) ^ c3 ^ k1
    c1 = Math.imul(0xcd9e8d57, c2)
    c3 = Math.imul(0xd2511f53, c0)
    c0 = n0
    c2 = n2
    k0 = (k0 + 0x9e3779b9) | 0 // the keys are bumped between rounds; the bump after the last is unused
    k1 = (k1 + 0xbb67ae85) | 0
  }
  out[0] = c0
  out[1] = c1
  out[2] = c2
  out[3] = c3
}

const TWO_32 = 2 ** 32
const TWO_MINUS_53 = 2 ** -53
const block = new Int32Array(4)

/** Block i of the stream at rng = key low, key high, counter low, counter high, into `block`. */
function draw(rng: TypedArray, at: number, i: number): void {
  const low = (rng[at + 2] >>> 0) + i
  const carry = Math.floor(low / TWO_32)
  philox(block, low | 0, (rng[at + 3] + carry) | 0, 0, 0, rng[at], rng[at + 1])
}

function advance(rng: TypedArray, at: number, blocks: number): void {
  const low = (rng[at + 2] >>> 0) + blocks
  rng[at + 2] = low | 0
  rng[at + 3] = (rng[at + 3] + Math.floor(low / TWO_32)) | 0
}

/** Two words make a whole number of 53 bits: 27 high bits of the first, 26 of the second. */
const bits53 = (w0: number, w1: number): number => (w0 >>> 5) * 67108864 + (w1 >>> 6)

const number = new Float64Array(1)
const parts = new Int32Array(number.buffer)
number[0] = 1
/** Which of the two words of a float64 holds its exponent. */
const HIGH = parts[1] !== 0 ? 1 : 0

/** ln u for u = k / 2^53, k in [1, 2^53]. */
function lnUniform(u: number): number {
  number[0] = u
  let e = (parts[HIGH] >>> 20) - 1023
  parts[HIGH] = (parts[HIGH] & 0xfffff) | 0x3ff00000
  let m = number[0]
  if (m > Math.SQRT2) {
    m *= 0.5
    e += 1
  }
  const f = m - 1,
    s = f / (m + 1),
    z = s * s
  let p = 2 / 21
  p = p * z + 2 / 19
  p = p * z + 2 / 17
  p = p * z + 2 / 15
  p = p * z + 2 / 13
  p = p * z + 2 / 11
  p = p * z + 2 / 9
  p = p * z + 2 / 7
  p = p * z + 2 / 5
  p = p * z + 2 / 3
  return e * Math.LN2 + (2 * s + s * (z * p))
}

/** cos 2πu and sin 2πu for u = k / 2^53, k in [0, 2^53), into `turned`. */
const turned = new Float64Array(2)
function turn(u: number): void {
  const t = 4 * u,
    q = Math.floor(t + 0.5)
  const x = (t - q) * 1.5707963267948966,
    y = x * x
  let a = 1 / 355687428096000
  a = a * y - 1 / 1307674368000
  a = a * y + 1 / 6227020800
  a = a * y - 1 / 39916800
  a = a * y + 1 / 362880
  a = a * y - 1 / 5040
  a = a * y + 1 / 120
  a = a * y - 1 / 6
  const s = x + x * (y * a)
  let b = 1 / 20922789888000
  b = b * y - 1 / 87178291200
  b = b * y + 1 / 479001600
  b = b * y - 1 / 3628800
  b = b * y + 1 / 40320
  b = b * y - 1 / 720
  b = b * y + 1 / 24
  b = b * y - 1 / 2
  const c = 1 + y * b
  const x0 = q & 1 ? s : c,
    x1 = q & 1 ? c : s
  turned[0] = (q + 1) & 2 ? -x0 : x0
  turned[1] = q & 2 ? -x1 : x1
}

const floatValue = new Float32Array(1)
const floatBits = new Int32Array(floatValue.buffer)

/** The largest float32 below hi. */
function below(hi: number): number {
  floatValue[0] = hi
  if (floatValue[0] >= hi) floatBits[0] = hi > 0 ? floatBits[0] - 1 : hi < 0 ? floatBits[0] + 1 : 0x80000001 | 0
  return floatValue[0]
}

const uniform: Kernel = ({ a: [y, rng], o: [to, at], n: [n], d: [lo, hi], dtype }) => {
  const capped = dtype === 0 && lo < hi
  const cap = below(hi)
  for (let i = 0; i < n; i++) {
    const odd = i & 1
    if (odd === 0) draw(rng, at, i / 2)
    const x = lo + (hi - lo) * (bits53(block[2 * odd], block[2 * odd + 1]) * TWO_MINUS_53)
    y[to + i] = capped && Math.fround(x) >= hi ? cap : x
  }
  advance(rng, at, Math.ceil(n / 2))
}

const normal: Kernel = ({ a: [y, rng], o: [to, at], n: [n], d: [mean, std] }) => {
  for (let i = 0; i < n; i += 2) {
    draw(rng, at, i / 2)
    const u1 = (bits53(block[0], block[1]) + 1) * TWO_MINUS_53
    const u2 = bits53(block[2], block[3]) * TWO_MINUS_53
    const r = Math.sqrt(-2 * lnUniform(u1))
    turn(u2)
    y[to + i] = mean + std * (r * turned[0])
    if (i + 1 < n) y[to + i + 1] = mean + std * (r * turned[1])
  }
  advance(rng, at, Math.ceil(n / 2))
}

/** Fisher–Yates from the identity; word number n-1-i of the stream chooses the partner of i. */
function permutation({ a: [y, rng], o: [to, at], n: [n] }: Call): void {
  for (let i = 0; i < n; i++) y[to + i] = i
  for (let i = n - 1, k = 0; i > 0; i--, k++) {
    if ((k & 3) === 0) draw(rng, at, k / 4)
    const j = mulHigh(block[k & 3], i + 1)
    const swapped = y[to + i]
    y[to + i] = y[to + j]
    y[to + j] = swapped
  }
  advance(rng, at, n > 1 ? Math.ceil((n - 1) / 4) : 0)
}

export const random: Kernels = { uniform, normal, permutation }
