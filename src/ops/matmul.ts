import { derive } from '../autograd.js'
import { checkFlag, checkOptions, ShapeError } from '../errors.js'
import { show } from '../shape.js'
import { emit } from '../tape.js'
import { empty, type Tensor } from '../tensor.js'
import { commonFloat, floatOf, output, rowsOf } from './common.js'
import { defineOp } from './op.js'
import { sum } from './reduce.js'
import { asMatrix } from './views.js'

const MATMUL = defineOp('matmul', 'c:w:T:m*n a:r:T:m*k b:r:T:k*n | m n k ta<2 tb<2')
const AFFINE = defineOp('affine', 'y:w:T:m*n x:r:T:m*k w:r:T:k*n b:r:T:n | m n k')
const TRANSPOSE = defineOp('transpose', 'y:w:T:m*n x:r:T:m*n | m n')

/** Which sides of a product are stored transposed. */
export interface MatmulOptions {
  /** Use a's transpose: a is then stored [k, m]. */
  transposeA?: boolean | undefined
  /** Use b's transpose: b is then stored [n, k]. */
  transposeB?: boolean | undefined
}

/** Matrix product of [m, k] and [k, n]. da = dy·bᵀ, db = aᵀ·dy (with either side transposed accordingly). */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}, out?: Tensor): Tensor {
  const dtype = commonFloat('matmul', a, b)
  if (a.rank !== 2 || b.rank !== 2)
    throw new ShapeError('matmul', 'two matrices', `${show(a.shape)} x ${show(b.shape)}`)
  checkOptions('matmul', options, ['transposeA', 'transposeB'])
  const ta = checkFlag('matmul', 'transposeA', options.transposeA)
  const tb = checkFlag('matmul', 'transposeB', options.transposeB)
  const [k, m] = ta ? a.shape : [a.shape[1], a.shape[0]]
  const [n, inner] = tb ? b.shape : [b.shape[1], b.shape[0]]
  if (k !== inner) {
    throw new ShapeError(
      'matmul',
      'inner sizes that agree',
      `${show(a.shape)}${ta ? 'ᵀ' : ''} x ${show(b.shape)}${tb ? 'ᵀ' : ''}`,
    )
  }
  const y = output('matmul', out, [m, n], dtype, [a, b])
  emit(MATMUL, dtype, [y, a, b], [m, n, k, ta ? 1 : 0, tb ? 1 : 0])
  return derive(
    y,
    [a, b],
    [
      (dy, to) =>
        ta ? matmul(b, dy, { transposeA: tb, transposeB: true }, to) : matmul(dy, b, { transposeB: !tb }, to),
      (dy, to) =>
        tb ? matmul(dy, a, { transposeA: true, transposeB: ta }, to) : matmul(a, dy, { transposeA: !ta }, to),
    ],
  )
}

/**
 * x·w + b for x [rows, …, k], w [k, n], b [n]: the fully connected layer. All dimensions of x but the last are rows.
 * dx = dy·wᵀ, dw = xᵀ·dy, db = column sums of dy.
 */
export function affine(x: Tensor, w: Tensor, b: Tensor, out?: Tensor): Tensor {
  const dtype = commonFloat('affine', x, w, b)
  if (x.rank < 2 || w.rank !== 2 || x.shape[x.rank - 1] !== w.shape[0]) {
    throw new ShapeError('affine', 'x [rows, …, k] and w [k, n]', `${show(x.shape)} and ${show(w.shape)}`)
  }
  if (b.rank !== 1 || b.size !== w.shape[1]) throw new ShapeError('affine', `b of shape [${w.shape[1]}]`, show(b.shape))
  const { m, n: k } = rowsOf(x)
  const n = w.shape[1]
  const y = output('affine', out, [...x.shape.slice(0, -1), n], dtype, [x, w, b])
  emit(AFFINE, dtype, [y, x, w, b], [m, n, k])
  return derive(
    y,
    [x, w, b],
    [
      (dy, to) => {
        const dx = to ?? empty('affine', x.shape, dtype)
        matmul(asMatrix(dy), w, { transposeB: true }, asMatrix(dx))
        return dx
      },
      (dy, to) => matmul(asMatrix(x), asMatrix(dy), { transposeA: true }, to),
      (dy, to) => sum(asMatrix(dy), 0, {}, to),
    ],
  )
}

/** The transpose of a matrix, as a copy. */
export function transpose(x: Tensor, out?: Tensor): Tensor {
  const dtype = floatOf('transpose', x)
  if (x.rank !== 2) throw new ShapeError('transpose', 'a matrix', show(x.shape))
  const { m, n } = rowsOf(x)
  const y = emit(TRANSPOSE, dtype, [output('transpose', out, [n, m], dtype, [x]), x], [m, n])
  return derive(y, [x], [(dy, to) => transpose(dy, to)], false)
}
