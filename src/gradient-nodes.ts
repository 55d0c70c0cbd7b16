// What tensors remember for backward() (autograd.ts): what they were computed from.
import type { Tensor } from './tensor.js'
import { copyOf, stamp, type Times, type Writes } from './writes.js'

/** A call of record(), and the runs of its tape. */
export class Recording {
  /** When the tape last began to run, in the order of `nextInOrder`; -1 for never. */
  ranAt = -1
  /** What it writes to, as that was before. */
  private readonly before = new Map<Tensor, GradientNode | undefined>()
  private readonly times = new Map<Writes, { all: Times; recorded: Times | undefined }>()

  /** Asked before t is noted as written. */
  remember(t: Tensor): void {
    if (this.before.has(t)) return
    this.before.set(t, t.node)
    if (this.times.has(t.writes)) return
    const { recorded } = t.writes
    this.times.set(t.writes, { all: copyOf(t.writes), recorded: recorded && copyOf(recorded) })
  }

  /** Of a record() that failed, which leaves no tape: what it was to write has its history again. */
  restore(): void {
    for (const [t, node] of this.before) t.node = node
    for (const [writes, { all, recorded }] of this.times) Object.assign(writes, all, { recorded })
  }

  /** Of one that gave a tape. */
  forget(): void {
    this.before.clear()
    this.times.clear()
  }
}

/** Set by record() while it runs: reading or writing a tensor's values there is a mistake. */
export const recordingState: { active: Recording | undefined } = { active: undefined }

/**
 * The derivative of one input: given dL/dy it returns dL/dx, written to `out` where there is one and it can. What it returns may be _thin_: of
 * size 1 along axes where it is the same, as the derivative of a sum is.
 */
export type Derivative = (dy: Tensor, out: Tensor | undefined) => Tensor

/** Which inputs' values the derivatives read: all, none, or those of these numbers. */
export type Reads = boolean | readonly number[]

/** What an input was when it was used: one that needs a gradient, a result that had a history, or (undefined) neither. */
export type Flow = 'leaf' | 'result' | undefined

/** How an op's result came from its inputs; see autograd.ts. */
export interface GradientNode {
  /** Its place in the order of all nodes and writes (`nextInOrder`): descending, it is a valid order for the chain rule. */
  readonly order: number
  /** The record() that it was made in, if one: a replay computes it anew, from what the inputs are by then. */
  readonly recording: Recording | undefined
  /** Whether its result is a view of a leaf, or of such a view: written to, it stays one. */
  readonly leaf: boolean
  readonly inputs: readonly Tensor[]
  /** Where derivatives go: those of other inputs were not wanted then. */
  readonly flows: readonly Flow[]
  readonly reads: Reads
  readonly derivatives: readonly (Derivative | undefined)[]
  /** Whether they take a thin dL/dy; for the others it is repeated first. */
  readonly takeThin: boolean
}

let next = 0

/** Numbers writes and gradient nodes as they come. */
export function nextInOrder(): number {
  return next++
}

/** Notes that all of t's values are new, so that what they were computed from is history no more; `derived`: that they get a new one. */
export function written(t: Tensor, derived = false): Tensor {
  const { active } = recordingState
  active?.remember(t)
  stamp(t, nextInOrder(), derived, active !== undefined)
  if (t.node !== undefined && !t.node.leaf) t.node = undefined
  return t
}
