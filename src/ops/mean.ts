import type { Tensor } from '../tensor.js'
import { divide } from './binary.js'
import { floatOf, output } from './common.js'
import { type Axes, meanOfRun, type ReduceOptions, sumOver } from './reduce.js'

/** Mean over axes; of no elements NaN. */
export function mean(x: Tensor, axes?: Axes, options: ReduceOptions = {}, out?: Tensor): Tensor {
  const dtype = floatOf('mean', x)
  const ofRun = meanOfRun(x, axes, options, out)
  if (ofRun !== undefined) return ofRun
  // Over axes that are not neighbours. Not a mean of means, which rounds more often: one sum, divided once.
  const total = sumOver('mean', x, axes, options)
  if (out !== undefined) output('mean', out, total.shape, dtype, [x])
  return divide(total, x.size / total.size, out)
}
