import { activeBackend } from './backend/active.js'
import type { AbortSignalLike, BoundTape, Operand } from './backend/backend.js'
import { writeDouble } from './backend/double-words.js'
import { CODE, type FloatDType, type TypedArray } from './dtype.js'
import {
  checkOptions,
  checkSynchronous,
  checkWhole,
  describe,
  MemoryError,
  ShapeError,
  StateError,
  TypeMismatchError,
  withMemoryError,
} from './errors.js'
import { nextInOrder, Recording, recordingState } from './gradient-nodes.js'
import { begins, onInterrupted } from './interrupted.js'
import { checkMade } from './made.js'
import type { Op } from './ops/op.js'
import { isWritten } from './ops/signature.js'
import { checkFree, type Storage } from './storage.js'

const NONE: readonly number[] = []

/** V8 ends the process where an array outgrows some 112 million numbers. */
const MAX_WORDS = 2 ** 24

/** Collects the commands of a tape; see docs/commands.md for their words. */
class Recorder {
  readonly words: number[] = []
  readonly arrays: TypedArray[] = []
  readonly numbers = new Map<Storage, number>()
  readonly written = new Set<Storage>()

  append(
    op: Op,
    dtype: number,
    operands: readonly Operand[],
    ints: readonly number[],
    doubles: readonly number[],
  ): void {
    if (this.words.length > MAX_WORDS)
      throw new MemoryError(
        'record',
        `a tape of at most ${MAX_WORDS} words (record one step and replay it)`,
        'a longer one',
      )
    this.words.push(op.index, dtype)
    for (const [i, { storage, offset }] of operands.entries()) {
      this.words.push(this.number(storage), offset)
      if (isWritten(op.operands[i])) this.written.add(storage)
    }
    for (const n of ints) this.words.push(n)
    for (const d of doubles) writeDouble(this.words, this.words.length, d)
  }

  private number(storage: Storage): number {
    let n = this.numbers.get(storage)
    if (n === undefined) {
      n = this.arrays.length
      this.numbers.set(storage, n)
      this.arrays.push(storage.array)
    }
    return n
  }
}

let recorder: Recorder | undefined
/** From the beginning of a record() until its tape is bound. */
let unfinished: Recording | undefined
onInterrupted(() => {
  recorder = undefined
  recordingState.active = undefined
  unfinished?.restore()
  unfinished = undefined
})

/** The one way to compute anything: runs a command now, or appends it to the tape being recorded. Returns the first operand, the result. */
export function emit<T extends Operand>(
  op: Op,
  dtype: FloatDType,
  operands: readonly [T, ...Operand[]],
  ints: readonly number[],
  doubles: readonly number[] = NONE,
): T {
  // Where somebody has overwritten a tensor's shape; the addon would take the whole part.
  for (let i = 0; i < ints.length; i++)
    if (ints[i] !== (ints[i] | 0)) throw new ShapeError(op.name, 'sizes that are whole numbers', `${ints[i]}`)
  if (recorder !== undefined) recorder.append(op, CODE[dtype], operands, ints, doubles)
  else activeBackend().execute(op, CODE[dtype], operands, ints, doubles)
  return operands[0]
}

/** How replayAsync() can be followed and stopped. */
export interface ReplayOptions {
  /** Stops between two steps, within about 100 ms (10 in JavaScript); the promise rejects with the signal's reason. */
  signal?: AbortSignalLike | undefined
  /** Called after each slice of about 100 ms (10 in JavaScript) with the number of steps done so far. */
  onProgress?: ((done: number) => void) | undefined
}

/** What ends each replayAsync that has not yet come to where it waits for something. */
const starting = new Set<() => void>()
onInterrupted(() => {
  for (const end of starting) end()
})

/** A recorded computation, validated and bound to its memory. Replaying it computes with the memory's current values. */
export class Tape {
  private running = false
  constructor(
    private readonly bound: BoundTape,
    /** Number of int32 words, a measure of the tape's length. */
    readonly words: number,
    private readonly recording: Recording,
    /** What it writes to: in it no steps of a model may be at work (Storage.busyWith), nor may such begin while it runs. */
    private readonly written: readonly Storage[] = [],
  ) {
    if (typeof bound?.replay !== 'function' || typeof bound.replaySlice !== 'function')
      throw new TypeMismatchError('Tape', 'a bound tape (record() makes tapes)', describe(bound))
  }

  /**
   * Runs the tape `steps` times, blocking.
   * @throws StateError inside record(), while the tape is busy, or while a fit or evaluate computes with what it writes to; IndexError for
   * a bad index in a buffer; ValueError for steps that are no whole number >= 0
   */
  replay(steps = 1): void {
    checkSteps('replay', steps)
    checkMade('replay', this, Tape, 'bound')
    this.checkIdle()
    for (const storage of this.written) checkFree('replay', storage)
    // A worker, or the process, can be ended where JavaScript runs: between slices.
    for (let done = 0; done < steps; ) {
      this.recording.ranAt = nextInOrder()
      done += this.bound.replay(steps - done, this.bound.sliceMs)
    }
  }

  /** Runs the tape `steps` times off the event loop (what takes less than 0.25 ms at once); resolves when all are done. Rejects as replay throws. */
  async replayAsync(steps = 1, options: ReplayOptions = {}): Promise<void> {
    checkSteps('replayAsync', steps)
    checkMade('replayAsync', this, Tape, 'bound')
    const { signal, onProgress } = checkOptions('replayAsync', options, ['signal', 'onProgress'])
    checkSignal('replayAsync', signal)
    if (onProgress !== undefined && typeof onProgress !== 'function')
      throw new TypeMismatchError('replayAsync', 'onProgress: a function', describe(onProgress))
    this.checkIdle()
    for (const storage of this.written) checkFree('replayAsync', storage)
    let counted = 0 // exact wherever V8 may end this: at the turn of a loop
    const end = () => {
      while (counted > 0) this.written[--counted].replays--
      this.running = false
      starting.delete(end)
    }
    begins()
    starting.add(end)
    this.running = true
    while (counted < this.written.length) this.written[counted++].replays++
    try {
      for (let done = 0; done < steps; ) {
        signal?.throwIfAborted()
        this.recording.ranAt = nextInOrder()
        const slice = this.bound.replaySlice(steps - done, this.bound.sliceMs, signal)
        starting.delete(end)
        done += await slice
        checkSynchronous('replayAsync', onProgress?.(done))
      }
      signal?.throwIfAborted()
    } finally {
      end()
    }
  }

  private checkIdle(): void {
    if (recorder !== undefined) throw new StateError('replay', 'no replay while recording', 'a replay inside record()')
    if (this.running) throw new StateError('replay', 'one replay at a time of a tape', 'a tape that is busy')
  }
}

export function checkSignal(op: string, signal: unknown): void {
  if (signal !== undefined && typeof (signal as AbortSignalLike | null)?.throwIfAborted !== 'function')
    throw new TypeMismatchError(op, 'signal: an AbortSignal', describe(signal))
}

function checkSteps(op: string, steps: unknown): void {
  checkWhole(op, 'a whole number of steps from 0 to 2^31 - 1', steps, 0, 2 ** 31 - 1)
}

/**
 * Runs fn once with all tensor operations appended to a tape instead of being computed, and returns the tape.
 * Shapes are fixed, and so are numbers of JavaScript: whatever changes from step to step must be in a tensor.
 * @throws StateError when fn reads or makes tensor values, returns a promise, or records again
 */
export function record(fn: () => unknown): Tape {
  return recordTape(fn, true)
}

/** record(), for who holds all that the tape writes to while it runs (Storage.busyWith). */
export function recordHeld(fn: () => unknown): Tape {
  return recordTape(fn, false)
}

function recordTape(fn: () => unknown, asks: boolean): Tape {
  if (typeof fn !== 'function') throw new TypeMismatchError('record', 'a function', describe(fn))
  if (recorder !== undefined) throw new StateError('record', 'one recording at a time', 'a record() inside record()')
  const recording = new Recording()
  begins()
  unfinished = recording
  try {
    const tape = bindTape(recorded(fn, recording), recording, asks)
    recording.forget()
    return tape
  } catch (error) {
    recording.restore()
    throw error
  } finally {
    unfinished = undefined
  }
}

function recorded(fn: () => unknown, recording: Recording): Recorder {
  const mine = new Recorder()
  recorder = mine
  recordingState.active = recording
  let result: unknown
  try {
    result = fn()
  } finally {
    recorder = undefined
    recordingState.active = undefined
  }
  checkSynchronous('record', result)
  if (mine.words.length === 0) throw new StateError('record', 'at least one tensor operation', 'none')
  return mine
}

function bindTape(commands: Recorder, recording: Recording, asks: boolean): Tape {
  return withMemoryError('record', `memory for a tape of ${commands.words.length} words`, () => {
    const words = Int32Array.from(commands.words)
    const bound = activeBackend().bind(words, commands.arrays)
    return new Tape(bound, words.length, recording, asks ? [...commands.written] : [])
  })
}
