import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = path.resolve(import.meta.dirname, '..', '..')
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'lanewise-bundle-'))
afterAll(() => fs.rmSync(home, { recursive: true, force: true }))

const APP = `import { Affine, backendInfo, Sequential, SGD, tensor } from 'lanewise'
  const model = new Sequential({ input: [2], layers: [new Affine(1)], seed: 1 })
  model.compile({ optimizer: new SGD(), loss: 'meanSquaredError' })
  model.fit({ x: tensor([[1, 2], [3, 4]]), y: tensor([[1], [2]]) }, { epochs: 2 })
    .then(() => console.log(backendInfo().backend))`

describe('in a bundle of esbuild', () => {
  beforeAll(() => {
    fs.mkdirSync(path.join(home, 'node_modules'))
    fs.symlinkSync(root, path.join(home, 'node_modules', 'lanewise'), 'junction')
    fs.writeFileSync(path.join(home, 'app.ts'), APP)
  })

  // The addon cannot be part of a bundle; what else is may be.
  it.each(['lanewise', '*.node'])('trains with %s external', async (external) => {
    const outfile = path.join(home, external === '*.node' ? 'whole' : 'thin', 'app.cjs')
    const { warnings } = await build({
      entryPoints: [path.join(home, 'app.ts')],
      bundle: true,
      platform: 'node',
      format: 'cjs',
      external: [external],
      outfile,
      logLevel: 'silent',
    })
    expect(warnings).toEqual([])
    const env = { ...process.env, LANEWISE_BACKEND: '' }
    const { stdout, stderr } = spawnSync(process.execPath, [outfile], { cwd: home, encoding: 'utf8', env })
    const expected = fs.existsSync(path.join(root, 'build', 'Release', 'lanewise.node')) ? 'native' : 'js'
    expect(stdout.trim(), stderr).toBe(expected)
  })

  it('as a minified ES module, all in it; errors and layers keep their names', async () => {
    const names = `import { Adam, Affine, backendInfo, Sequential } from 'lanewise'
      const model = new Sequential({ input: [2], layers: [new Affine(1)] })
      const errors = []
      for (const wrong of [() => new Adam({ lr: 1 } as never), () => model.predict([1]), () => new Affine(2).forward(null as never)])
        try { wrong() } catch (e) { errors.push((e as Error).name + ' ' + (e as Error).message.split(':')[0]) }
      console.log(model.summary().includes('Affine'), ...errors)`
    fs.writeFileSync(path.join(home, 'names.ts'), `${names}\nconsole.log(backendInfo().backend)`)
    const outfile = path.join(home, 'esm', 'names.mjs')
    await build({
      entryPoints: [path.join(home, 'names.ts')],
      bundle: true,
      minify: true,
      platform: 'node',
      format: 'esm',
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" },
      outfile,
      logLevel: 'silent',
    })
    const env = { ...process.env, LANEWISE_BACKEND: '' }
    const { stdout, stderr } = spawnSync(process.execPath, [outfile], { cwd: home, encoding: 'utf8', env })
    const backend = fs.existsSync(path.join(root, 'build', 'Release', 'lanewise.node')) ? 'native' : 'js'
    expect(stdout, stderr).toBe(`true ValueError Adam ShapeError predict StateError Affine\n${backend}\n`)
  })
})
