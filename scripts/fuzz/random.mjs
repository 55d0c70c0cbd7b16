/** A generator of random numbers (sfc32) whose seed repeats a run. */
export function randomFrom(seed) {
  let [a, b, c, counter] = [seed | 0, (seed / 2 ** 32) | 0, 0x9e3779b9, 1]
  const next = () => {
    const t = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + t) | 0
    return t >>> 0
  }
  for (let i = 0; i < 12; i++) next()
  /** A whole number from 0 to n - 1. */
  const random = (n) => next() % n
  const pick = (list) => list[random(list.length)]
  return { random, pick }
}
