import { BYTES, type DType } from './dtype.js'
import { recordingState } from './gradient-nodes.js'
import { begins, onInterrupted } from './interrupted.js'
import { newStorage, type Storage } from './storage.js'

/** What is kept between two eager backward passes, at most. */
const KEPT_BYTES = 1 << 24

/**
 * Memory of results on the way through backward() or a step, which nobody else sees, written again as soon as they are done with: new memory
 * costs more than to add two tensors of it, and what was written last is still in the cache. Of tensors above 8 KB; small ones are cut
 * from slabs.
 */
export class Scratch {
  private readonly free = new Map<string, Storage[]>()
  private taken: Storage[] = []
  private bytes = 0

  take(op: string, dtype: DType, length: number): Storage {
    let storage = this.free.get(`${dtype} ${length}`)?.pop()
    if (storage === undefined) {
      storage = newStorage(op, dtype, length)
      this.bytes += length * BYTES[dtype]
    }
    this.taken.push(storage)
    return storage
  }

  /** All that was taken may be taken again, but for what these lie in. */
  release(...live: Iterable<{ readonly storage: Storage }>[]): void {
    if (this.taken.length === 0) return
    const kept = new Set<Storage>()
    for (const some of live) for (const { storage } of some) kept.add(storage)
    this.taken = this.taken.filter((storage) => {
      if (kept.has(storage)) return true
      const key = `${storage.dtype} ${storage.array.length}`
      const same = this.free.get(key)
      if (same) same.push(storage)
      else this.free.set(key, [storage])
      return false
    })
  }

  /** Gives memory back to the collector where it is much. */
  trim(): void {
    if (this.bytes <= KEPT_BYTES) return
    this.free.clear()
    this.bytes = 0
  }
}

const eager = new Scratch()

/** What takes the memory of large results at the moment. */
export let scratch: Scratch | undefined
onInterrupted(() => {
  scratch = undefined
  eager.release()
  eager.trim()
})

/**
 * Runs fn, which returns nothing that lies in it, with `scratch` set: one for all eager passes, or one of its own for a pass that is
 * recorded, as other tapes may run at the same time.
 */
export function withScratch<T>(fn: (memory: Scratch) => T): T {
  begins()
  const memory = recordingState.active ? new Scratch() : eager
  scratch = memory
  try {
    return fn(memory)
  } finally {
    scratch = undefined
    memory.release()
    memory.trim()
  }
}

/** Runs fn without: for what stays. */
export function withoutScratch<T>(fn: () => T): T {
  const before = scratch
  scratch = undefined
  try {
    return fn()
  } finally {
    scratch = before
  }
}
