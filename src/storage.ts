import { markAsUntransferable } from 'node:worker_threads'
import { arrayType, BYTES, type DType, type TypedArray } from './dtype.js'
import { allocating, StateError } from './errors.js'

/**
 * A block of memory that tensors are views of. Where an addon is loaded it is a SharedArrayBuffer: never detached, never
 * shrunk, so the addon may keep its address while `array` is alive, and the addon tells V8 of its size. Without an addon it
 * is an ArrayBuffer: V8 does not count shared memory, so a loop of eager steps would grow without end.
 */
export class Storage {
  /** The task of a model that computes with this memory on another thread at the moment: `fit`. */
  busyWith?: string | undefined = undefined
  /** How many tapes of the caller's own run off the event loop at the moment and write here. */
  replays = 0

  constructor(
    readonly array: TypedArray,
    readonly dtype: DType,
    /** The addon's number for it; -1 where there is none yet. */
    public id: number,
  ) {}
}

/** @throws StateError while steps of a model run on another thread: new values would be half of a step's and half the caller's */
export function checkFree(op: string, { busyWith }: Storage): void {
  if (busyWith !== undefined)
    throw new StateError(
      op,
      `a moment without steps: a callback, or no ${busyWith}`,
      `a model that is busy with ${busyWith}`,
    )
}

/** What an addon tells of memory. */
interface Registry {
  skip(array: TypedArray): number
  register(array: TypedArray): number
}

let registry: Registry | undefined
let chooseBackend: (() => void) | undefined

/** The backend decides on the kind of memory, so it is chosen before the first block is made. */
export function beforeFirstStorage(choose: () => void): void {
  chooseBackend = choose
}

/**
 * Called when an addon is loaded, with what gives a block its number there. Every block gets one at once, also one that only
 * recorded tapes will use: the addon tells V8 of its size, or V8 would see no reason to collect it.
 */
export function useSharedMemory(addon: Registry): void {
  registry = addon
}

const ALIGN = 64
/**
 * Where blocks begin. A processor takes a load for one of what was just stored where their addresses agree in the last 12 bits, so a kernel
 * whose input lies 64 to 448 bytes behind its result, apart from whole pages, waits: 1.05 to 1.4 times as long on Zen 4. That is what blocks of whole
 * pages, one behind the other, would do.
 */
const BLOCK_ALIGN = 512
export const SMALL_BYTES = 1 << 13
/** A slab has room for so many blocks of its kind, and at least so many bytes. Who keeps one block keeps all of its slab. */
const SLAB_BLOCKS = 32
const SLAB_BYTES = 1 << 13
/**
 * After a block that threads share in every step: memory that nobody touches (until then the system does not give it). The processor asks for
 * lines ahead of the last thread's part, up to some 64 rows of a matrix, which of a block right behind would be the first thread's.
 */
export const GAP_BYTES = 1 << 18

/** Memory for `length` elements and `gap` bytes that nobody uses. @throws MemoryError, naming `op`, where there is not so much */
export function newStorage(op: string, dtype: DType, length: number, gap = 0): Storage {
  if (chooseBackend !== undefined) {
    chooseBackend()
    chooseBackend = undefined // only now: where it throws, the next block asks again
  }
  return allocating(op, length * BYTES[dtype], () => block(dtype, length, gap))
}

function block(dtype: DType, length: number, gap: number): Storage {
  // A round number of cache lines, so that whole-vector code never shares its last line with another buffer.
  const bytes = Math.max(ALIGN, Math.ceil((length * BYTES[dtype]) / ALIGN) * ALIGN)
  const View = arrayType(dtype)
  if (registry === undefined) {
    const memory = new ArrayBuffer(bytes)
    // As shared memory is: other tensors may lie on it.
    markAsUntransferable(memory)
    return new Storage(new View(memory, 0, length), dtype, -1)
  }
  // The allocator aligns to 16 bytes. On a cache line no vector lies across two, and no line is written by two threads.
  const memory = new SharedArrayBuffer(bytes + BLOCK_ALIGN + gap) as unknown as ArrayBuffer
  const start = registry.skip(new Uint8Array(memory, 0, BLOCK_ALIGN))
  new Uint8Array(memory, start + bytes)[0] = 0 // see `allocate`: the page after the last vector is there
  const array = new View(memory, start, length)
  return new Storage(array, dtype, registry.register(array))
}

/** How many elements there are to the end of the last cache line of `length`. */
export function aligned(length: number, dtype: DType): number {
  const per = ALIGN / BYTES[dtype]
  return Math.ceil(length / per) * per
}

interface Slab {
  storage: Storage
  used: number
}
/** Of each dtype the slab that is cut at the moment for each kind of block: up to 64 bytes, 128, 256 … */
type Slabs = Partial<Record<DType, Slab[]>>
const slabs: Slabs = {}
/** For results that callers keep, such as predictions: among what was computed on the way each would keep a slab of its own alive. */
export const resultSlabs: Slabs = {}
/** For what tapes write, which lives as long as they do: among eager results each tape would keep slabs of theirs alive. */
export const tapeSlabs: Slabs = {}

/** Where the last `allocate` put its elements within the storage it returned. (Returned together they would be one more object for each op.) */
export let allocatedOffset = 0

/**
 * Memory for `length` elements, aligned to 64 bytes. Small blocks are cut from a slab, as Node's Buffer pool does: a
 * SharedArrayBuffer of its own costs ten times as much. The slab is freed when the last tensor on it is.
 */
export function allocate(op: string, dtype: DType, length: number, from = slabs): Storage {
  const bytes = length * BYTES[dtype]
  if (bytes > SMALL_BYTES) {
    allocatedOffset = 0
    return newStorage(op, dtype, length)
  }
  const kind = bytes <= ALIGN ? 0 : 32 - Math.clz32((bytes - 1) / ALIGN)
  from[dtype] ??= []
  let slab = from[dtype][kind]
  if (slab === undefined || slab.used + length > slab.storage.array.length) {
    const size = Math.max(SLAB_BYTES, (SLAB_BLOCKS * ALIGN) << kind)
    slab = { storage: newStorage(op, dtype, size / BYTES[dtype]), used: 0 }
    from[dtype][kind] = slab
  }
  allocatedOffset = slab.used
  slab.used += aligned(length, dtype)
  // A masked vector may reach into the next page, of which it reads nothing; but where the system has not yet given that page, each such
  // load takes as long as a hundred others (784×5×2 6.2 µs, not 1.1). A write makes it be there.
  slab.storage.array[slab.used] = 0
  return slab.storage
}
