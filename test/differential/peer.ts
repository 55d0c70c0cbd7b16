import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { TypedArray } from '../../src/dtype.js'
import { dtypeOf } from '../../src/dtype.js'

// Which cases: LANEWISE_CASES says how many of an op, LANEWISE_SEED which. A failure names its case: LANEWISE_SEED=seed
// LANEWISE_CASE=number repeats it alone.
export const seed = Number(process.env.LANEWISE_SEED ?? 1)

/** The numbers of the cases to try, `times` as many as of an op. */
export function caseNumbers(times: number): number[] {
  const only = process.env.LANEWISE_CASE
  if (only) return [Number(only)]
  return Array.from({ length: Math.ceil(Number(process.env.LANEWISE_CASES ?? 30) * times) }, (_, i) => i)
}

/** The Python that judges; without one these tests are skipped, or fail where LANEWISE_REQUIRE_NUMPY=1. */
function findPython(): string | undefined {
  const own = path.join(__dirname, '../../.cache/numpy/bin/python') // scripts/python-numpy.sh makes it
  const wishes = process.env.LANEWISE_PYTHON ? [process.env.LANEWISE_PYTHON] : ['python3', own]
  for (const python of wishes) {
    const { status } = spawnSync(python, ['-c', 'import numpy; assert int(numpy.__version__.split(".")[0]) >= 2'])
    if (status === 0) return python
  }
  const missing = `${wishes[0]} cannot import NumPy 2; scripts/python-numpy.sh installs one that is found`
  if (process.env.LANEWISE_REQUIRE_NUMPY === '1') throw new Error(missing)
  console.warn(`test/differential is skipped: ${missing}`)
  return undefined
}

export const python = findPython()

export interface Answer {
  /** The share of its bound that the worst element took. */
  worst?: number
  error?: string
  /** Derivatives that were not judged. */
  corners?: number
}

/** [which: before, or the backend that computed it; operand; values] */
export type Named = readonly [where: string, name: string, values: TypedArray]

/** One Python process that answers cases in their order. */
export class Peer {
  private readonly child: ChildProcess
  private readonly waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = []
  private dead: Error | undefined
  readonly greeting: Promise<{ numpy: string; ops: string[]; functions: string[] }>

  constructor() {
    const script = path.join(__dirname, 'reference.py')
    this.child = spawn(python as string, ['-B', script], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.greeting = this.line().then((text) => JSON.parse(text))
    createInterface({ input: this.child.stdout as NodeJS.ReadableStream }).on('line', (text) => {
      this.waiting.shift()?.resolve(text)
    })
    const end = (error: Error) => {
      this.dead = error
      for (const { reject } of this.waiting.splice(0)) reject(error)
    }
    this.child.on('error', end)
    this.child.on('exit', (code) => end(new Error(`the Python process ended with code ${code}`)))
    this.child.stdin?.on('error', () => {}) // told by exit
  }

  private line(): Promise<string> {
    if (this.dead) return Promise.reject(this.dead)
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }))
  }

  /** `head` and the arrays, which are written at once: they may change afterwards. */
  async ask(head: Record<string, unknown>, arrays: readonly Named[]): Promise<Answer> {
    const answer = this.line()
    const described = arrays.map(([where, name, a]) => [where, name, dtypeOf(a), a.length])
    const bytes = arrays.map(([, , a]) => Buffer.from(a.buffer, a.byteOffset, a.byteLength))
    const line = `${JSON.stringify({ ...head, arrays: described }, (_, v) => (typeof v === 'number' && !Number.isFinite(v) ? String(v) : v))}\n`
    this.child.stdin?.write(Buffer.concat([Buffer.from(line), ...bytes]))
    return JSON.parse(await answer)
  }

  close(): void {
    this.child.stdin?.end()
  }
}
