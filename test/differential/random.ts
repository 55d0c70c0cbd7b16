import { DTYPES, type DType } from '../../src/dtype.js'

/** A small stream of numbers (mulberry32), one for each case, so that a case is repeated by its seed, op and number. */
export class Random {
  private state: number
  constructor(seed: number, name: string, number: number) {
    let h = (seed ^ Math.imul(number + 1, 0x9e3779b9)) >>> 0
    for (const c of name) h = Math.imul(h ^ c.charCodeAt(0), 0x01000193) >>> 0
    this.state = h
  }

  /** From 0 to 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let t = this.state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  below(n: number): number {
    return Math.floor(this.next() * n)
  }

  chance(p: number): boolean {
    return this.next() < p
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]
  }

  between(lo: number, hi: number): number {
    return lo + (hi - lo) * this.next()
  }

  /** From 10^lo to 10^hi, evenly in the exponent. */
  scale(lo: number, hi: number): number {
    return 10 ** this.between(lo, hi)
  }

  dtype(): DType {
    return this.pick(DTYPES)
  }
}
