const view = new DataView(new ArrayBuffer(8))

/** A float64 parameter as two words of a command, low word first whatever the machine's order of bytes (docs/commands.md). */
export function writeDouble(words: number[] | Int32Array, at: number, value: number): void {
  view.setFloat64(0, value, true)
  words[at] = view.getInt32(0, true)
  words[at + 1] = view.getInt32(4, true)
}

/** The float64 that writeDouble() wrote. */
export function readDouble(words: Int32Array, at: number): number {
  view.setInt32(0, words[at], true)
  view.setInt32(4, words[at + 1], true)
  return view.getFloat64(0, true)
}
