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

// As two bundles of a server have it, or a module that was loaded again: the addon is one.
it('two copies of lanewise in one thread compute each for itself', () => {
  const code = `const path = require.resolve('lanewise')
    const a = require(path)
    const x = a.tensor([1, 2, 3, 4])
    console.log(a.add(x, 1).toArray().join())
    for (const key of Object.keys(require.cache)) if (/[\\\\/]dist[\\\\/]/.test(key)) delete require.cache[key]
    const b = require(path)
    console.log(a === b, b.multiply(b.tensor([10, 20]), 2).toArray().join())
    console.log(a.add(x, 1).toArray().join(), a.square(x).toArray().join(), b.backendInfo().backend)`
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', code], { cwd: root, encoding: 'utf8' })
  expect(stderr).not.toMatch(/Error/)
  expect(stdout).toMatch(/^2,3,4,5\nfalse 20,40\n2,3,4,5 1,4,9,16 \w+\n$/)
})
