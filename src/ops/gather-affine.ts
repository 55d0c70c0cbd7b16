import { derive } from '../autograd.js'
import { activeBackend } from '../backend/active.js'
import type { FloatDType } from '../dtype.js'
import { emit } from '../tape.js'
import { empty, type Tensor } from '../tensor.js'
import { commonFloat, output } from './common.js'
import { checkGather, type GatherOptions } from './indexing.js'
import { defineOp } from './op.js'
import { sum } from './reduce.js'

const GATHER_AFFINE = defineOp(
  'gatherAffine',
  'y:w:T:m*k src:r:A:rows*n idx:r:i:count cursor:r:i:1 x:u:T:m*n*panels*3 w:r:T:n*k b:r:T:k | m n<16777216 rows count k panels<17 divisor:d',
)
const GATHER_AFFINE_GRAD = defineOp(
  'gatherAffineGrad',
  'dw:w:T:n*k x:r:T:m*n*panels*3 dy:r:T:m*k | m n<16777216 k panels<17',
)

/** Larger batches are multiplied by rows, one row without being gathered; rows of fewer columns are not worth cutting. */
const LEAST_ROWS = 2
const MOST_ROWS = 512
const LEAST_COLUMNS = 256
const MOST_ELEMENTS = 1 << 19
/** As kMostLegs in native/command.h, and `panels<17` in the signatures. */
const MOST_PANELS = 16

/** Units up to which the addon does not divide a layer by them (SMALL in native/kernels/gemm-tile.h). */
const mostUnits = (isa: string, dtype: FloatDType): number => (dtype === 'float32' && isa === 'avx512' ? 128 : 64)

/**
 * affine(gatherRows(source, indices, options), w, b) with the same bits, w [n, k] and b [k] of one dtype, where that pays: for several
 * threads and a small batch of long rows. Else undefined. The rows stay in a layout of the engine's own (native/kernels/panels.h).
 * No gradient flows to the source.
 */
export function gatherAffine(
  source: Tensor,
  indices: Tensor,
  options: Omit<GatherOptions, 'dtype'>,
  w: Tensor,
  b: Tensor,
): Tensor | undefined {
  const dtype = commonFloat('gatherAffine', w, b)
  const { m, divisor, cursor, ints } = checkGather('gatherAffine', source, indices, { ...options, dtype })
  const [n, k] = w.shape
  const { threads, isa } = activeBackend().info()
  const panels = Math.min(threads, MOST_PANELS)
  const pays =
    panels > 1 &&
    m >= LEAST_ROWS &&
    m <= MOST_ROWS &&
    k <= mostUnits(isa, dtype) &&
    n >= LEAST_COLUMNS &&
    m * n <= MOST_ELEMENTS
  if (!pays) return undefined
  const x = empty('gatherAffine', [3 * panels * m, n], dtype)
  const y = output('gatherAffine', undefined, [m, k], dtype)
  emit(GATHER_AFFINE, dtype, [y, source, indices, cursor, x, w, b], [...ints, k, panels], [divisor])
  return derive(
    y,
    [w, b, x],
    [
      (dy, to) => {
        const dw = output('gatherAffineGrad', to, w.shape, dtype)
        return emit(GATHER_AFFINE_GRAD, dtype, [dw, x, dy], [m, n, k, panels])
      },
      (dy, to) => sum(dy, 0, {}, to),
      undefined,
    ],
  )
}
