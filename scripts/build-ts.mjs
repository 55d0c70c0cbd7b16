// Compiles src/ to dist/ (CommonJS) and writes, for each entry of package.json `exports`, an ES module beside it that
// re-exports the very same CommonJS file: import and require share one copy of every module's state.
// Usage: node scripts/build-ts.mjs [--force]. Does nothing when no input changed since the last build.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync, transformSync } from 'esbuild'

const require = createRequire(import.meta.url)
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const dist = path.join(root, 'dist')
const stampFile = path.join(dist, '.stamp')
const force = process.argv.includes('--force')

const { exports: exported, version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'))
/** Files without their ending: 'data/index', … */
const entries = Object.values(exported)
  .filter((target) => typeof target === 'object')
  .map((target) => target.require.default.replace(/^\.\/dist\/|\.js$/g, ''))

function fail(message) {
  console.error(`build-ts: ${message}`)
  process.exit(1)
}

function filesUnder(directory) {
  return fs
    .readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(directory, path.join(entry.parentPath ?? entry.path, entry.name)))
    .sort()
}

/** Names, sizes and modification times of all that the output depends on. */
function fingerprint() {
  const inputs = ['tsconfig.json', 'package.json', 'binding.gyp', 'scripts/build-ts.mjs']
  const hash = createHash('sha256')
  for (const file of [...filesUnder(path.join(root, 'src')).map((name) => `src/${name}`), ...inputs]) {
    const { mtimeMs, size } = fs.statSync(path.join(root, file))
    hash.update(`${file} ${mtimeMs} ${size}\n`)
  }
  return hash.digest('hex')
}

function isUpToDate(stamp) {
  try {
    const { inputs, outputs } = JSON.parse(fs.readFileSync(stampFile, 'utf8'))
    return inputs === stamp && outputs.every((file) => fs.existsSync(path.join(dist, file)))
  } catch {
    return false
  }
}

function compile(out) {
  let bin
  try {
    const manifest = require.resolve('typescript/package.json')
    bin = path.join(path.dirname(manifest), require(manifest).bin.tsc)
  } catch {
    fail('TypeScript is not installed: run npm install')
  }
  const pretty = String(!!process.stdout.isTTY)
  const args = [bin, '-p', path.join(root, 'tsconfig.json'), '--outDir', out, '--pretty', pretty]
  const result = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  if (result.error) throw result.error
  if (result.status === 0) return
  process.stderr.write(result.stdout + result.stderr)
  const count = (result.stdout.match(/error TS\d+/g) ?? []).length
  const reason = count ? `${count} type error${count === 1 ? '' : 's'}` : 'tsc failed'
  throw new Error(`${reason}; dist/ is unchanged`)
}

/** Puts the libraries' code where src/vendor names them, with their licences: an installed package needs no other one. */
function bundle(out) {
  const folder = path.join(out, 'vendor')
  const packages = new Set()
  for (const source of filesUnder(path.join(root, 'src', 'vendor'))) {
    const outfile = path.join(folder, source.replace(/ts$/, 'js'))
    const options = {
      absWorkingDir: root,
      bundle: true,
      minify: true,
      platform: 'node',
      target: 'node18',
      format: 'cjs',
      metafile: true,
    }
    const { metafile } = buildSync({ entryPoints: [path.join(root, 'src', 'vendor', source)], outfile, ...options })
    if (source === 'node-gyp-build.ts') withoutProbes(outfile)
    for (const input of Object.keys(metafile.inputs)) {
      const found = input.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0]
      if (found) packages.add(path.join(root, found))
    }
  }
  const users = new Map()
  for (const folder of [...packages].sort()) {
    const licence = fs.readdirSync(folder).find((file) => /^licen[cs]e/i.test(file))
    if (!licence) throw new Error(`${folder} has no licence to bundle it by`)
    const text = fs.readFileSync(path.join(folder, licence), 'utf8').trim()
    const name = path.basename(folder)
    users.set(text, [...(users.get(text) ?? []), name])
  }
  const texts = [...users].map(([text, names]) => `${names.join(', ')}:\n\n${text}\n`)
  fs.writeFileSync(path.join(folder, 'LICENSES.txt'), texts.join('\n\n'))
}

/**
 * One addon serves glibc and musl: the question which it is would be an error where Node may read its own folder only. And other
 * bundlers take what node-gyp-build loads files by for their own.
 */
function withoutProbes(file) {
  let code = fs.readFileSync(file, 'utf8')
  for (const [probe, instead] of [
    [/\w+\.existsSync\("\/etc\/alpine-release"\)/g, 'false'],
    [
      'typeof __webpack_require__=="function"?__non_webpack_require__:require',
      'require("module").createRequire(process.execPath)',
    ],
  ]) {
    const changed = code.replaceAll(probe, instead)
    if (changed === code) throw new Error(`node-gyp-build no longer has ${probe}`)
    code = changed
  }
  fs.writeFileSync(file, code)
}

/** The version itself: tsx and some bundlers do not find package.json from a file of the package. */
function writeVersion(out) {
  const file = path.join(out, 'version.js')
  const code = fs.readFileSync(file, 'utf8')
  const changed = code.replace("require('../package.json').version", JSON.stringify(version))
  if (changed === code) throw new Error('src/version.ts no longer reads package.json')
  fs.writeFileSync(file, changed)
}

/** Comments stay in the declarations, where editors show them; in the code they would be a tenth of its size. Lines and names stay. */
function stripComments(out) {
  for (const name of filesUnder(out).filter((file) => file.endsWith('.js'))) {
    const file = path.join(out, name)
    const { code } = transformSync(fs.readFileSync(file, 'utf8'), {
      target: 'es2022',
      legalComments: 'none',
      minifySyntax: true,
    })
    const bare = code
      .replace(/^ *\/\*\*[\s\S]*?\*\/\n/gm, '') // esbuild leaves those within classes
      .replaceAll('enumerable: !0, get', 'enumerable: true, get') // so Node finds the names that a CommonJS file has for import
    // Where no text goes over several lines, tabs are shorter.
    const hasText = bare.split('\n').some((line) => line.split('`').length % 2 === 0)
    fs.writeFileSync(file, hasText ? bare : bare.replace(/^ +/gm, (spaces) => '\t'.repeat(spaces.length / 2)))
  }
}

function wrap(out, base) {
  const file = path.join(out, `${base}.js`)
  let names
  try {
    names = Object.keys(require(file)).filter((key) => key !== '__esModule' && key !== 'default')
  } catch (error) {
    throw new Error(`dist/${base}.js does not load: ${error.stack}`)
  }
  const here = `./${path.basename(base)}.js`
  const list = names.sort().map((key) => `  ${key},\n`)
  const body = names.length ? `import cjs from '${here}'\n\nexport const {\n${list.join('')}} = cjs\n` : 'export {}\n'
  fs.writeFileSync(path.join(out, `${base}.mjs`), body)
  // Else TypeScript takes it that `import lanewise from 'lanewise'` in a CommonJS file has something.
  fs.appendFileSync(path.join(out, `${base}.d.ts`), 'export declare const __esModule: true\n')
  fs.writeFileSync(path.join(out, `${base}.d.mts`), `export * from '${here}'\n`)
}

/** Drops declarations that no entry leads to: they would be a fifth of all. */
function pruneDeclarations(out) {
  const reached = new Set()
  const reach = (file) => {
    if (reached.has(file) || !fs.existsSync(file)) return
    reached.add(file)
    const imports = fs.readFileSync(file, 'utf8').matchAll(/(?:from|import|module)\s*\(?["'](\.[^"']+)\.js["']/g)
    for (const [, name] of imports) reach(path.join(path.dirname(file), `${name}.d.ts`))
  }
  for (const base of entries) reach(path.join(out, `${base}.d.ts`))
  for (const name of filesUnder(out).filter((file) => file.endsWith('.d.ts')))
    if (!reached.has(path.join(out, name))) fs.rmSync(path.join(out, name))
}

/** Moves the fresh files over the old ones, each in one step, then drops what is left over: dist/ is never missing. */
function publish(out, stamp) {
  const outputs = filesUnder(out)
  for (const file of outputs) {
    const target = path.join(dist, file)
    fs.mkdirSync(path.dirname(target), { recursive: true })
    fs.renameSync(path.join(out, file), target)
  }
  const keep = new Set(outputs)
  for (const file of filesUnder(dist)) if (!keep.has(file)) fs.rmSync(path.join(dist, file), { force: true })
  removeEmptyFolders(dist)
  const temporary = `${stampFile}.${process.pid}`
  fs.writeFileSync(temporary, JSON.stringify({ inputs: stamp, outputs }))
  fs.renameSync(temporary, stampFile)
}

function removeEmptyFolders(directory) {
  for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue
    const child = path.join(directory, entry.name)
    removeEmptyFolders(child)
    if (fs.readdirSync(child).length === 0) fs.rmdirSync(child)
  }
}

const started = performance.now()
const stamp = fingerprint()
if (!force && isUpToDate(stamp)) process.exit(0)

// The modules are loaded to learn their names; that must not depend on whether an addon is built.
process.env.LANEWISE_BACKEND = 'js'
delete process.env.LANEWISE_ISA
// As deep in the tree as dist/, so that relative paths to the package hold.
const out = path.join(root, `build-ts-${process.pid}`)
try {
  fs.rmSync(out, { recursive: true, force: true })
  compile(out)
  writeVersion(out)
  stripComments(out)
  bundle(out)
  for (const base of entries) wrap(out, base)
  pruneDeclarations(out)
  // The package has it here: for one in its root Yarn and pnpm 9 run node-gyp at each install, and fail without a compiler.
  fs.copyFileSync(path.join(root, 'binding.gyp'), path.join(out, 'binding.gyp'))
  publish(out, stamp)
  console.log(`build-ts: built dist/ in ${((performance.now() - started) / 1000).toFixed(1)} s`)
} catch (error) {
  console.error(`build-ts: ${error.message}`)
  process.exitCode = 1
} finally {
  fs.rmSync(out, { recursive: true, force: true })
}
