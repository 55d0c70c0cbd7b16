// One hash of softmax and its cross-entropy over rows of 1 to 20 columns, some with NaN, infinities and two zeros. Each is
// also held against the definition, in float64.
// usage: node softmax-hash.mjs float32|float64
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'

const lw = createRequire(import.meta.url)('../../dist/index.js')
const dtype = process.argv[2]
const hash = createHash('sha256')
const state = lw.randomState(3)
const unit = dtype === 'float32' ? 2 ** -24 : 2 ** -53

function add(values) {
  // A NaN's bits are not specified.
  hash.update(values.map((x) => (Number.isNaN(x) ? 'NaN' : Object.is(x, -0) ? '-0' : String(x))).join())
}

function check(x, p, n) {
  for (let i = 0; i < x.length; i += n) {
    const row = Array.from(x.subarray(i, i + n))
    const top = Math.max(...row)
    const e = row.map((v) => Math.exp(v - top))
    const sum = e.reduce((a, b) => a + b)
    for (let j = 0; j < n; j++) {
      const error = Math.abs(p[i + j] - e[j] / sum)
      // exp is given x - max, rounded: an error of its size.
      if (!(error <= (4 + n + Math.abs(row[j] - top)) * unit * (e[j] / sum)))
        throw new Error(`row ${i / n} of ${n}, column ${j}: ${p[i + j]}, expected ${e[j] / sum}`)
    }
  }
}

for (let n = 1; n <= 20; n++)
  for (const m of [1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 40]) {
    const x = lw.uniform(state, [m, n], -9, 9, { dtype })
    const p = lw.softmax(x)
    check(x.data, p.data, n)
    const { loss } = lw.softmaxCrossEntropy(x, lw.cast(lw.uniform(state, [m], 0, n), 'int32'))
    add([...p.data, loss.item()])
  }
for (let n = 2; n <= 20; n++) {
  const rows = [
    [NaN, 0],
    [Infinity, -1],
    [-Infinity, 2],
    [-0, 0],
    [0, -0],
  ]
  const values = Array.from({ length: 40 }, (_, i) => Array.from({ length: n }, (_, j) => rows[i % 5][(i + j) % 2]))
  const x = lw.tensor(values, { dtype })
  add([...lw.softmax(x).data])
  add([lw.softmaxCrossEntropy(x, lw.zeros([40], { dtype: 'int32' })).loss.item()])
}
console.log(hash.digest('hex'))
