import type { TypedArray } from '../dtype.js'
import type { Op } from '../ops/op.js'
import type { Storage } from '../storage.js'

/** A place in a storage: what a command's operand names. Tensors are operands. */
export interface Operand {
  readonly storage: Storage
  readonly offset: number
}

/** What computes here: see backendInfo(). */
export interface BackendInfo {
  /** The addon, or JavaScript. */
  backend: 'native' | 'js'
  /** scalar, avx2, avx512 or neon; "js" for the JavaScript backend. */
  isa: string
  /** How many threads compute, the caller's among them. */
  threads: number
  /** The processor's own name. */
  cpu: string
  /** Why this backend was chosen. */
  reason: string
  /** The addon's file, if one was loaded. */
  binary?: string
}

/** What is used of an AbortSignal, whose own type a project without Node's types and the DOM's does not have. */
export interface AbortSignalLike {
  readonly aborted: boolean
  readonly reason: unknown
  throwIfAborted(): void
}

/** A tape that was validated and is ready to be replayed. */
export interface BoundTape {
  /** Runs up to `steps` times, blocking, for about `milliseconds` (the JavaScript backend runs all of them), at least once; tells how often it ran. */
  replay(steps: number, milliseconds: number): number
  /** How long a slice should take, in milliseconds: after each, an abort is looked for, progress told, and a thread can be ended. */
  readonly sliceMs: number
  /** As replay, off the event loop, or at once where that takes so little time that the loop is better left to turn after it. */
  replaySlice(steps: number, milliseconds: number, signal?: AbortSignalLike): Promise<number>
}

/** The door between what to compute (tapes) and how (native kernels or JavaScript). */
export interface Backend {
  /** Runs one command at once. */
  execute(
    op: Op,
    dtype: number,
    operands: readonly Operand[],
    ints: readonly number[],
    doubles: readonly number[],
  ): void
  /** Validates commands whose buffer numbers index `arrays`, and holds them. */
  bind(words: Int32Array, arrays: readonly TypedArray[]): BoundTape
  info(): BackendInfo
}
