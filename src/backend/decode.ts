import { dtypeOf, type TypedArray } from '../dtype.js'
import { BackendError, describe, ShapeError, TypeMismatchError, ValueError } from '../errors.js'
import { type Op, opTable } from '../ops/op.js'
import { readDouble } from './double-words.js'

/** A command of a tape, its words taken apart; nothing about it is checked yet but that it is whole. */
export interface Decoded {
  op: Op
  dtype: number
  arrays: TypedArray[]
  offsets: number[]
  ints: number[]
  doubles: number[]
}

/** Takes the words of a tape apart (docs/commands.md has the format), a command at a time: all at once may be more than V8's heap has room for. */
export function decode(words: Int32Array, arrays: readonly TypedArray[]): Generator<Decoded, void> {
  if (!(words instanceof Int32Array)) throw new TypeMismatchError('tape', 'an Int32Array of commands', describe(words))
  arrays.forEach((array, i) => {
    if (dtypeOf(array) === undefined)
      throw new TypeMismatchError('tape', `buffer ${i} to be a typed array`, describe(array))
  })
  return commandsOf(words, arrays)
}

function* commandsOf(words: Int32Array, arrays: readonly TypedArray[]): Generator<Decoded, void> {
  const table = opTable()
  for (let at = 0; at < words.length; ) {
    const op = table[words[at]]
    if (op === undefined)
      throw new BackendError('tape', `an op number below ${table.length} at word ${at}`, String(words[at]))
    if (at + op.words > words.length) {
      throw new ShapeError('tape', `${op.words} words of ${op.name} at word ${at}`, `${words.length - at}`)
    }
    const command: Decoded = { op, dtype: words[at + 1], arrays: [], offsets: [], ints: [], doubles: [] }
    at += 2
    for (const operand of op.operands) {
      const buffer = words[at]
      if (buffer < 0 || buffer >= arrays.length) {
        throw new ValueError(op.name, `${operand.name} in a buffer from 0 to ${arrays.length - 1}`, `buffer ${buffer}`)
      }
      command.arrays.push(arrays[buffer])
      command.offsets.push(words[at + 1])
      at += 2
    }
    for (let i = 0; i < op.ints.length; i++) command.ints.push(words[at++])
    for (let i = 0; i < op.doubles.length; i++, at += 2) command.doubles.push(readDouble(words, at))
    yield command
  }
}
