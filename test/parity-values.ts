/** What operands of parity-cases hold: `n` values for a command of these parameters, with extreme ones or without. */
export type Fill = (n: number, ints: readonly number[], extremes: boolean) => ArrayLike<number>

const SPECIALS = [
  0,
  -0,
  1,
  -1,
  NaN,
  Infinity,
  -Infinity,
  1e-40,
  -1e-40,
  1e-310,
  3e38,
  -3e38,
  1e308,
  88.7,
  88.8,
  -87.3,
  -88,
  -104,
  709.7,
  709.8,
  -708.3,
  -746,
  20,
  -20,
  40,
  1e-8,
  -1e-8,
  0.5,
  2,
  1.1754943508222875e-38,
  2.2250738585072014e-308,
  16777217,
]
let seed = 1
/** 65,537 numbers from 0 to 1 that look random; values are taken from a place that moves. */
const POOL = Float64Array.from({ length: 65_537 }, () => {
  seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
  return (seed >>> 8) / 2 ** 24
})
let place = 0
function draw(n: number, f: (u: number, i: number) => number): Float64Array {
  const out = new Float64Array(n)
  for (let i = 0; i < n; i++, place = (place + 1) % POOL.length) out[i] = f(POOL[place], i)
  return out
}
export const any: Fill = (n, _ints, extremes) =>
  draw(n, (u, i) => (extremes && i % 3 === 0 ? SPECIALS[(i / 3) % SPECIALS.length] : u * 4 - 2))
export const positive: Fill = (n, ints, extremes) => (extremes ? any(n, ints, true) : draw(n, (u) => u * 2 + 0.01))
export const chance: Fill = (n, ints, extremes) => (extremes ? any(n, ints, true) : draw(n, (u) => u * 0.98 + 0.01))
export const below =
  (bound: (ints: readonly number[]) => number): Fill =>
  (n, ints) =>
    draw(n, (u) => Math.floor(u * bound(ints)))
export const constant =
  (v: number): Fill =>
  (n) =>
    new Float64Array(n).fill(v)

const WILD = [1.9, -1.9, 300.5, -7, 3e9, -3e9, NaN, 127.5]
export const wild: Fill = (n) => draw(n, (_u, i) => WILD[i & 7])
export const bytes: Fill = (n) => draw(n, (_u, i) => (i * 7 + (i >> 8)) & 255)
