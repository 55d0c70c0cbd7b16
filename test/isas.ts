import { loadAddon } from '../src/backend/native.js'

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
