import { cpus } from 'node:os'
import type { TypedArray } from '../../dtype.js'
import { BackendError, withMemoryError } from '../../errors.js'
import type { Op } from '../../ops/op.js'
import type { Backend, BackendInfo, BoundTape, Operand } from '../backend.js'
import { now, turn } from '../clock.js'
import { decode } from '../decode.js'
import { badIndex, checkCommand } from '../validate.js'
import { binary } from './binary.js'
import { indexing } from './indexing.js'
import type { Call, Kernel } from './kernel.js'
import { losses } from './losses.js'
import { matmul } from './matmul.js'
import { memory } from './memory.js'
import { optimizers } from './optimizers.js'
import { partsOf } from './parts.js'
import { random } from './random.js'
import { reduce } from './reduce.js'
import { softmax } from './softmax.js'
import { unary } from './unary.js'

const kernels = new Map<string, Kernel>(
  [matmul, binary, unary, softmax, reduce, indexing, losses, memory, random, optimizers].flatMap((family) =>
    Object.entries(family),
  ),
)

function kernelOf(op: Op): Kernel {
  const kernel = kernels.get(op.name)
  if (kernel === undefined)
    throw new BackendError(op.name, 'an op of the JavaScript backend', 'one it has no kernel for')
  return kernel
}

/**
 * The same numbers, none of them in V8's floating-point representation, which sizes out of a Float64Array have: a kernel that met
 * one is compiled again, for good, with loops that count in floating point (matmul 1.7 times as slow).
 */
function smallIntegers(numbers: readonly number[]): number[] {
  const integers: number[] = []
  for (let i = 0; i < numbers.length; i++) integers.push(numbers[i] | 0)
  return integers
}

function callOf(
  op: Op,
  dtype: number,
  a: TypedArray[],
  o: readonly number[],
  n: readonly number[],
  d: readonly number[],
): Call {
  checkCommand(op, dtype, a, o, n, d)
  return {
    a,
    o: smallIntegers(o),
    n: smallIntegers(n),
    d,
    dtype: dtype as 0 | 1,
    part: undefined,
    fail: (position, value) => {
      throw badIndex(op, n, position, value)
    },
  }
}

/** Plain typed-array kernels: where no binary loads, what the benchmark compares with, and what the tests believe. */
export class JsBackend implements Backend {
  constructor(private readonly reason = 'asked for') {}

  execute(
    op: Op,
    dtype: number,
    operands: readonly Operand[],
    ints: readonly number[],
    doubles: readonly number[],
  ): void {
    const arrays: TypedArray[] = []
    const offsets: number[] = []
    for (let i = 0; i < operands.length; i++) {
      arrays.push(operands[i].storage.array)
      offsets.push(operands[i].offset)
    }
    const call = callOf(op, dtype, arrays, offsets, ints, doubles)
    withMemoryError(op.name, 'memory to work in', () => kernelOf(op)(call))
  }

  bind(words: Int32Array, arrays: readonly TypedArray[]): BoundTape {
    return new JsTape(
      [...decode(words, arrays)].flatMap((c) => {
        const call = callOf(c.op, c.dtype, c.arrays, c.offsets, c.ints, c.doubles)
        const kernel = kernelOf(c.op)
        const long = c.op.operands.some((o) => o.extent(c.ints) > LONG)
        return partsOf(c.op, call).map((part) => ({ kernel, call: part, long }))
      }),
    )
  }

  info(): BackendInfo {
    return { backend: 'js', isa: 'js', threads: 1, cpu: processor(), reason: this.reason }
  }
}

/** Deno asks for a permission. */
function processor(): string {
  try {
    return cpus()[0].model
  } catch {
    return 'unknown'
  }
}

/** Elements of an operand from which on a command takes so long (10 µs) that to look at the clock after it costs nothing. */
const LONG = 1 << 13

/** A command, or a part of a large product. */
interface Bound {
  kernel: Kernel
  call: Call
  long: boolean
}

/** Tape (src/tape.ts) sees to it that one replay runs at a time. */
class JsTape implements BoundTape {
  readonly sliceMs = 10

  constructor(private readonly commands: readonly Bound[]) {}

  replay(steps: number): number {
    for (let i = 0; i < steps; i++) this.run(0, Infinity)
    return steps
  }

  // There is no other thread to run on: a slice blocks for its milliseconds, then lets the event loop turn. So does, in its midst, a
  // step that alone takes as long.
  async replaySlice(steps: number, milliseconds: number): Promise<number> {
    let done = 0
    let at = 0
    let time = now()
    const end = time + milliseconds
    do {
      at = this.run(at, time + milliseconds)
      if (at < this.commands.length) await turn()
      else {
        at = 0
        done++
      }
      time = now()
    } while (at > 0 || (done < steps && time < end))
    await turn()
    return done
  }

  /** Runs commands from the one at `at` on, to the last, or to a long one that ends after `until`. Tells which would be next. */
  private run(at: number, until: number): number {
    const { commands } = this
    return withMemoryError('replay', 'memory to work in', () => {
      for (let i = at; i < commands.length; ) {
        const { kernel, call, long } = commands[i++]
        kernel(call)
        if (long && now() >= until) return i
      }
      return commands.length
    })
  }
}
