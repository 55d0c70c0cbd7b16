import * as fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'

const read = (file: string) => fs.readFileSync(path.resolve(file), 'utf8').replace(/^\s*#.*$/gm, '')
const gyp = read('binding.gyp')
const cmake = read('CMakeLists.txt')
const found = (text: string, pattern: RegExp) => [...new Set(text.match(pattern) ?? [])].sort()

describe('binding.gyp and CMakeLists.txt', () => {
  test('list the same sources', () => {
    const sources = found(gyp, /native\/[\w/]+\.cpp/g)
    expect(sources).toEqual(found(cmake, /native\/[\w/]+\.cpp/g))
    expect(sources).toHaveLength(12)
  })

  test('list every source there is', () => {
    const files = fs.readdirSync('native', { recursive: true }) as string[]
    const cpp = files.filter((file) => file.endsWith('.cpp')).map((file) => `native/${file.split(path.sep).join('/')}`)
    expect(found(gyp, /native\/[\w/]+\.cpp/g)).toEqual(expect.arrayContaining(cpp))
  })

  test('agree on the flags that decide the bits', () => {
    for (const flag of ['-O3', '-ffp-contract=off', '-fno-math-errno', '-fno-lto'])
      for (const text of [gyp, cmake]) expect(text).toContain(flag)
    expect(found(gyp, /-m(?:avx|fma|prefer)[\w=-]*/g)).toEqual(found(cmake, /-m(?:avx|fma|prefer)[\w=-]*/g))
    for (const text of [gyp, cmake]) expect(text).not.toMatch(/ffast-math|-Ofast|march=native|[^-]-flto/)
  })

  test('name no whole path, which may have spaces', () => {
    expect(gyp).not.toMatch(/module_root_dir|PRODUCT_DIR|\.include\\?'\)/)
  })
})
