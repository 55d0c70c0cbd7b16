import { createHash } from 'node:crypto'
import { activeBackend, setActiveBackend } from '../src/backend/active.js'
import { loadAddon } from '../src/backend/addon.js'
import type { Backend } from '../src/backend/backend.js'
import { NativeBackend } from '../src/backend/native.js'
import type { Tensor } from '../src/index.js'

/** The instruction sets of the addon on this machine; none where no addon is built and none is asked for. */
export function isasHere(): string[] {
  try {
    return loadAddon().addon.info().isas
  } catch (error) {
    if (process.env.LANEWISE_BACKEND === 'native') throw error
    console.warn(`test: no addon is built, nothing to compare: ${(error as Error).message}`)
    return []
  }
}

/** The addon with `threads` of an instruction set. A process has one addon, and its last setup counts. */
export function addonOf(isa: string, threads: number): Backend {
  return NativeBackend.load('isas', { LANEWISE_ISA: isa, LANEWISE_THREADS: String(threads) })
}

/** What f gives, computed by a backend, to its end if it is asynchronous. */
export function within<T>(backend: Backend, f: () => T): T {
  const before = activeBackend()
  const restore = () => setActiveBackend(before)
  let result: T | undefined
  setActiveBackend(backend)
  try {
    result = f()
  } finally {
    if (!(result instanceof Promise)) restore()
  }
  return result instanceof Promise ? (result.finally(restore) as T) : result
}

/** One SHA-256 of the values of tensors. */
export const hash = (...tensors: Tensor[]): string =>
  tensors.reduce((h, t) => h.update(Buffer.from(t.toTypedArray().buffer)), createHash('sha256')).digest('hex')
