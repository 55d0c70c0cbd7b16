import { derive, tracked } from '../autograd.js'
import { activeBackend } from '../backend/active.js'
import type { FloatDType } from '../dtype.js'
import { emit } from '../tape.js'
import { empty, type Tensor } from '../tensor.js'
import { commonFloat, output } from './common.js'
import { checkGather, type GatherOptions } from './indexing.js'
import { defineOp } from './op.js'
import { sum } from './reduce.js'

const GATHER_PANELS = defineOp(
  'gatherPanels',
  'x:u:T:m*n*panels src:r:A:rows*n idx:r:i:count cursor:r:i:1 | m n<16777216 rows count panels<17 divisor:d',
)
const AFFINE_PANELS = defineOp(
  'affinePanels',
  'y:w:T:m*k x:r:T:m*n*panels w:r:T:n*k b:r:T:k | m n<16777216 k panels<17',
)
const AFFINE_PANELS_GRAD = defineOp(
  'affinePanelsGrad',
  'dw:w:T:n*k x:r:T:m*n*panels dy:r:T:m*k | m n<16777216 k panels<17',
)

/** Batches of more rows are gathered by rows, and rows of fewer columns are not worth cutting. */
const MOST_ROWS = 64
const LEAST_COLUMNS = 256
const MOST_ELEMENTS = 1 << 18
const MOST_PANELS = 16

/** A batch in the engine's own layout (native/kernels/panels.h), which only affinePanels can read. */
export interface PanelBatch {
  readonly x: Tensor
  readonly m: number
  readonly n: number
  readonly panels: number
}

/** gatherRows in panels, one for each thread, where that pays; else undefined. */
export function gatherPanels(
  source: Tensor,
  indices: Tensor,
  options: GatherOptions & { dtype: FloatDType },
): PanelBatch | undefined {
  const { m, dtype, divisor, cursor, ints } = checkGather('gatherPanels', source, indices, options)
  const n = ints[1]
  const panels = Math.min(activeBackend().info().threads, MOST_PANELS)
  if (panels < 2 || m > MOST_ROWS || n < LEAST_COLUMNS || m * n > MOST_ELEMENTS || tracked(source)) return undefined
  const x = empty('gatherPanels', [panels * m, n], dtype)
  emit(GATHER_PANELS, dtype as FloatDType, [x, source, indices, cursor], [...ints, panels], [divisor])
  return { x, m, n, panels }
}

/** affine(x, w, b), with the same bits, for x in panels: w [n, k], b [k] → [m, k]. No gradient flows to x. */
export function affinePanels({ x, m, n, panels }: PanelBatch, w: Tensor, b: Tensor): Tensor {
  const dtype = commonFloat('affinePanels', x, w, b)
  const k = w.shape[1]
  const y = output('affinePanels', undefined, [m, k], dtype)
  const ints = [m, n, k, panels]
  emit(AFFINE_PANELS, dtype, [y, x, w, b], ints)
  return derive(
    y,
    [w, b],
    [
      (dy, to) => {
        const dw = output('affinePanelsGrad', to, w.shape, dtype)
        emit(AFFINE_PANELS_GRAD, dtype, [dw, x, dy], ints)
        return dw
      },
      (dy, to) => sum(dy, 0, {}, to),
    ],
  )
}
