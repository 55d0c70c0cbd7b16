// Finds or builds the native addon: run by npm install in a clone, by hand where the package has none for the system (as an install
// script of the package it would be blocked by most installers, and pnpm fails then). lanewise works without it, on the JavaScript
// backend, so a failure here fails nothing unless LANEWISE_REQUIRE_NATIVE=1 or --force (rebuild in any case) is set.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'))
const vendored = path.join(root, 'dist', 'vendor', 'node-gyp-build.js')
const addon = path.join(root, 'build', 'Release', 'lanewise.node')
// node-gyp wants it in the root, where the package must not have it (scripts/build-ts.mjs).
const gyp = path.join(root, 'binding.gyp')
const packagedGyp = path.join(root, 'dist', 'binding.gyp')
const force = process.argv.includes('--force')
const required = force || !['', '0', undefined].includes(process.env.LANEWISE_REQUIRE_NATIVE)
const isDependency = root.split(path.sep).includes('node_modules')
const again = isDependency ? 'node node_modules/lanewise/scripts/install.mjs' : 'npm run build:native'
const tools = process.platform === 'darwin' ? 'the Xcode command line tools' : 'g++ and make'
const WITHOUT = required ? 'no addon was built' : 'installed with the JavaScript backend (slower)'

const say = (line) => console.log(`lanewise: ${line}`)

/** Prints why there is no addon, and ends: with 0, unless the addon was asked for. */
function giveUp(reason, log = []) {
  for (const line of log) console.error(`  ${line}`)
  if (required) console.error(`lanewise: ${reason}`)
  else say(reason)
  process.exit(required ? 1 : 0)
}

/** Runs a program; its trimmed output, or undefined when it is missing or fails. */
function output(command, args) {
  const result = spawnSync(command, args, { encoding: 'utf8', windowsHide: true, timeout: 60_000 })
  return result.status === 0 ? result.stdout.trim() : undefined
}

/** Why a process of its own cannot load the addon; undefined when it can. */
function loadError(file) {
  const code = `const { version } = require(process.argv[1]).info()
    if (version !== process.argv[2]) throw new Error('it is of version ' + version)`
  const result = spawnSync(process.execPath, ['-e', code, file, version], { encoding: 'utf8' })
  if (result.status === 0) return undefined
  return (result.stderr.match(/^\w*Error: .*$/m) ?? [`it ended with ${result.signal ?? result.status}`])[0]
}

/** In this package, or in the one of the platform's own (as in src/backend/addon.ts). */
function findPrebuild() {
  process.env.PREBUILDS_ONLY = '1'
  const places = [
    () => require(fs.existsSync(vendored) ? vendored : 'node-gyp-build').resolve(root),
    () => require.resolve(`lanewise-${process.platform}-${process.arch}`),
  ]
  for (const place of places) {
    try {
      return place()
    } catch {}
  }
  return undefined
}

/** Whether the addon that node-gyp built is newer than all it is built from. */
function isFresh() {
  if (!fs.existsSync(addon)) return false
  const built = fs.statSync(addon).mtimeMs
  // not by readdirSync's `recursive`, which Node 18.3 does not know
  const filesIn = (folder) =>
    fs
      .readdirSync(folder, { withFileTypes: true })
      .flatMap((entry) =>
        entry.isDirectory() ? filesIn(path.join(folder, entry.name)) : [path.join(folder, entry.name)],
      )
  const sources = filesIn(path.join(root, 'native'))
  return [...sources, fs.existsSync(gyp) ? gyp : packagedGyp].every((file) => fs.statSync(file).mtimeMs < built)
}

/** { command, label } of the C++ compiler. */
function findCompiler() {
  for (const command of process.env.CXX ? [process.env.CXX] : ['g++', 'clang++', 'c++']) {
    const words = command.split(/\s+/)
    const version = output(words[0], [...words.slice(1), '--version'])?.match(/\d+\.\d+(\.\d+)?/)
    if (version) return { command, label: `${path.basename(words.at(-1))} ${version[0]}` }
  }
  return undefined
}

function findPython() {
  const { NODE_GYP_FORCE_PYTHON, npm_config_python, PYTHON } = process.env
  const names = [NODE_GYP_FORCE_PYTHON, npm_config_python, PYTHON, 'python3', 'python']
  return names.find((name) => name && output(name, ['-c', 'import sys; assert sys.version_info >= (3, 6); print(1)']))
}

function canRequire(name) {
  try {
    require.resolve(name)
    return true
  } catch {
    return false
  }
}

function findNodeGyp() {
  const prefix = path.dirname(fs.realpathSync(process.execPath))
  const npm = ['node_modules', 'npm', 'node_modules', 'node-gyp', 'bin', 'node-gyp.js']
  let ours
  try {
    ours = path.join(path.dirname(require.resolve('node-gyp/package.json')), 'bin', 'node-gyp.js')
  } catch {}
  return [
    ours,
    process.env.npm_config_node_gyp,
    process.env.npm_execpath && path.join(path.dirname(process.env.npm_execpath), '..', ...npm.slice(2)),
    path.join(prefix, '..', 'lib', ...npm),
    path.join(path.dirname(process.execPath), '..', 'lib', ...npm),
    path.join(prefix, ...npm),
  ].find((file) => file && fs.existsSync(file))
}

/** The folder whose include/node holds the headers of the running node, if they are there. */
function findNodeDir() {
  return [process.execPath, fs.realpathSync(process.execPath)]
    .map((file) => path.resolve(path.dirname(file), '..'))
    .find((prefix) => fs.existsSync(path.join(prefix, 'include', 'node', 'node_api.h')))
}

/** One build at a time for a package: waits while another process holds the lock. Returns the release function. */
function lock() {
  const file = path.join(os.tmpdir(), `lanewise-build-${createHash('sha256').update(root).digest('hex').slice(0, 16)}`)
  let said = false
  for (const end = Date.now() + 600_000; ; ) {
    try {
      fs.writeFileSync(file, String(process.pid), { flag: 'wx' })
      return () => fs.rmSync(file, { force: true })
    } catch (error) {
      if (error.code !== 'EEXIST' || Date.now() > end) return () => {}
    }
    try {
      const holder = Number(fs.readFileSync(file, 'utf8'))
      // Ours is not held yet: the number was another's, as in a container that was stopped.
      if (holder === process.pid || (!holder && Date.now() - fs.statSync(file).mtimeMs > 10_000)) fs.rmSync(file)
      else if (holder) {
        process.kill(holder, 0)
        if (!said) say(`waiting for another build, of process ${holder} (or remove ${file})`)
        said = true
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
    } catch (error) {
      if (error.code === 'ESRCH') fs.rmSync(file, { force: true })
      else if (error.code !== 'ENOENT') return () => {}
    }
  }
}

/** The lines of a build log that say what went wrong, at most 15. */
function excerpt(log) {
  const all = log.split(/\r?\n/).filter((line) => line.trim() !== '')
  const compiler = all.filter((line) => !/^(gyp (info|ERR!)|make: )/.test(line))
  const first = compiler.findIndex((line) => /\berror\b[ :]|undefined reference|No such file/i.test(line))
  const lines = first < 0 ? all : compiler
  return first < 0 ? lines.slice(-15) : lines.slice(first, first + 15)
}

/** Says where the log of the build lies. */
function writeLog(log) {
  try {
    fs.mkdirSync(path.join(root, 'build'), { recursive: true })
    fs.writeFileSync(path.join(root, 'build', 'build.log'), log)
    return 'Log: build/build.log'
  } catch (error) {
    return `No log could be kept: ${error.message}`
  }
}

function build() {
  // node-gyp builds with Visual Studio there, and the kernels need g++ or clang.
  if (process.platform === 'win32')
    giveUp(`no addon found; ${WITHOUT}. On x64 a package carries it: npm install lanewise-win32-x64@${version}`)
  const make = process.env.MAKE || (/bsd$/.test(process.platform) ? 'gmake' : 'make')
  const compiler = findCompiler()
  const hint = `Install ${tools}, then: ${again}`
  if (!compiler) giveUp(`no C++ compiler found; ${WITHOUT}. ${hint}`)
  if (output(make, ['--version']) === undefined) giveUp(`make not found; ${WITHOUT}. ${hint}`)
  const python = findPython()
  if (!python) giveUp(`python3 not found; ${WITHOUT}. Install python3, then: ${again}`)
  if (!canRequire('node-addon-api'))
    giveUp(`node-addon-api not found; ${WITHOUT}. Run npm install node-addon-api, then: ${again}`)
  const nodeGyp = findNodeGyp()
  if (!nodeGyp) giveUp(`node-gyp not found; ${WITHOUT}. Run npm install node-gyp, then: ${again}`)

  const args = [
    nodeGyp,
    force ? 'rebuild' : 'configure',
    ...(force ? [] : ['build']),
    '-j',
    'max',
    `--python=${python}`,
  ]
  const nodeDir = findNodeDir()
  if (nodeDir) args.push(`--nodedir=${nodeDir}`)
  const env = { ...process.env }
  // An empty one counts more than --nodedir.
  if (env.npm_config_nodedir === '') delete env.npm_config_nodedir
  // binding.gyp asks `node` for a path: let that be this very node.
  const pathKey = Object.keys(env).find((key) => key.toUpperCase() === 'PATH') ?? 'PATH'
  env[pathKey] = `${path.dirname(process.execPath)}${path.delimiter}${env[pathKey] ?? ''}`
  env.CXX = compiler.command

  const started = performance.now()
  const borrowed = !fs.existsSync(gyp)
  if (borrowed) fs.copyFileSync(packagedGyp, gyp)
  const result = spawnSync(process.execPath, args, { cwd: root, env, encoding: 'utf8', maxBuffer: 1 << 28 })
  if (borrowed) fs.rmSync(gyp)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const log = `${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`
  const kept = writeLog(log)
  if (result.status !== 0)
    giveUp(`building the native addon failed after ${seconds} s (${compiler.label}); ${WITHOUT}. ${kept}`, excerpt(log))
  const error = loadError(addon)
  if (error) giveUp(`the native addon was built but does not load: ${error}; ${WITHOUT}`)
  say(`built the native addon in ${seconds} s (${compiler.label})`)
}

function main() {
  if (!force) {
    if (isFresh() && !loadError(addon)) return say('the native addon is up to date (build/Release/lanewise.node)')
    if (!fs.existsSync(addon)) {
      const prebuild = findPrebuild()
      if (prebuild && !loadError(prebuild)) return say(`using the prebuilt addon ${path.relative(root, prebuild)}`)
    }
  }
  const release = lock()
  process.on('exit', release)
  // Another process may have built it while this one waited.
  if (!force && isFresh() && !loadError(addon))
    return say('the native addon is up to date (build/Release/lanewise.node)')
  build()
}

try {
  main()
} catch (error) {
  giveUp(`building the native addon failed: ${error.message}; ${WITHOUT}. Try: ${again}`)
}
