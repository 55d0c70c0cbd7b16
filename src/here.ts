import path from 'node:path'

/** This file; in an ES-module bundle, which has no __filename, the script that runs. */
export const HERE = typeof __filename === 'string' ? __filename : path.resolve(process.argv[1] ?? 'script')
