import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROOT } from '../processes.js'

const home = fs.mkdtempSync(path.join(os.tmpdir(), 'lanewise-install-'))
afterAll(() => fs.rmSync(home, { recursive: true, force: true }))
const root = path.join(home, 'node_modules', 'lanewise')
const bin = path.join(home, 'bin')

/** The install script of a package in node_modules, with these commands and no others. */
function install(commands: Record<string, string>, env: Record<string, string> = {}) {
  fs.rmSync(bin, { recursive: true, force: true })
  fs.mkdirSync(bin)
  fs.symlinkSync(process.execPath, path.join(bin, 'node'))
  for (const [name, text] of Object.entries(commands)) fs.writeFileSync(path.join(bin, name), text, { mode: 0o755 })
  // Not empty: node-gyp takes that for a folder, and would rather ask the network than look beside node.
  const nodedir = process.env.npm_config_nodedir
  const clean = { PATH: bin, HOME: home, ...(nodedir ? { npm_config_nodedir: nodedir } : {}) }
  const script = path.join(root, 'scripts', 'install.mjs')
  return spawnSync(process.execPath, [script], { encoding: 'utf8', cwd: home, env: { ...clean, ...env } })
}
/** The command of that name on this machine. */
const forward = (name: string) => `#!/bin/sh\nPATH='${process.env.PATH}' exec ${name} "$@"\n`
const brokenCompiler =
  '#!/bin/sh\n[ "$1" = --version ] && echo "g++ 12.2.0" && exit 0\necho "error: no such luck" >&2\nexit 1\n'

// Ways to say on which system there is what are Linux's here.
describe.skipIf(process.platform !== 'linux')('the install script', () => {
  beforeAll(() => {
    fs.mkdirSync(path.join(root, 'scripts'), { recursive: true })
    for (const file of ['scripts/install.mjs', 'package.json', 'dist/binding.gyp', 'native'])
      fs.cpSync(path.join(ROOT, file), path.join(root, file), { recursive: true })
    for (const name of ['node-addon-api', 'node-gyp-build', 'node-gyp'])
      fs.symlinkSync(path.join(ROOT, 'node_modules', name), path.join(home, 'node_modules', name))
  })

  it('without a compiler: says so and what to do, and the install goes on', () => {
    const { status, stdout } = install({})
    expect(status).toBe(0)
    expect(stdout).toMatch(/no C\+\+ compiler found; installed with the JavaScript backend/)
    expect(stdout).toContain('node node_modules/lanewise/scripts/install.mjs')
  })

  it('is an error where the addon is asked for', () => {
    const { status, stderr } = install({}, { LANEWISE_REQUIRE_NATIVE: '1' })
    expect(status).toBe(1)
    expect(stderr).toMatch(/no C\+\+ compiler found; no addon was built/)
  })

  it('a build that fails: the first lines of why, and the install goes on', { timeout: 60_000 }, () => {
    const tools = { make: forward('make'), python3: forward('python3'), 'g++': brokenCompiler }
    const env = { CXX: path.join(bin, 'g++') }
    const first = install(tools, env)
    expect(first.status, first.stdout + first.stderr).toBe(0)
    expect(first.stdout).toMatch(/building the native addon failed after .*installed with the JavaScript backend/)
    expect(first.stderr).toContain('no such luck')
    expect(install(tools, { ...env, LANEWISE_REQUIRE_NATIVE: '1' }).status).toBe(1)
  })

  it("is what npm runs in a clone, and no build of npm's own, which would fail without a compiler", () => {
    const clone = path.join(home, 'clone')
    fs.mkdirSync(clone)
    fs.copyFileSync(path.join(ROOT, 'binding.gyp'), path.join(clone, 'binding.gyp'))
    const { name, version, gypfile, scripts } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
    expect(scripts.prepare).toContain('scripts/install.mjs')
    const prepare = 'echo prepared > prepared'
    fs.writeFileSync(path.join(clone, 'package.json'), JSON.stringify({ name, version, gypfile, scripts: { prepare } }))
    fs.rmSync(bin, { recursive: true, force: true })
    fs.mkdirSync(bin)
    fs.symlinkSync(process.execPath, path.join(bin, 'node'))
    fs.symlinkSync('/bin/sh', path.join(bin, 'sh'))
    const npm = spawnSync('sh', ['-c', 'readlink -f "$(command -v npm)"'], { encoding: 'utf8' }).stdout.trim()
    const env = { PATH: bin, HOME: home }
    const { status, stderr } = spawnSync(process.execPath, [npm, 'install', '--offline'], {
      cwd: clone,
      env,
      encoding: 'utf8',
    })
    expect(status, stderr).toBe(0)
    expect(fs.existsSync(path.join(clone, 'prepared'))).toBe(true)
  })

  it.skipIf(!fs.existsSync(path.join(ROOT, 'build', 'Release', 'lanewise.node')))('takes a prebuilt addon', () => {
    const folder = path.join(root, 'prebuilds', `linux-${process.arch}`)
    fs.mkdirSync(folder, { recursive: true })
    fs.copyFileSync(path.join(ROOT, 'build', 'Release', 'lanewise.node'), path.join(folder, 'lanewise.node'))
    const { status, stdout } = install({})
    expect(status).toBe(0)
    expect(stdout).toContain(`using the prebuilt addon prebuilds/linux-${process.arch}/lanewise.node`)
  })
})
