import { afterAll, beforeAll, describe } from 'vitest'
import { setActiveBackend } from '../src/backend/active.js'
import type { Backend } from '../src/backend/backend.js'
import { JsBackend } from '../src/backend/js/index.js'
import { NativeBackend } from '../src/backend/native.js'
import { BackendError } from '../src/errors.js'

/** A missing addon is said and skipped; one that does not fit (of another version or other sources, an impossible LANEWISE_ISA) fails. */
function loadNative(): Backend | undefined {
  try {
    return NativeBackend.load('test')
  } catch (error) {
    const { message } = error as Error
    if (/ is of version | was built from other sources/.test(message)) throw new Error(`${message}; npm run build`)
    if (error instanceof BackendError || process.env.LANEWISE_BACKEND === 'native') throw error
    console.warn(`test/backends: no addon, only the JavaScript backend is tested: ${message}`)
    return undefined
  }
}

/** The addon's backend, loaded before any tensor is made, so that all memory is shared; undefined if none is built. */
export const native = loadNative()
export const js: Backend = new JsBackend('test')

/** What computes outside eachBackend: the addon where there is one. A process must not load it a second time. */
const usual = native ?? js
setActiveBackend(usual)

export type BackendName = 'native' | 'js'
export const backendNames: readonly BackendName[] = native ? ['native', 'js'] : ['js']

/** From now on this backend computes. */
export function useBackend(name: BackendName): void {
  if (name === 'native' && native === undefined) throw new Error('no addon is built: npm run build:native')
  setActiveBackend(name === 'native' ? (native as Backend) : js)
}

/**
 * Runs the same tests on both backends, in one process and on the same kind of memory; on JavaScript alone where no
 * addon is built. The backend is active in tests and hooks within `define`, not while `define` itself runs: make
 * tensors in it().
 */
export function eachBackend(define: (name: BackendName) => void): void {
  describe.each(backendNames)('backend %s', (name) => {
    beforeAll(() => useBackend(name))
    afterAll(() => setActiveBackend(usual))
    define(name)
  })
}
