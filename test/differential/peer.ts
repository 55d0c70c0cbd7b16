import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { TypedArray } from '../../src/dtype.js'
import { dtypeOf } from '../../src/dtype.js'

/** The Python that judges, or why there is none. */
export function findPython(): { python: string } | { missing: string } {
  const own = path.join(__dirname, '../../.cache/numpy/bin/python') // scripts/python-numpy.sh makes it
  const wishes = process.env.LANEWISE_PYTHON ? [process.env.LANEWISE_PYTHON] : ['python3', own]
  for (const python of wishes) {
    const { status } = spawnSync(python, ['-c', 'import numpy; assert int(numpy.__version__.split(".")[0]) >= 2'])
    if (status === 0) return { python }
  }
  return { missing: `${wishes[0]} cannot import NumPy 2; scripts/python-numpy.sh installs one that is found` }
}

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

  constructor(python: string, script: string) {
    this.child = spawn(python, ['-B', path.join(__dirname, script)], { stdio: ['pipe', 'pipe', 'inherit'] })
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
