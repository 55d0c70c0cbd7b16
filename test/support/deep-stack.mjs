// Calls each op at all depths of the stack up to V8's limit, and tells how often it was done. Run by test/deep-stack.test.ts.
import * as lw from '../../dist/index.mjs'

const random = (shape, dtype) => lw.normal(lw.randomState(1), shape, 0, 1, { dtype })

function opsOf(dtype) {
  const [a, b, bias] = [random([300, 300], dtype), random([300, 300], dtype), random([300], dtype)]
  const [few, narrow] = [random([64, 10], dtype), random([10, 300], dtype)]
  const [shares, targets] = [lw.softmax(random([20, 1500], dtype)), lw.softmax(random([20, 1500], dtype))]
  const sparse = lw.relu(a)
  const leaf = random([300, 300], dtype)
  leaf.requiresGrad = true
  return {
    matmul: () => lw.matmul(a, b),
    'matmul of B transposed': () => lw.matmul(few, lw.transpose(narrow).reshape([300, 10]), { transposeB: true }),
    'matmul of one strip': () => lw.matmul(random([80, 40], dtype), random([24, 40], dtype), { transposeB: true }),
    'matmul with zeros': () => lw.matmul(sparse, b),
    affine: () => lw.affine(a, b, bias),
    softmax: () => lw.softmax(a),
    'softmax of ten': () => lw.softmax(few),
    logSoftmax: () => lw.logSoftmax(random([3, 3000], dtype)),
    crossEntropy: () => lw.crossEntropy(shares, targets),
    softmaxCrossEntropy: () => lw.softmaxCrossEntropy(random([20, 1500], dtype), targets),
    transpose: () => lw.transpose(a),
    argmax: () => lw.argmax(a, 0),
    sum: () => lw.sum(a, 0),
    add: () => lw.add(few, random([64, 1], dtype)),
    concat: () => lw.concat([few, few], 1),
    oneHot: () => lw.oneHot(lw.tensor(Int32Array.of(1, 2)), 10, dtype),
    normal: () => random([5000], dtype),
    backward: () => lw.backward(lw.sum(lw.square(lw.matmul(a, leaf)))),
  }
}

const done = {}
for (const dtype of ['float32', 'float64'])
  for (const [name, op] of Object.entries(opsOf(dtype))) {
    const CALLS = 60
    op()
    let calls = 0
    const descend = () => {
      try {
        descend()
      } catch {}
      if (calls++ >= CALLS) return
      try {
        op()
        done[`${name} ${dtype}`] = (done[`${name} ${dtype}`] ?? 0) + 1
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
      }
    }
    try {
      descend()
    } catch {}
  }
console.log(JSON.stringify(done))
