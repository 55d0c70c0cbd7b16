import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type Outcome, outcome } from '../processes.js'

export const SCRIPT = path.join(__dirname, '../../dist/cli/mnist.js')

export function environment(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const plain = Object.entries(process.env).filter(
    ([name]) => !/^(LANEWISE_(BACKEND|ISA|THREADS)$|CI$|NODE_OPTIONS$|VITEST)/.test(name),
  )
  return { ...Object.fromEntries(plain), ...extra }
}

/** Runs the command of dist/ (npm test builds it). */
export function mnist(args: string[], env: Record<string, string> = {}): Promise<Outcome> {
  return outcome(spawn(process.execPath, [SCRIPT, ...args], { env: environment(env) }))
}

/** The bytes of an IDX file of unsigned bytes. */
export function idx(shape: number[], value: (i: number) => number): Buffer {
  const head = Buffer.alloc(4 + 4 * shape.length)
  head.set([0, 0, 8, shape.length])
  shape.forEach((size, i) => {
    head.writeUInt32BE(size, 4 + 4 * i)
  })
  const size = shape.reduce((n, d) => n * d, 1)
  return Buffer.concat([head, Uint8Array.from({ length: size }, (_, i) => value(i))])
}

export const FILES = {
  trainImages: 'train-images-idx3-ubyte',
  trainLabels: 'train-labels-idx1-ubyte',
  testImages: 't10k-images-idx3-ubyte',
  testLabels: 't10k-labels-idx1-ubyte',
} as const

/** A small data set of MNIST's form: 200 and 100 images of 28 x 28, a bright row for each of ten classes. */
export function contents(): Record<string, Buffer> {
  const images = (count: number) => {
    const bright = (image: number, row: number) => row === 2 * (image % 10) + 4
    return idx([count, 28, 28], (i) => (bright(Math.floor(i / 784), Math.floor(i / 28) % 28) ? 200 : (i * 7) % 30))
  }
  const labels = (count: number) => idx([count], (i) => i % 10)
  return {
    [FILES.trainImages]: images(200),
    [FILES.trainLabels]: labels(200),
    [FILES.testImages]: images(100),
    [FILES.testLabels]: labels(100),
  }
}

export function folder(files: Record<string, Buffer>): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lanewise-mnist-'))
  for (const [name, bytes] of Object.entries(files)) fs.writeFileSync(path.join(dir, name), bytes)
  return dir
}
