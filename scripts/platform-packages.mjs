// Makes the packages that carry the addons of Windows and macOS, one each, in build-prebuild/packages: in lanewise itself they
// would take it over 3 MB. Prints their folders. With --manifest, names them in package.json as optional dependencies as well:
// done for a release alone, after they are published, since what a developer installs cannot depend on what is not there yet.
import * as fs from 'node:fs'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')
const manifestFile = path.join(root, 'package.json')
const manifest = JSON.parse(fs.readFileSync(manifestFile, 'utf8'))
const { version, license, engines, repository } = manifest
const systems = { win32: 'Windows', darwin: 'macOS' }
const names = ['win32-x64', 'darwin-x64', 'darwin-arm64']

for (const platform of names) {
  const addon = path.join(root, 'prebuilds', platform, 'lanewise.node')
  if (!fs.existsSync(addon)) {
    // A release has all of them; a test makes the one it tests.
    if (process.argv.includes('--manifest')) throw new Error(`${addon} is missing: npm run prebuilds -- ${platform}`)
    continue
  }
  const [os, cpu] = platform.split('-')
  const folder = path.join(root, 'build-prebuild', 'packages', `lanewise-${platform}`)
  fs.rmSync(folder, { recursive: true, force: true })
  fs.mkdirSync(folder, { recursive: true })
  fs.copyFileSync(addon, path.join(folder, 'lanewise.node'))
  fs.copyFileSync(path.join(root, 'LICENSE'), path.join(folder, 'LICENSE'))
  const description = `The native addon of lanewise for ${systems[os]} on ${cpu}`
  const readme = `# lanewise-${platform}\n\n${description}. Install \`lanewise\`, which depends on it.\n`
  fs.writeFileSync(path.join(folder, 'README.md'), readme)
  const own = { name: `lanewise-${platform}`, version, description, license, repository, engines, os: [os], cpu: [cpu] }
  const text = JSON.stringify({ ...own, main: 'lanewise.node', files: ['lanewise.node'] }, null, 2)
  fs.writeFileSync(path.join(folder, 'package.json'), `${text}\n`)
  console.log(path.relative(root, folder))
}

if (process.argv.includes('--manifest')) {
  Object.assign(
    manifest.optionalDependencies,
    Object.fromEntries(names.map((platform) => [`lanewise-${platform}`, version])),
  )
  fs.writeFileSync(manifestFile, `${JSON.stringify(manifest, null, 2)}\n`)
}
