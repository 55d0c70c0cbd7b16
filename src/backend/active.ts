import { existsSync } from 'node:fs'
import path from 'node:path'
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'
import { BackendError } from '../errors.js'
import { beforeFirstStorage } from '../storage.js'
import { version } from '../version.js'
import { PACKAGE_ROOT, platformPackage } from './addon.js'
import type { Backend } from './backend.js'
import { JsBackend } from './js/index.js'
import { NativeBackend } from './native.js'
import { threadCount } from './threads.js'

const WARNED = 'LANEWISE_JS_BACKEND'

let active: Backend | undefined

/** The backend that computes; chosen at first use. */
export function activeBackend(): Backend {
  active ??= chooseBackend(process.env)
  return active
}

beforeFirstStorage(activeBackend)

/** For tests and benchmarks that compare: computes with `backend` from now on. */
export function setActiveBackend(backend: Backend): void {
  active = backend
}

/** As to be typed in the current folder, which may have been removed. */
function shortName(file: string): string {
  try {
    const near = path.relative(process.cwd(), file)
    return near.startsWith('..') ? file : near
  } catch {
    return file
  }
}

/** How to get the addon, by a command as to be typed in the current folder. */
function remedy(error: unknown): string {
  const { code, message } = (error ?? {}) as NodeJS.ErrnoException
  if (code === 'ERR_DLOPEN_DISABLED') return 'permit addons (no --no-addons; --allow-addons)'
  if (/ffi access/.test(message)) return 'permit addons (--allow-ffi)' // Deno
  const packaged = platformPackage()
  if (packaged !== undefined) return `run: npm install ${packaged}@${version}`
  const file = path.join(PACKAGE_ROOT, 'scripts', 'install.mjs')
  if (!existsSync(file)) return 'install lanewise where this program runs'
  if (/built from other sources/.test(message)) return 'build it again: npm run build, npm run build:cmake'
  return `install a C++ compiler, make and Python 3, then run: node ${shortName(file)} --force`
}

/**
 * LANEWISE_BACKEND=native or js is obeyed or is an error, and so are LANEWISE_ISA and LANEWISE_THREADS where the addon is to compute. Without
 * them: the addon, or, where none loads, JavaScript with one warning that says how to get the fast one.
 */
function chooseBackend(env: NodeJS.ProcessEnv): Backend {
  const wish = env.LANEWISE_BACKEND || undefined
  const threads = threadCount(env) // A wish that makes no sense is an error whatever computes; JavaScript has one thread.
  if (wish === 'js') return new JsBackend('LANEWISE_BACKEND=js')
  if (wish !== undefined && wish !== 'native')
    throw new BackendError('LANEWISE_BACKEND', '"native" or "js"', JSON.stringify(wish))
  try {
    return NativeBackend.load(wish ? 'LANEWISE_BACKEND=native' : 'the addon loaded', env)
  } catch (error) {
    // A stack that is full says nothing of the addon.
    if (error instanceof BackendError || error instanceof RangeError) throw error
    const cause = (error instanceof Error ? error.message : String(error)).split('\n')[0].replace(/\.$/, '')
    const isa = env.LANEWISE_ISA || undefined
    const several = env.LANEWISE_THREADS && threads > 1 ? `LANEWISE_THREADS=${threads}` : undefined
    const asked = wish ? 'LANEWISE_BACKEND=native' : isa ? `LANEWISE_ISA=${isa}` : several
    if (asked) throw new BackendError(asked, `an addon that loads (${remedy(error)})`, cause)
    if (getEnvironmentData(WARNED) === undefined)
      process.emitWarning(
        `lanewise computes in JavaScript, many times slower: ${cause}. For the native addon, ${remedy(error)}.`,
        { code: WARNED },
      )
    setEnvironmentData(WARNED, true) // worker threads get it
    return new JsBackend(`no addon: ${cause}`)
  }
}
