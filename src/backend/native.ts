import os from 'node:os'
import type { TypedArray } from '../dtype.js'
import {
  BackendError,
  describe,
  isOutOfMemory,
  LanewiseError,
  MemoryError,
  StateError,
  withMemoryError,
} from '../errors.js'
import { type Op, opTable } from '../ops/op.js'
import { type Storage, useSharedMemory } from '../storage.js'
import { version } from '../version.js'
import { type Addon, type Failure, loadAddon, type NativeTape } from './addon.js'
import type { AbortSignalLike, Backend, BackendInfo, BoundTape, Operand } from './backend.js'
import { loop, now, turn } from './clock.js'
import { decode } from './decode.js'
import { writeDouble } from './double-words.js'
import { threadCount } from './threads.js'
import { badIndex, checkCommand } from './validate.js'

const MAX_WORDS = 64

export class NativeBackend implements Backend {
  private readonly words: Int32Array
  /** The addon's op number for each of ours. */
  private readonly codes: number[] = []
  private readonly theirs: Map<string, { code: number; signature: string }>

  private constructor(
    private readonly addon: Addon,
    private readonly binary: string,
    private readonly reason: string,
    private readonly isa: string,
    private readonly threads: number,
  ) {
    addon.words ??= new Int32Array(new SharedArrayBuffer(4 * MAX_WORDS) as unknown as ArrayBuffer)
    this.words = addon.words
    addon.setup(isa, threads, this.words)
    this.theirs = new Map(addon.ops().map(([name, signature], code) => [name, { code, signature }]))
    for (const op of opTable()) this.codeOf(op)
    useSharedMemory(addon) // now that nothing can fail any more
  }

  /** @throws BackendError for an instruction set the machine lacks; Error for no addon, or one that does not fit */
  static load(reason: string, env: NodeJS.ProcessEnv = process.env): NativeBackend {
    const { addon, binary } = loadAddon()
    const { isas, version: theirs } = addon.info()
    if (theirs !== version) throw new Error(`the addon ${binary} is of version ${theirs}, the package of ${version}`)
    const isa = env.LANEWISE_ISA || isas[isas.length - 1]
    if (!isas.includes(isa))
      throw new BackendError('LANEWISE_ISA', `one of ${isas.join(', ')} on this machine`, JSON.stringify(isa))
    return new NativeBackend(addon, binary, reason, isa, threadCount(env))
  }

  private codeOf(op: Op): number {
    const known = this.codes[op.index]
    if (known !== undefined) return known
    const entry = this.theirs.get(op.name)
    if (entry?.signature !== op.text) {
      throw new Error(`the addon ${this.binary} was built from other sources: it lacks ${op.name} "${op.text}"`)
    }
    this.codes[op.index] = entry.code
    return entry.code
  }

  private number(storage: Storage): number {
    if (!(storage.id >= 0)) storage.id = this.addon.register(storage.array)
    return storage.id
  }

  execute(
    op: Op,
    dtype: number,
    operands: readonly Operand[],
    ints: readonly number[],
    doubles: readonly number[],
  ): void {
    let failure: Failure | undefined
    try {
      failure = this.addon.run(this.write(op, dtype, operands, ints, doubles))
    } catch (error) {
      const arrays = operands.map((o) => o.storage.array)
      const offsets = operands.map((o) => o.offset)
      throw refusal(op.name, error, () => checkCommand(op, dtype, arrays, offsets, ints, doubles))
    }
    if (failure !== undefined) throw badIndex(op, ints, failure[1], failure[2])
  }

  /** Writes a command to the shared words; returns how many it has. */
  private write(
    op: Op,
    dtype: number,
    operands: readonly Operand[],
    ints: readonly number[],
    doubles: readonly number[],
  ): number {
    const words = this.words
    let at = 2
    for (let i = 0; i < operands.length; i++) {
      const { storage, offset } = operands[i]
      words[at++] = this.number(storage)
      words[at++] = offset
    }
    for (let i = 0; i < ints.length; i++) words[at++] = ints[i]
    for (let i = 0; i < doubles.length; i++, at += 2) writeDouble(words, at, doubles[i])
    words[0] = this.codes[op.index] ?? this.codeOf(op)
    words[1] = dtype
    return at
  }

  bind(words: Int32Array, arrays: readonly TypedArray[]): BoundTape {
    const commands = decode(words, arrays)
    const translated = words.slice()
    let at = 0
    for (const { op } of commands) {
      translated[at] = this.codeOf(op)
      at += op.words
    }
    try {
      return new NativeBound(new this.addon.BoundTape(translated, arrays), words, arrays)
    } catch (error) {
      throw refusal('tape', error, () => {
        for (const c of decode(words, arrays)) checkCommand(c.op, c.dtype, c.arrays, c.offsets, c.ints, c.doubles)
      })
    }
  }

  info(): BackendInfo {
    const cpu = this.addon.info().cpu || os.cpus()[0]?.model || 'unknown'
    return { backend: 'native', isa: this.isa, threads: this.threads, cpu, reason: this.reason, binary: this.binary }
  }
}

/** Slices run on libuv's pool, of which they leave a thread to files and names; who comes later waits, first come first served. */
const poolThreads = {
  free: Math.max(1, (Number(process.env.UV_THREADPOOL_SIZE) || 4) - 1),
  waiting: [] as { signal: AbortSignalLike | undefined; resolve: () => void; reject: (reason: unknown) => void }[],
  take(signal?: AbortSignalLike): Promise<void> | undefined {
    if (this.free > 0) {
      this.free--
      return undefined
    }
    return new Promise((resolve, reject) => this.waiting.push({ signal, resolve, reject }))
  },
  /** The thread goes to the next at once: nobody gets in between. Who was stopped waits no more. */
  leave(): void {
    const before = this.waiting
    this.waiting = [] // for whom a signal of one's own may bring, as it is asked
    const stay = before.filter(({ signal, reject }) => {
      try {
        signal?.throwIfAborted()
        return true
      } catch (reason) {
        reject(reason)
        return false
      }
    })
    this.waiting.unshift(...stay)
    const next = this.waiting.shift()
    if (next) next.resolve()
    else this.free++
  },
}
/** While others wait slices are this much shorter: of 30 that train, one that has three passes of 1 ms each waits three rounds of all. */
const HURRY = 5

/** Milliseconds of work that are computed at once: to hand it to another thread and back takes 50 to 100 µs, more where the loop is busy. */
const AT_ONCE_MS = 0.25

class NativeBound implements BoundTape {
  // Between two slices the helpers fall asleep, and the next may run on another core: with two threads that costs about 0.7 ms.
  readonly sliceMs = 100
  /** How long a step of the last slice took; unknown where a test has stopped the clock. */
  private stepMs = Infinity

  constructor(
    private readonly tape: NativeTape,
    private readonly words: Int32Array,
    private readonly arrays: readonly TypedArray[],
  ) {}

  replay(steps: number, milliseconds: number): number {
    const result = this.tape.replay(steps, milliseconds)
    if (Array.isArray(result)) throw this.badIndex(result)
    return result
  }

  async replaySlice(steps: number, milliseconds: number, signal?: AbortSignalLike): Promise<number> {
    if (loop.turns && steps * this.stepMs < AT_ONCE_MS) {
      const start = now()
      const done = this.replay(steps, AT_ONCE_MS)
      const end = now()
      this.stepMs = (end - start) / done || Infinity
      // Shorter ones go on for as long together: a turn may take much longer, where a server has much to do.
      if (end - loop.at > AT_ONCE_MS) await turn()
      return done
    }
    await poolThreads.take(signal)
    try {
      const start = now()
      const result = await this.start(steps, poolThreads.waiting.length > 0 ? milliseconds / HURRY : milliseconds)
      if (Array.isArray(result)) throw this.badIndex(result)
      if (result === 0) throw new StateError('replay', 'a thread that goes on', 'one that is being ended')
      this.stepMs = (now() - start) / result || Infinity
      return result
    } finally {
      poolThreads.leave()
    }
  }

  private start(steps: number, milliseconds: number): Promise<number | Failure> {
    return withMemoryError('replay', 'memory to start', () => this.tape.replaySlice(steps, milliseconds))
  }

  private badIndex([command, position, value]: Failure): LanewiseError {
    let at = 0
    for (const { op, ints } of decode(this.words, this.arrays))
      if (at++ === command) return badIndex(op, ints, position, value)
    throw new RangeError(`no command ${command}`)
  }
}

/** The typed error for what the addon refused: JavaScript's checks are the same, and say more. */
function refusal(op: string, error: unknown, check: () => void): LanewiseError {
  try {
    check()
  } catch (typed) {
    if (typed instanceof LanewiseError) return typed
  }
  const message = error instanceof Error ? error.message : describe(error)
  if (isOutOfMemory(error)) return new MemoryError(op, 'memory to work in', message)
  return new BackendError(op, 'a command that the addon takes', message)
}
