import { MAX_RANK } from '../shape.js'

/** Parses the signatures of docs/commands.md, the contract between TypeScript and the addon. */
type Role = 'r' | 'i' | 'w' | 'u'
export type TypeLetter = 'T' | 'd' | 'i' | 'L' | 'A'

export interface OperandSpec {
  readonly name: string
  readonly role: Role
  readonly type: TypeLetter
  /**
   * How many elements of the operand the command touches, from its int parameters. A size of 0 makes it 0, unless the other sizes alone
   * multiply to more than 2^53: then it is their product, which every check refuses.
   */
  readonly extent: (ints: ArrayLike<number>) => number
}

export const isWritten = ({ role }: OperandSpec): boolean => role === 'w' || role === 'u'

export interface Signature {
  readonly operands: readonly OperandSpec[]
  readonly ints: readonly { readonly name: string; readonly below: number }[]
  readonly doubles: readonly string[]
  /** Words a command takes: op, dtype, two an operand, one an int, two a double. */
  readonly words: number
}

export function parseSignature(text: string): Signature {
  const [operandText = '', paramText = ''] = text.split('|')
  const params = paramText.trim().split(/\s+/).filter(Boolean)
  const doubles = params.filter((p) => p.endsWith(':d')).map((p) => p.slice(0, -2))
  const ints = params
    .filter((p) => !p.endsWith(':d'))
    .map((p) => {
      const [name, below] = p.split('<')
      return { name, below: below ? Number(below) : 2 ** 31 }
    })
  const position = new Map(ints.map((p, i) => [p.name, i]))
  const operands = operandText
    .trim()
    .split(/\s+/)
    .map((o): OperandSpec => {
      const [name, role, type, extent] = o.split(':')
      return { name, role: role as Role, type: type as TypeLetter, extent: extentOf(extent, position) }
    })
  return { operands, ints, doubles, words: 2 + 2 * operands.length + ints.length + 2 * doubles.length }
}

function extentOf(text: string, position: ReadonlyMap<string, number>): (ints: ArrayLike<number>) => number {
  if (text.startsWith('@')) {
    const mask = text.length > 1 ? (position.get(text.slice(1)) as number) : -1
    return (ints) => {
      let [n, bound] = [1, 1]
      for (let d = 0; d < MAX_RANK; d++)
        if (mask < 0 || !((ints[mask] >> d) & 1)) {
          n *= ints[d]
          bound *= ints[d] || 1
        }
      return bound > Number.MAX_SAFE_INTEGER ? bound : n
    }
  }
  const constant = text
    .split('*')
    .filter((f) => /^\d+$/.test(f))
    .reduce((n, f) => n * Number(f), 1)
  const factors = text
    .split('*')
    .filter((f) => !/^\d+$/.test(f))
    .map((f) => position.get(f) as number)
  return (ints) => {
    let [n, bound] = [constant, constant]
    for (const f of factors) {
      n *= ints[f]
      bound *= ints[f] || 1
    }
    return bound > Number.MAX_SAFE_INTEGER ? bound : n
  }
}
