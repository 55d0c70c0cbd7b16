import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

const LOAD = 1
const MACHINES: Record<string, number> = { x64: 62, arm64: 183 }

/**
 * @throws Error for a 64-bit ELF file (Linux) that ends before the segments it promises: the system's loader would map
 * it all the same, and the process would die of SIGBUS where no one can catch it; and for one of another processor, of which it would say
 * that there is no such file. Other files are the loader's to refuse.
 */
export function checkLoadable(file: string): void {
  const fd = openSync(file, 'r')
  try {
    const length = fstatSync(fd).size
    const read = (from: number, count: number) => {
      const bytes = Buffer.alloc(count)
      readSync(fd, bytes, 0, count, from)
      return bytes
    }
    const header = read(0, 64)
    if (length < 64 || header.readUInt32BE(0) !== 0x7f454c46 || header[4] !== 2 || header[5] !== 1) return
    if (header.readUInt16LE(18) !== (MACHINES[process.arch] ?? header.readUInt16LE(18)))
      throw new Error(`the addon ${file} is for another processor than ${process.arch}`)
    const cut = new Error(`the addon ${file} is truncated`)
    const start = Number(header.readBigUInt64LE(32))
    const size = header.readUInt16LE(54)
    const all = size * header.readUInt16LE(56)
    if (size < 56 || start + all > length) throw cut
    const segments = read(start, all)
    for (let at = 0; at < all; at += size) {
      const end = segments.readBigUInt64LE(at + 8) + segments.readBigUInt64LE(at + 32)
      if (segments.readUInt32LE(at) === LOAD && end > BigInt(length)) throw cut
    }
  } finally {
    closeSync(fd)
  }
}
