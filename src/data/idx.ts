import fs from 'node:fs'
import { constants, gunzipSync, type InputType, type ZlibOptions } from 'node:zlib'
import { DataError, describe, TypeMismatchError } from '../errors.js'

/** The contents of an IDX file of unsigned bytes. */
export interface Idx {
  /** The file it was read from, as given. */
  file: string
  /** Sizes of the dimensions, slowest first: [60000, 28, 28] for the images of MNIST. */
  shape: number[]
  /** The elements, row-major; exactly as long as the product of `shape`. */
  data: Uint8Array
}

const UINT8 = 0x08
const TYPES: Readonly<Record<number, string>> = {
  9: 'int8',
  11: 'int16',
  12: 'int32',
  13: 'float32',
  14: 'float64',
}
const MAX_RANK = 8
/** Deflate cannot shrink data further than this, so a header that claims more is false. */
const MAX_DEFLATE_RATIO = 1032
const READ_BYTES = 1 << 30
/** Where the first bytes are looked for: more than 4096 of gzip can hold. */
const MOST_START = 1 << 24

/**
 * Reads an IDX file (the format of MNIST): two zero bytes, the element type, the rank, the sizes as big-endian uint32,
 * then the elements. Plain or gzip-compressed, told apart by the first bytes and not by the name. Only unsigned bytes.
 * Never allocates more than the file's true contents warrant.
 * @throws DataError, naming the file, for anything else
 */
export function readIdx(file: string): Idx {
  if (typeof file !== 'string' || file.includes('\0'))
    throw new TypeMismatchError('readIdx', 'the name of a file', describe(file))
  let handle: number | undefined
  try {
    // Without waiting for whoever writes to a pipe.
    handle = fs.openSync(file, fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0))
    const stat = fs.fstatSync(handle)
    if (!stat.isFile()) refuse(file, 'a file', stat.isDirectory() ? 'a folder' : 'a device or pipe')
    if (stat.size === 0) refuse(file, 'an IDX file', 'an empty file')
    const start = readAt(file, handle, 0, Math.min(stat.size, 4 + 4 * MAX_RANK))
    return start[0] === 0x1f && start[1] === 0x8b
      ? readGzip(file, handle, stat.size)
      : readPlain(file, handle, stat.size, start)
  } catch (error) {
    const { code, syscall, message } = error as NodeJS.ErrnoException
    if (error instanceof RangeError) refuse(file, 'small enough for memory', message)
    if (error instanceof DataError || syscall === undefined) throw error
    if (code === 'ENOENT' || code === 'ENOTDIR') return refuse(file, 'an IDX file', 'no such file')
    return refuse(file, 'a readable IDX file', code ?? message)
  } finally {
    if (handle !== undefined) fs.closeSync(handle)
  }
}

function refuse(file: string, expected: string, received: string): never {
  throw new DataError('readIdx', `${file} to be ${expected}`, received)
}

function readAt(file: string, handle: number, position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let done = 0; done < length; ) {
    const count = fs.readSync(handle, bytes, done, Math.min(length - done, READ_BYTES), position + done)
    if (count === 0) refuse(file, `${position + length} bytes long`, `${position + done} bytes: the file shrank`)
    done += count
  }
  return bytes
}

interface Header {
  shape: number[]
  /** Bytes before the elements. */
  offset: number
  /** Number of elements, which is also their size in bytes. */
  elements: number
}

/** Parses the header from a file's first bytes: as many as there are, or at least 4 + 4 * MAX_RANK. */
function parseHeader(file: string, bytes: Uint8Array): Header {
  if (bytes.length < 4) refuse(file, 'an IDX file of at least 4 bytes', `${bytes.length} bytes`)
  const [zero0, zero1, type, rank] = bytes
  if (zero0 !== 0 || zero1 !== 0)
    refuse(file, 'an IDX file, which begins with two zero bytes', `bytes ${hex(zero0)} ${hex(zero1)}`)
  if (type !== UINT8)
    refuse(file, 'an IDX file of uint8 (type 0x08)', `type ${hex(type)}${TYPES[type] ? ` (${TYPES[type]})` : ''}`)
  if (rank < 1 || rank > MAX_RANK) refuse(file, `an IDX file of rank 1 to ${MAX_RANK}`, `rank ${rank}`)
  const offset = 4 + 4 * rank
  if (bytes.length < offset) refuse(file, `an IDX file with a header of ${offset} bytes`, `${bytes.length} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i))
  // Exact however large: eight sizes of 32 bits do not fit a number.
  const elements = shape.reduce((product, size) => product * BigInt(size), 1n)
  if (elements > BigInt(Number.MAX_SAFE_INTEGER))
    refuse(file, 'an IDX file of a possible size', `shape [${shape.join(', ')}]`)
  return { shape, offset, elements: Number(elements) }
}

const hex = (byte: number) => `0x${byte.toString(16).padStart(2, '0')}`

function refuseLength(file: string, { shape, offset, elements }: Header, received: string): never {
  return refuse(file, `${offset + elements} bytes long for its shape [${shape.join(', ')}]`, received)
}

function readPlain(file: string, handle: number, size: number, start: Uint8Array): Idx {
  const header = parseHeader(file, start)
  if (size !== header.offset + header.elements) refuseLength(file, header, `${size} bytes`)
  return { file, shape: header.shape, data: readAt(file, handle, header.offset, header.elements) }
}

function readGzip(file: string, handle: number, size: number): Idx {
  const compressed = readAt(file, handle, 0, size)
  const header = parseHeader(file, gunzipStart(file, compressed))
  const total = header.offset + header.elements
  if (total > size * MAX_DEFLATE_RATIO + 64)
    refuseLength(file, header, `${size} bytes of gzip, which cannot hold as many`)
  let unpacked: { buffer: Buffer; engine: { bytesWritten: number } }
  try {
    const chunkSize = Math.min(Math.max(total, 64), 1 << 20)
    unpacked = gunzip(compressed, { maxOutputLength: Math.max(total, 1), chunkSize, info: true }) as never
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (error instanceof RangeError && code !== 'ERR_BUFFER_TOO_LARGE') throw error
    if (code === 'ERR_BUFFER_TOO_LARGE') refuseLength(file, header, `more than ${total} bytes after gzip`)
    return refuse(file, 'a whole gzip file', `damaged or truncated data (${message})`)
  }
  const { buffer, engine } = unpacked
  if (buffer.length !== total) refuseLength(file, header, `${buffer.length} bytes after gzip`)
  if (engine.bytesWritten !== size)
    refuse(file, 'a gzip file and nothing else', `${size - engine.bytesWritten} bytes after its end`)
  return { file, shape: header.shape, data: new Uint8Array(buffer.subarray(header.offset)) }
}

const gunzip = gunzipSync as (data: InputType, options: ZlibOptions) => Buffer

/** The first bytes of the uncompressed data, from as little of the compressed data as will do. */
function gunzipStart(file: string, compressed: Uint8Array): Uint8Array {
  for (let length = Math.min(4096, compressed.length); ; length = Math.min(2 * length, compressed.length)) {
    let start: Uint8Array
    try {
      start = gunzip(compressed.subarray(0, length), {
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: MOST_START,
      })
    } catch (error) {
      return refuse(file, 'a whole gzip file', `damaged or truncated data (${(error as Error).message})`)
    }
    if (start.length >= 4 + 4 * MAX_RANK || length === compressed.length) return start
  }
}
