// Reads a report of LeakSanitizer and fails if a block was lost that the addon allocated: one whose first frame after the
// allocating function is in lanewise.node.
// usage: node own-leaks.mjs FILE
import { readFileSync } from 'node:fs'

const text = readFileSync(process.argv[2], 'utf8')
const blocks = text.split(/\n\s*\n/).filter((block) => /(?:Direct|Indirect) leak of/.test(block))
const ours = blocks.filter((block) =>
  /lanewise\.node/.test(block.split('\n').find((line) => /^\s*#1 /.test(line)) ?? ''),
)
// Without the summary the checker has not run (it needs ptrace), and nothing is known.
const ran = text.includes('SUMMARY: AddressSanitizer')
console.log(ran ? `${ours.length} of ${blocks.length} lost blocks are ours` : 'LeakSanitizer has not run')
if (ours.length > 0) console.log(ours.slice(0, 5).join('\n\n'))
process.exit(ran && ours.length === 0 ? 0 : 1)
