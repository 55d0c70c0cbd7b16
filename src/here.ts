import { realpathSync } from 'node:fs'

/** This file; in an ES-module bundle, which has no __filename, the script that runs. */
export const HERE = typeof __filename === 'string' ? __filename : script()

function script(): string {
  try {
    return realpathSync(process.argv[1]) // npm's commands are links
  } catch {
    return process.execPath
  }
}
