import { parseSignature, type Signature } from './signature.js'

/** One kind of command. `index` is its place in the table that the backends are given. */
export interface Op extends Signature {
  readonly name: string
  readonly text: string
  readonly index: number
}

const table: Op[] = []

/** Adds a command to the op table. The families in src/ops call this once for each of theirs. */
export function defineOp(name: string, text: string): Op {
  const op: Op = { name, text, index: table.length, ...parseSignature(text) }
  table.push(op)
  return op
}

/** All commands, in the order of their op numbers. */
export function opTable(): readonly Op[] {
  return table
}
