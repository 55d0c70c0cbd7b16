// Reads mutated IDX files, plain and gzip: each is refused with a DataError, or read as its header says.
// usage: node scripts/fuzz/idx.mjs [--seed N] [--seconds 10 | --cases N]
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { gunzipSync, gzipSync } from 'node:zlib'
import { randomFrom } from './random.mjs'

const require = createRequire(import.meta.url)
const { readIdx } = require('../../dist/data/index.js')
const { DataError } = require('../../dist/errors.js')
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    cases: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
})
const { random, pick } = randomFrom(Number(values.seed))
const SIZES = [0, 1, 2, 3, 255, 65536, 2 ** 31, 2 ** 32 - 1]

function valid() {
  const shape = Array.from({ length: 1 + random(4) }, () => random(6))
  const bytes = Buffer.alloc(4 + 4 * shape.length + shape.reduce((n, d) => n * d, 1))
  for (let i = 0; i < bytes.length; i++) bytes[i] = random(256)
  bytes.set([0, 0, 8, shape.length])
  for (const [i, d] of shape.entries()) bytes.writeUInt32BE(d, 4 + 4 * i)
  return bytes
}

/** Zero to two changes: a bit, a byte, an end cut off, bytes added, a size in the header, a word of magic. */
function mutate(bytes) {
  let b = Buffer.from(bytes)
  for (let n = random(3); n > 0 && b.length > 8; n--) {
    const kind = random(6)
    if (kind === 0) b[random(b.length)] ^= 1 << random(8)
    else if (kind === 1) b[random(b.length)] = random(256)
    else if (kind === 2) b = b.subarray(0, random(b.length))
    else if (kind === 3) b = Buffer.concat([b, Buffer.alloc(1 + random(5), random(256))])
    else if (kind === 4) b.writeUInt32BE(pick(SIZES), 4)
    else b[random(4)] = pick([0, 1, 8, 9, 13, 14, 0x1f, 0x8b, 255])
  }
  return b
}

/** What the file holds, by a reader that knows only whole, true files; undefined for others. */
function expected(bytes) {
  const rank = bytes[3]
  if (bytes.length < 8 || bytes[0] || bytes[1] || bytes[2] !== 8 || rank < 1 || rank > 8) return undefined
  const from = 4 + 4 * rank
  if (bytes.length < from) return undefined
  const shape = Array.from({ length: rank }, (_, i) => bytes.readUInt32BE(4 + 4 * i))
  if (BigInt(bytes.length - from) !== shape.reduce((n, d) => n * BigInt(d), 1n)) return undefined
  return { shape, data: bytes.subarray(from) }
}

function unpacked(bytes) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  try {
    return gunzipSync(bytes)
  } catch {
    return Buffer.alloc(0)
  }
}

const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'lanewise-fuzz-')), 'file')
const cases = values.cases ? Number(values.cases) : Number.POSITIVE_INFINITY
const end = values.cases ? Number.POSITIVE_INFINITY : Date.now() + Number(values.seconds) * 1000
let read = 0
let refused = 0
for (; read + refused < cases && Date.now() < end; ) {
  const inner = mutate(valid())
  const bytes = random(2) ? inner : mutate(gzipSync(inner))
  fs.writeFileSync(file, bytes)
  const right = expected(unpacked(bytes))
  let problem
  try {
    const { shape, data } = readIdx(file)
    if (!right || String(shape) !== String(right.shape) || !right.data.equals(data)) problem = `read as ${shape}`
    read++
  } catch (error) {
    // Bytes after the end of a gzip file are refused, though gunzip alone lets zeros pass.
    if (!(error instanceof DataError)) problem = `threw ${error}`
    else if (right && bytes[0] === 0) problem = `refused: ${error.message}`
    refused++
  }
  if (problem) {
    console.log(`fuzz idx: seed ${values.seed}: ${problem}\nin base64: ${bytes.toString('base64')}`)
    process.exit(1)
  }
}
fs.rmSync(path.dirname(file), { recursive: true })
console.log(`fuzz idx: seed ${values.seed}, ${read + refused} files: ${read} read right, ${refused} refused`)
