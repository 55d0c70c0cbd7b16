// Everything a caller can call: found in what the entries of package.json export, so that a new export is fuzzed too.
import path from 'node:path'
import { readDeclarations } from './declarations.mjs'

const isClass = (f) => /^class\b/.test(Function.prototype.toString.call(f))

/** Prototypes of a class from its own to that of its first ancestor. */
function* prototypes(Class) {
  for (let p = Class.prototype; p && p !== Object.prototype && p !== Error.prototype; p = Object.getPrototypeOf(p))
    yield p
}

/** Map of name → { f, construct } or { Class, key, access }; `signatures` is what their declarations say of arguments. */
export function findTargets(root, require) {
  const { exports } = require(path.join(root, 'package.json'))
  const declarations = readDeclarations(path.join(root, 'dist'))
  const targets = new Map()
  const classes = new Map()
  const add = (name, target, key) =>
    targets.set(name, { name, ...target, signatures: declarations.signatures.get(key) ?? [] })

  function addClass(name, Class) {
    if (classes.has(Class)) return
    classes.set(Class, name)
    add(`new ${name}`, { f: Class, construct: true }, `new ${Class.name}`)
    for (const p of prototypes(Class)) {
      const owner = p.constructor.name
      for (const key of Reflect.ownKeys(p)) {
        if (key === 'constructor' || declarations.hidden.has(`${owner}.${String(key)}`)) continue
        const { value, get, set } = Object.getOwnPropertyDescriptor(p, key)
        const id = `${name}#${String(key)}`
        if (targets.has(id)) continue
        if (typeof value === 'function') add(id, { Class, key, access: 'call' }, `${owner}#${String(key)}`)
        if (get) add(`get ${id}`, { Class, key, access: 'get' }, '')
        if (set) add(`set ${id}`, { Class, key, access: 'set' }, `${owner}#set`)
      }
    }
  }

  function addAll(prefix, object) {
    for (const [key, value] of Object.entries(object)) {
      const name = prefix + key
      if (typeof value === 'object' && value !== null) addAll(`${name}.`, value)
      if (typeof value !== 'function') continue
      if (isClass(value)) addClass(name, value)
      else add(name, { f: value }, key)
    }
  }
  const modules = {}
  for (const [entry, target] of Object.entries(exports)) {
    const file = target.require?.default
    if (!file) continue
    const name = entry === '.' ? 'lanewise' : entry.slice(2)
    modules[name] = require(path.join(root, file))
    addAll(entry === '.' ? '' : `${name}/`, modules[name])
  }
  return { targets, modules, interfaces: declarations.interfaces }
}
