import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { expect, it } from 'vitest'

const root = path.resolve(import.meta.dirname, '..', '..')

// In a process of its own: vitest has another way to import CommonJS.
it.each(['', '/data', '/functional', '/plot'])('import and require share lanewise%s', (entry) => {
  const code = `import { createRequire } from 'node:module'
    const name = 'lanewise${entry}'
    const cjs = createRequire(import.meta.url)(name)
    const esm = await import(name)
    const keys = Object.keys(cjs).filter((key) => key !== 'default' && key !== '__esModule')
    console.log(keys.length > 0 && keys.every((key) => cjs[key] === esm[key]))
    if (esm.add) console.log(esm.add(cjs.tensor([1, 2]), esm.tensor([3, 4])).toArray().join())`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    cwd: root,
    encoding: 'utf8',
  })
  expect(stderr).not.toMatch(/Error/)
  expect(stdout.split('\n')[0]).toBe('true')
  if (entry === '') expect(stdout).toBe('true\n4,6\n')
})
