import { type ParseArgsConfig, parseArgs } from 'node:util'

/**
 * Of a reader that has gone away (`| head -1`) Node's console hears once; the next write would end the process, and with it what
 * it was called for. Any other trouble with standard output (a full disk) is a failure.
 */
export function outlastReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return
    console.error(`lanewise: standard output: ${error.message}`)
    process.exitCode = 1
  })
}

/** A mistake in how the program was called: shown as one line. */
export class UsageError extends Error {}

type Config = ParseArgsConfig & { strict: true }

/** parseArgs, whose errors are a UsageError of one line each. */
export function parseOptions<T extends Config>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config)
  } catch (error) {
    // The first sentence: a name has no space after its full stops.
    const [text] = (error as Error).message.split(/\.(?=\s|$)|\n/)
    // Of `--seed -1` it says no more than "ambiguous".
    const [, option] = text.match(/^Option '(--[\w-]+).*' argument is ambiguous$/) ?? []
    if (option === undefined) throw new UsageError(`${text} (see --help)`)
    const expected = `expected a value (one that begins with "-" is written ${option}=-…)`
    throw new UsageError(`${option}: ${expected}, received an option`)
  }
}

/** 1 thread, 2 threads. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** A whole number from low to high, digits only. */
export function whole(name: string, text: string, low: number, high: number): number {
  const n = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (n >= low && n <= high) return n
  throw new UsageError(`--${name}: expected a whole number from ${low} to ${high}, received ${JSON.stringify(text)}`)
}
