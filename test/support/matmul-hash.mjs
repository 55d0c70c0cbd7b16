// One hash of many products: every transposition, sizes around every edge of the tiles, the lanes and the copies. Each is
// also held against the definition, in float64.
// usage: node matmul-hash.mjs float32|float64
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'

const lw = createRequire(import.meta.url)('../../dist/index.js')
const dtype = process.argv[2]
const hash = createHash('sha256')
const state = lw.randomState(7)
const random = (...shape) => lw.normal(state, shape, 0, 1, { dtype })

const unit = dtype === 'float32' ? 2 ** -24 : 2 ** -53

/** y[i, j] is the sum over p of a(i, p)·b(p, j), plus c(j), with an error of at most k + 1 roundings of its terms. */
function add(y, m, n, k, a, b, c) {
  const values = y.data.slice()
  hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
  const step = m * n * k > 1e6 ? 97 : 1
  for (let at = 0; at < m * n; at += step) {
    const i = Math.floor(at / n)
    const j = at % n
    let sum = c(j)
    let size = Math.abs(sum)
    for (let p = 0; p < k; p++) {
      sum += a(i, p) * b(p, j)
      size += Math.abs(a(i, p) * b(p, j))
    }
    if (!(Math.abs(values[at] - sum) <= (k + 2) * unit * size))
      throw new Error(`${m} ${n} ${k}: ${values[at]}, expected ${sum}`)
  }
}

const none = () => 0

function products(m, n, k) {
  for (const transposeA of [false, true])
    for (const transposeB of [false, true]) {
      const a = transposeA ? random(k, m) : random(m, k)
      const b = transposeB ? random(n, k) : random(k, n)
      const [x, w] = [a.data, b.data]
      const at = transposeA ? (i, p) => x[p * m + i] : (i, p) => x[i * k + p]
      const bt = transposeB ? (p, j) => w[j * k + p] : (p, j) => w[p * n + j]
      add(lw.matmul(a, b, { transposeA, transposeB }), m, n, k, at, bt, none)
    }
  const [x, w, c] = [random(m, k), random(k, n), random(n)]
  const [xs, ws, cs] = [x.data, w.data, c.data]
  add(
    lw.affine(x, w, c),
    m,
    n,
    k,
    (i, p) => xs[i * k + p],
    (p, j) => ws[p * n + j],
    (j) => cs[j],
  )
}

// Widths that leave 0 to all of a vector's lanes, heights that leave every number of rows of a tile.
for (let n = 1; n <= 67; n++) products((n * 7) % 41, n, (n * 5) % 29)
for (const m of [1, 2, 15, 16, 17, 63, 64, 65, 79]) for (const n of [1, 2, 3, 4, 18, 50, 65, 66]) products(m, n, 33)
// Legs: k is shared by threads. Copies of A and B, several blocks of k, one row.
for (const [m, n, k] of [
  [32, 50, 784],
  [50, 50, 1031],
  [97, 100, 515],
  [1, 300, 784],
  [7, 521, 261],
  [200, 530, 1030],
])
  products(m, n, k)
console.log(hash.digest('hex'))
