import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { TypedArray } from '../dtype.js'
import { HERE } from '../here.js'
import { resolve as resolveAddon } from '../vendor/node-gyp-build.js'
import { checkLoadable } from './elf.js'

/** A bad index that a checked command met: [command, position, value]. */
export type Failure = [command: number, position: number, value: number]

export interface NativeTape {
  replay(steps: number, milliseconds: number): number | Failure
  replaySlice(steps: number, milliseconds: number): Promise<number | Failure>
}

export interface Addon {
  ops(): [name: string, signature: string][]
  info(): { version: string; cpu: string; isas: string[] }
  setup(isa: string, threads: number, words: Int32Array): void
  /** Bytes from where the array begins to the next multiple of its size, a power of two. */
  skip(array: TypedArray): number
  register(array: TypedArray): number
  /** Floating-point operations a second at most, on the threads and with the instruction set of setup; for bench/. */
  peak(dtype: number): number
  run(words: number): Failure | undefined
  /**
   * Not the addon's own: where eager commands are written for run(). Kept on the addon so that two copies of this module in one thread
   * (ESM and CJS, two versions) use the same array: setup() replaces the one before.
   */
  words?: Int32Array
  BoundTape: new (words: Int32Array, arrays: readonly TypedArray[]) => NativeTape
}

/** The folder that holds prebuilds/ or build/: the package's own, from a bundle's place too, where this file's says nothing. */
export const PACKAGE_ROOT = packageRoot()

function packageRoot(): string {
  const own = path.join(path.dirname(HERE), '..')
  if (existsSync(path.join(own, 'native', 'addon.cpp'))) return own
  try {
    return path.dirname(createRequire(HERE).resolve('lanewise/package.json'))
  } catch {
    return own
  }
}

/**
 * The package that carries the addon of this platform, where lanewise itself does not: scripts/platform-packages.mjs makes
 * them, and a published lanewise names them as optional dependencies.
 */
export function platformPackage(): string | undefined {
  const name = `${process.platform}-${process.arch}`
  return ['win32-x64', 'darwin-x64', 'darwin-arm64'].includes(name) ? `lanewise-${name}` : undefined
}

/** @throws Error that lists where no addon was found */
function findAddon(): string {
  try {
    return path.resolve(resolveAddon(process.env.LANEWISE_PREBUILD || PACKAGE_ROOT))
  } catch (error) {
    const name = platformPackage()
    if (name === undefined) throw error
    try {
      return createRequire(path.join(PACKAGE_ROOT, 'package.json')).resolve(name)
    } catch {
      throw error
    }
  }
}

/** @throws whatever loading threw: no binary, or one that does not fit */
export function loadAddon(): { addon: Addon; binary: string } {
  const binary = findAddon()
  checkLoadable(binary)
  return { addon: createRequire(HERE)(binary) as Addon, binary }
}
