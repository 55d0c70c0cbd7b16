// When each element of a piece of memory was last written, and whether as a result with a history: backward() (autograd.ts) reads
// values after they were used.
import type { Tensor } from './tensor.js'

/** Elements of a storage, and when they were written, in the order of `nextInOrder`. */
interface Part {
  readonly from: number
  readonly to: number
  readonly at: number
  /** Whether what was written was computed from tensors that need a gradient. */
  readonly derived: boolean
}

/** When the elements of a piece of memory were last written. */
export interface Times {
  /** All of them at once; -1 for never. */
  at: number
  derived: boolean
  /** Those of them that were written since: disjoint, in the order of their places. */
  parts: Part[]
  /** The last write of any, and the last of a result with a history. */
  last: number
  lastDerived: number
}

/** One for all the tensors that are views of a piece of memory: it does not hold them, which would keep alive what they were computed from. */
export interface Writes extends Times {
  /** How many elements it has. */
  readonly size: number
  /** The same of commands that were recorded. */
  recorded: Times | undefined
}

const NO_PARTS: Part[] = []

export function newWrites(size: number): Writes {
  return { at: -1, derived: false, parts: NO_PARTS, last: -1, lastDerived: -1, size, recorded: undefined }
}

/** Notes that all of t's elements are new. */
export function stamp(t: Tensor, at: number, derived: boolean, recorded: boolean): void {
  const { writes } = t
  put(writes, t, at, derived)
  if (!recorded) return
  writes.recorded ??= { at: -1, derived: false, parts: NO_PARTS, last: -1, lastDerived: -1 }
  put(writes.recorded, t, at, derived)
}

function put(times: Times, t: Tensor, at: number, derived: boolean): void {
  if (t.size > 0) times.last = at
  if (derived) times.lastDerived = at
  if (t.size === t.writes.size) {
    times.at = at
    times.derived = derived
    times.parts = NO_PARTS
    return
  }
  if (t.size === 0) return
  if (times.parts === NO_PARTS) times.parts = []
  const { parts } = times
  const [from, to] = [t.offset, t.offset + t.size]
  const [first, end] = partsOf(parts, t)
  const added: Part[] = [{ from, to, at, derived }]
  if (end > first) {
    const [left, right] = [parts[first], parts[end - 1]]
    if (left.from < from) added.unshift({ ...left, to: from })
    if (right.to > to) added.push({ ...right, from: to })
  }
  parts.splice(first, end - first, ...added)
}

/** The parts that t has an element of: the number of the first, and of the first after them. */
function partsOf(parts: readonly Part[], t: Tensor): [first: number, end: number] {
  const first = firstAfter(parts, t.offset)
  let end = first
  while (end < parts.length && parts[end].from < t.offset + t.size) end++
  return [first, end]
}

/** The number of the first part that ends after element `from`. */
function firstAfter(parts: readonly Part[], from: number): number {
  let [low, high] = [0, parts.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (parts[middle].to > from) high = middle
    else low = middle + 1
  }
  return low
}

/** When an element of t was last written; of recorded commands, if so asked. */
export function lastWrite(t: Tensor, recorded = false): number {
  const times = recorded ? t.writes.recorded : t.writes
  if (times === undefined || t.size === 0) return -1
  const { parts } = times
  if (parts.length === 0) return times.at
  if (t.size === t.writes.size) return times.last
  let last = times.at
  const [first, end] = partsOf(parts, t)
  for (let i = first; i < end; i++) last = Math.max(last, parts[i].at)
  return last
}

/** Whether an element of t is, since then, of a result with a history. */
export function isDerived(t: Tensor, since: number): boolean {
  const { at, derived, parts, lastDerived } = t.writes
  if (lastDerived <= since) return false
  if (parts.length === 0) return derived && at > since
  if (t.size === 0) return false
  const [first, end] = partsOf(parts, t)
  let others = t.size
  for (let i = first; i < end; i++) {
    if (parts[i].derived && parts[i].at > since) return true
    others -= Math.min(parts[i].to, t.offset + t.size) - Math.max(parts[i].from, t.offset)
  }
  return derived && at > since && others > 0
}

/** As they are now; written to, they are others. */
export function copyOf({ at, derived, parts, last, lastDerived }: Times): Times {
  return { at, derived, parts: parts === NO_PARTS ? parts : [...parts], last, lastDerived }
}

/** Whether two tensors have an element in common. */
export function overlap(a: Tensor, b: Tensor): boolean {
  return (
    a.storage === b.storage && a.size > 0 && b.size > 0 && a.offset < b.offset + b.size && b.offset < a.offset + a.size
  )
}
