import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'

const objects = path.join(__dirname, '..', '..', 'build', 'Release', 'obj.target')
const isas = process.arch === 'x64' ? ['scalar', 'avx2', 'avx512'] : ['neon']
const nm = (...args: string[]) => spawnSync('nm', args, { encoding: 'utf8' })

// The linker keeps one copy of an inline function that several files have. Were it one that was compiled for AVX-512, older
// processors would meet instructions they lack, in code that has nothing to do with AVX-512.
describe.skipIf(!existsSync(objects) || nm('--version').status !== 0)('files of one instruction set', () => {
  const files = readdirSync(objects, { recursive: true }) as string[]

  it.each(isas)('%s shares no function with the rest of the addon', (isa) => {
    const file = files.find((name) => name.endsWith(`${isa}.o`))
    expect(file).toBeDefined()
    const result = nm('--defined-only', '--extern-only', '-C', path.join(objects, file as string))
    expect(result.status).toBe(0)
    const names = result.stdout
      .trim()
      .split('\n')
      .map((line) => line.slice(19))
    expect(names.length).toBeGreaterThan(100)
    expect(names.filter((name) => !name.includes(`lanewise::${isa}::`))).toEqual([])
  })
})
