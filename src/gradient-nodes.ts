// What tensors remember for backward() (autograd.ts): what they were computed from, and when their memory was written since.
import type { Tensor } from './tensor.js'

/** Set by record() while it runs: reading or writing a tensor's values there is a mistake. */
export const recordingState = { active: false }

/**
 * The derivative of one input: given dL/dy it returns dL/dx, written to `out` where there is one and it can. What it returns may be _thin_: of
 * size 1 along axes where it is the same, as the derivative of a sum is.
 */
export type Derivative = (dy: Tensor, out: Tensor | undefined) => Tensor

/** Which inputs' values the derivatives read: all, none, or those of these numbers. */
export type Reads = boolean | readonly number[]

/** How an op's result came from its inputs; see autograd.ts. */
export interface GradientNode {
  /** Its place in the order of all nodes and writes (`nextInOrder`): descending, it is a valid order for the chain rule. */
  readonly order: number
  /** Whether it was made inside record(): a replay computes it anew, from what the inputs are by then. */
  readonly recorded: boolean
  /** Whether its result is a view of the first input: written to, it stays one. */
  readonly view: boolean
  readonly inputs: readonly Tensor[]
  /** Which of the inputs had a node of their own then. */
  readonly results: readonly boolean[]
  readonly reads: Reads
  readonly derivatives: readonly (Derivative | undefined)[]
  /** Whether they take a thin dL/dy; for the others it is repeated first. */
  readonly takeThin: boolean
}

/** When a piece of memory was last written by an op or set(), in the order of `nextInOrder`; -1 for never. */
export interface Writes {
  at: number
  /** The same of calls inside record(). */
  recordedAt: number
  /** Both of a slice of it. */
  partAt: number
  partRecordedAt: number
  /** Whether there are views of it; and, of what is no part, where results with a history lie: another tensor does not find that. */
  viewed: boolean
  notes: Note[]
  /** Of the larger piece that this is a part of: not its tensor, which would keep alive what that was computed from. */
  readonly whole: Writes | undefined
}

/** Elements of a storage that a result was written to as node number `order`. */
interface Note {
  from: number
  to: number
  order: number
}

const NO_NOTES: Note[] = []

export function newWrites(whole: Writes | undefined): Writes {
  return { at: -1, recordedAt: -1, partAt: -1, partRecordedAt: -1, viewed: false, notes: NO_NOTES, whole }
}

/** Of all the memory that `t` is a part of. */
export function wholeOf(t: Tensor): Writes {
  let w = t.writes
  while (w.whole !== undefined) w = w.whole
  return w
}

let next = 0

/** Numbers writes and gradient nodes as they come. */
export function nextInOrder(): number {
  return next++
}

/** Whether it is a view, or a view of a view, of a leaf: its history is the same whatever was written to it. */
export function isViewOfLeaf({ node }: Tensor): boolean {
  if (node === undefined || !node.view) return false
  const [x] = node.inputs
  return node.results[0] ? isViewOfLeaf(x) : x.node === undefined
}

/** Notes that all of t's values are new, so that what they were computed from is history no more. */
export function written(t: Tensor): Tensor {
  const now = nextInOrder()
  t.writes.at = now
  const all = wholeOf(t)
  if (all.notes.length > 0) all.notes = all.notes.filter((n) => n.from < t.offset || n.to > t.offset + t.size)
  if (recordingState.active) t.writes.recordedAt = now
  for (let w = t.writes.whole; w !== undefined; w = w.whole) {
    w.partAt = now
    if (recordingState.active) w.partRecordedAt = now
  }
  t.node = isViewOfLeaf(t) ? { ...(t.node as GradientNode), order: nextInOrder() } : undefined
  return t
}

/** Notes that `view` is of `base`'s memory. One of all of it, as reshape makes, is written whenever `base` is, and the other way round. */
export function viewOf(base: Tensor, view: Tensor): Tensor {
  base.writes.viewed = true
  view.writes = view.size === base.size ? base.writes : newWrites(base.writes)
  return view
}
