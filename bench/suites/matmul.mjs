// Matrix products of the shapes that training multilayer perceptrons needs, and squares: GFLOP/s and share of the peak.
import { matmul } from 'lanewise'
import { random, replayed, threadCounts, useThreads } from '../lib/engine.mjs'
import { measure } from '../lib/measure.mjs'
import { counted } from '../lib/options.mjs'

/** name, transposes (t: stored transposed), M, N, K: C[M, N] = op(A)[M, K] · op(B)[K, N] */
const SHAPES = [
  // 784-50-10 at batch 32: forward, gradients of the weights, gradient of the hidden layer
  ['seed_b32_fwd1', 'nn', 32, 50, 784],
  ['seed_b32_fwd2', 'nn', 32, 10, 50],
  ['seed_b32_dW2', 'tn', 50, 10, 32],
  ['seed_b32_dZ1', 'nt', 32, 50, 10],
  ['seed_b32_dW1', 'tn', 784, 50, 32],
  ['seed_b100_fwd1', 'nn', 100, 50, 784],
  ['seed_b100_dW1', 'tn', 784, 50, 100],
  ['seed_b256_fwd1', 'nn', 256, 50, 784],
  ['seed_b256_dW1', 'tn', 784, 50, 256],
  ['seed_eval_fwd1', 'nn', 10000, 50, 784],
  // 784-512-512-10 at batch 128
  ['mlp_b128_fwd1', 'nn', 128, 512, 784],
  ['mlp_b128_fwd2', 'nn', 128, 512, 512],
  ['mlp_b128_dX2', 'nt', 128, 512, 512],
  ['mlp_b128_dW2', 'tn', 512, 512, 128],
  ['mlp_b128_dW1', 'tn', 784, 512, 128],
  ['sq64', 'nn', 64, 64, 64],
  ['sq128', 'nn', 128, 128, 128],
  ['sq256', 'nn', 256, 256, 256],
  ['sq512', 'nn', 512, 512, 512],
  ['sq1024', 'nn', 1024, 1024, 1024],
  ['sq2048', 'nn', 2048, 2048, 2048],
  ['odd_97', 'nn', 97, 101, 103],
  ['gemv_1x784x512', 'nn', 1, 512, 784],
  ['sq1024_nt', 'nt', 1024, 1024, 1024],
  ['sq1024_tn', 'tn', 1024, 1024, 1024],
]
const SQUARES = SHAPES.filter(([name]) => /^sq\d+$/.test(name))
/** Multiply-adds above which --quick leaves a shape out. */
const QUICK = 4e6

export async function run({ options, report, limits }) {
  const works = [...SHAPES.map((s) => ['float32', ...s]), ...SQUARES.map((s) => ['float64', ...s])]
  for (const threads of threadCounts(options)) {
    useThreads(threads)
    report.section(`matmul, ${counted(threads, 'thread')}`)
    for (const [dtype, name, transposes, m, n, k] of works) {
      if (!options.wants(name) || (options.quick && m * n * k > QUICK)) continue
      const [ta, tb] = [transposes[0] === 't', transposes[1] === 't']
      const a = random(ta ? [k, m] : [m, k], { dtype })
      const b = random(tb ? [n, k] : [k, n], { dtype })
      const c = random([m, n], { dtype })
      const product = replayed(() => matmul(a, b, { transposeA: ta, transposeB: tb }, c))
      const { ns, spread, samples } = await measure(product, options)
      const value = (2 * m * n * k) / ns
      const limit = limits.peak[dtype][threads]
      report.line({
        work: report.json ? name : `${name} ${transposes} ${m}x${n}x${k} ${dtype}`,
        dtype,
        threads,
        value,
        unit: 'GFLOP/s',
        median: ns,
        spread,
        samples,
        share: limit && value / limit,
        limit,
        transposes,
        m,
        n,
        k,
      })
    }
  }
}
