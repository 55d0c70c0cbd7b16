import { derive } from '../autograd.js'
import { checkFlag, checkOptions, describe, ShapeError } from '../errors.js'
import { checkAxis, type Shape, show } from '../shape.js'
import { emit } from '../tape.js'
import { empty, type Tensor } from '../tensor.js'
import { floatOf, output } from './common.js'
import { copy } from './memory.js'
import { defineOp, type Op } from './op.js'
import { reshape } from './views.js'

const REDUCE = 'y:w:T:a*c x:r:T:a*b*c | a b c'
const SUM = defineOp('sum', REDUCE)
const MEAN = defineOp('mean', REDUCE)
const MAX = defineOp('max', REDUCE)
const ARGMAX = defineOp('argmax', 'y:w:i:a*c x:r:T:a*b*c | a b c')
const EXPAND = defineOp('expand', 'y:w:T:a*b*c x:r:T:a*c | a b c alpha:d')
const MAX_GRAD = defineOp('maxGrad', 'dx:w:T:a*b*c dy:r:T:a*c x:r:T:a*b*c y:r:T:a*c | a b c')

/** One axis, several, or undefined for all. */
export type Axes = number | readonly number[] | undefined
/** How the result of a reduction is shaped. */
export interface ReduceOptions {
  /** Keeps the reduced dimensions with size 1. */
  keepDims?: boolean | undefined
}

/** Neighbouring axes reduced in one command: x is seen as a × b × c and b goes. */
interface Run {
  first: number
  last: number
}

/** From the first axis on. @throws ShapeError for axes that are not there, or twice */
function runsOf(name: string, x: Tensor, axes: Axes): Run[] {
  if (axes === undefined) return x.rank === 0 ? [] : [{ first: 0, last: x.rank - 1 }]
  if (!Array.isArray(axes)) {
    const axis = checkAxis(name, axes as number, x.rank)
    return [{ first: axis, last: axis }]
  }
  if (axes.length > x.rank) throw new ShapeError(name, `at most ${x.rank} different axes`, describe(axes))
  const list = Array.from(axes, (axis) => checkAxis(name, axis, x.rank))
  if (new Set(list).size !== list.length) throw new ShapeError(name, 'different axes', show(list))
  return joined(list.sort((p, q) => p - q))
}

/** Axes in ascending order, those that follow each other as one run. */
function joined(axes: readonly number[]): Run[] {
  const runs: Run[] = []
  for (const axis of axes) {
    const previous = runs[runs.length - 1]
    if (previous !== undefined && previous.last === axis - 1) previous.last = axis
    else runs.push({ first: axis, last: axis })
  }
  return runs
}

/** A shape as a × b × c, where b are the axes from first to last. */
function around(shape: Shape, { first, last }: Run): [number, number, number] {
  const abc: [number, number, number] = [1, 1, 1]
  for (let i = 0; i < shape.length; i++) abc[i < first ? 0 : i > last ? 2 : 1] *= shape[i]
  // One element each: as columns, side by side, they go by whole vectors (max of [100000, 1] 0.05 of the time).
  return abc[1] === 1 ? [1, 1, abc[0] * abc[2]] : abc
}

/** A shape whose axes in `runs` are gone, or of size 1. */
function without(shape: Shape, runs: readonly Run[], keepDims: boolean): number[] {
  const left: number[] = []
  for (let i = 0; i < shape.length; i++) {
    if (!runs.some((run) => run.first <= i && i <= run.last)) left.push(shape[i])
    else if (keepDims) left.push(1)
  }
  return left
}

type Step = (x: Tensor, run: Run, out: Tensor | undefined, shape: Shape) => Tensor

/** Applies `step` to each run of axes, the last run first, so that earlier axes keep their numbers. */
function reduce(
  name: string,
  x: Tensor,
  axes: Axes,
  options: ReduceOptions,
  out: Tensor | undefined,
  step: Step,
): Tensor {
  const keepDims = checkFlag(name, 'keepDims', checkOptions(name, options, ['keepDims']).keepDims)
  const runs = runsOf(name, x, axes)
  if (runs.length === 0) return copy(x, out)
  const final = without(x.shape, runs, keepDims)
  let y = x
  for (let r = runs.length - 1; r >= 0; r--) {
    y = r === 0 ? step(y, runs[0], out, final) : step(y, runs[r], undefined, without(y.shape, [runs[r]], true))
  }
  return y
}

function summing(op: Op, scale: (b: number) => number): Step {
  return (x, run, out, shape) => {
    const dtype = floatOf(op.name, x)
    const abc = around(x.shape, run)
    const y = emit(op, dtype, [output(op.name, out, shape, dtype, [x]), x], abc)
    const alpha = scale(abc[1])
    const thin = (dy: Tensor) => {
      const kept = without(x.shape, [run], true)
      return alpha === 1 ? reshape(dy, kept) : expand(dy, [dy.size, 1, 1], alpha, kept)
    }
    return derive(y, [x], [(dy, dx) => (dx ? expand(dy, abc, alpha, x.shape, dx) : thin(dy))], false)
  }
}

/** y[i, j, l] = alpha * x[i, l]: the derivative of sums and means. */
function expand(x: Tensor, abc: readonly number[], alpha: number, shape: Shape, out?: Tensor): Tensor {
  const dtype = floatOf('expand', x)
  return emit(EXPAND, dtype, [output('expand', out, shape, dtype, [x]), x], abc, [alpha])
}

const sumStep = summing(SUM, () => 1)
const meanStep = summing(MEAN, (b) => 1 / b)

/**
 * Sum over axes (default all), which the result lacks but for `keepDims`. In float64 and float32 alike in the fixed order of
 * docs/commands.md.
 */
export function sum(x: Tensor, axes?: Axes, options: ReduceOptions = {}, out?: Tensor): Tensor {
  return sumOver('sum', x, axes, options, out)
}
/** The same for the op that errors name. */
export function sumOver(name: string, x: Tensor, axes: Axes, options: ReduceOptions, out?: Tensor): Tensor {
  floatOf(name, x)
  return reduce(name, x, axes, options, out, sumStep)
}

/** The mean over axes that are neighbours, or none; undefined for others. */
export function meanOfRun(x: Tensor, axes: Axes, options: ReduceOptions, out?: Tensor): Tensor | undefined {
  return runsOf('mean', x, axes).length < 2 ? reduce('mean', x, axes, options, out, meanStep) : undefined
}

/** Largest value over axes; NaN if there is one. The derivative is shared evenly among ties (over
 * axes that are not neighbours first along the last ones, then among the results). */
export function max(x: Tensor, axes?: Axes, options: ReduceOptions = {}, out?: Tensor): Tensor {
  const dtype = floatOf('max', x)
  return reduce('max', x, axes, options, out, (part, run, target, shape) => {
    const abc = around(part.shape, run)
    if (abc[1] === 0) throw new ShapeError('max', 'at least one element to reduce', show(part.shape))
    const y = emit(MAX, dtype, [output('max', target, shape, dtype, [part]), part], abc)
    return derive(
      y,
      [part],
      [(dy, to) => emit(MAX_GRAD, dtype, [output('maxGrad', to, part.shape, dtype), dy, part, y], abc)],
    )
  })
}

/** Position of the first largest value along one axis (default the last), as int32; of the first NaN if there is one. */
export function argmax(x: Tensor, axis = -1, options: ReduceOptions = {}): Tensor {
  const dtype = floatOf('argmax', x)
  const keepDims = checkFlag('argmax', 'keepDims', checkOptions('argmax', options, ['keepDims']).keepDims)
  const at = checkAxis('argmax', axis, x.rank)
  if (x.shape[at] === 0) throw new ShapeError('argmax', 'at least one element to choose from', show(x.shape))
  const run = { first: at, last: at }
  const y = empty('argmax', without(x.shape, [run], keepDims), 'int32')
  return emit(ARGMAX, dtype, [y, x], around(x.shape, run))
}

/** x, repeated along the axes of `shape` that it has with size 1 or not at all. */
export function repeat(x: Tensor, shape: Shape, out?: Tensor): Tensor {
  const lead = shape.length - x.rank
  let y = lead === 0 ? x : reshape(x, [...shape.slice(0, lead).fill(1), ...x.shape])
  const runs = joined(shape.map((_, i) => i).filter((i) => y.shape[i] === 1))
  for (let r = runs.length - 1; r >= 0; r--) {
    const { first, last } = runs[r]
    const larger = y.shape.map((d, i) => (first <= i && i <= last ? shape[i] : d))
    y = expand(y, around(larger, runs[r]), 1, larger, r === 0 ? out : undefined)
  }
  return y
}

/** Sums x down to `shape`, from which it was broadcast. */
export function sumTo(x: Tensor, shape: Shape, out?: Tensor): Tensor {
  const lead = x.rank - shape.length
  const axes = x.shape.map((_, i) => i).filter((i) => i < lead || (shape[i - lead] === 1 && x.shape[i] !== 1))
  if (axes.length === 0) return x
  const kept = x.shape.map((d, i) => (axes.includes(i) ? 1 : d)).slice(lead)
  if (out !== undefined && lead === 0) return sum(x, axes, { keepDims: true }, out)
  return reshape(sum(x, axes), kept)
}
