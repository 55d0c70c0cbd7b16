import { readFileSync } from 'node:fs'

const LOAD = 1

/**
 * @throws Error for a 64-bit ELF file (Linux) that ends before the segments it promises: the system's loader would map
 * it all the same, and the process would die of SIGBUS where no one can catch it. Other files are the loader's to refuse.
 */
export function checkComplete(file: string): void {
  const bytes = readFileSync(file)
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1) return
  const cut = new Error(`the addon ${file} is truncated`)
  const start = Number(bytes.readBigUInt64LE(32))
  const size = bytes.readUInt16LE(54)
  const count = bytes.readUInt16LE(56)
  if (size < 56 || start + size * count > bytes.length) throw cut
  for (let at = start; at < start + size * count; at += size) {
    const end = bytes.readBigUInt64LE(at + 8) + bytes.readBigUInt64LE(at + 32)
    if (bytes.readUInt32LE(at) === LOAD && end > BigInt(bytes.length)) throw cut
  }
}
