import type { Op } from '../../ops/op.js'
import { FEW_ROWS } from './few-rows.js'
import type { Call } from './kernel.js'
import { optimizers } from './optimizers.js'
import { blockOf, ROWS } from './product.js'
import { unary } from './unary.js'

/** Ops of which each element is computed alone. */
const alone = { ...unary, ...optimizers }
/** Elements, and products of numbers, in a part: some 2 and 4 ms. */
const ELEMENTS = 1 << 17
const PRODUCTS = 1 << 23

/** The parts of a command that takes long, between which the event loop can turn; or the command. In order they give its bits. */
export function partsOf(op: Op, call: Call): Call[] {
  const [m, n, k] = call.n
  const parts: Call[] = []
  if ((op.name === 'matmul' || op.name === 'affine') && m >= FEW_ROWS && m * n * k > PRODUCTS) {
    const columns = blockOf(n, k)
    const most = PRODUCTS + (m * n * k) / 4096 // or the parts themselves would fill the memory
    const rows = ROWS * Math.max(1, (most / ROWS / columns / k) | 0)
    for (let j = 0; j < n; j += columns) {
      for (let i = 0; i < m; i += rows)
        parts.push({ ...call, part: [i, Math.min(m, i + rows), j, Math.min(n, j + columns)] })
    }
  } else if (m > ELEMENTS && op.name in alone) {
    for (let i = 0; i < m; i += ELEMENTS) {
      const o = call.o.map((at, which) => (op.operands[which].extent(call.n) === m ? at + i : at))
      parts.push({ ...call, o, n: [Math.min(ELEMENTS, m - i), ...call.n.slice(1)] })
    }
  } else parts.push(call)
  return parts
}
