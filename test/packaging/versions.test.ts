import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

const root = path.resolve(import.meta.dirname, '..', '..')
const addon = path.join('build', 'Release', 'lanewise.node')
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'lanewise-versions-'))
afterAll(() => fs.rmSync(home, { recursive: true, force: true }))

/** This package as another version: with the version in its code, its manifest and its addon changed. */
function otherVersion(): string {
  const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'))
  const other = version.replace(/\d/g, '9')
  const dir = path.join(home, 'other')
  for (const part of ['dist', 'native', addon, 'package.json'])
    fs.cpSync(path.join(root, part), path.join(dir, part), { recursive: true })
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(dir, 'node_modules'), 'junction')
  for (const [file, quote] of [
    ['package.json', '"'],
    [path.join('dist', 'version.js'), '"'],
    [addon, '\0'],
  ]) {
    const bytes = fs.readFileSync(path.join(dir, file))
    bytes.write(other, bytes.indexOf(`${quote}${version}${quote}`, 0, 'latin1') + 1, 'latin1')
    fs.writeFileSync(path.join(dir, file), bytes)
  }
  return dir
}

describe.skipIf(!fs.existsSync(path.join(root, addon)))('two versions in one process', () => {
  it('train side by side to the same bits, and refuse each other’s tensors', () => {
    const code = `const copies = process.argv.slice(1).map((dir) => require(dir))
      async function train(lw) {
        const state = lw.randomState(3)
        const x = lw.normal(state, [64, 5]), y = lw.cast(lw.uniform(state, [64], 0, 3), 'int32')
        const model = new lw.Sequential({ input: [5], layers: [new lw.Affine(3), new lw.Softmax()], seed: 1 })
        model.compile({ optimizer: new lw.Adam(), loss: 'sparseCategoricalCrossentropy' })
        await model.fit({ x, y }, { epochs: 20, batchSize: 8 })
        return model.predict(x).toArray().join()
      }
      Promise.all(copies.map(train)).then(([a, b]) => {
        let refused = ''
        try { copies[0].add(copies[1].tensor([1]), 1) } catch (error) { refused = error.message }
        console.log(JSON.stringify({ same: a === b, backends: copies.map((lw) => lw.backendInfo().backend), files: new Set(copies.map((lw) => lw.backendInfo().binary)).size, refused }))
      })`
    const env = { ...process.env, LANEWISE_BACKEND: 'native' }
    const args = ['-e', code, path.join(root, 'dist'), path.join(otherVersion(), 'dist')]
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env })
    expect(stderr).toBe('')
    const refused = 'add: expected at least one tensor, received Tensor float32 [1] of another copy of lanewise and 1'
    expect(JSON.parse(stdout)).toEqual({ same: true, backends: ['native', 'native'], files: 2, refused })
  })
})
