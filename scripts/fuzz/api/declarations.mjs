// What dist/*.d.ts say of arguments, read with regular expressions: enough to guess arguments that may be right.
import * as fs from 'node:fs'
import path from 'node:path'

/** Splits at separators that stand outside of all brackets. */
function splitTop(text, separator) {
  const parts = ['']
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const c = text[i]
    if ('([{<'.includes(c)) depth++
    else if (')]}'.includes(c) || (c === '>' && text[i - 1] !== '=')) depth--
    if (c === separator && depth === 0) parts.push('')
    else parts[parts.length - 1] += c
  }
  return parts.map((part) => part.trim()).filter(Boolean)
}

/** From the text after an opening parenthesis: [{ name, type, optional }]. */
function parametersOf(text) {
  let depth = 1
  let end = 0
  for (; end < text.length && depth > 0; end++)
    depth += '([{'.includes(text[end]) ? 1 : ')]}'.includes(text[end]) ? -1 : 0
  return splitTop(text.slice(0, end - 1).replace(/\/\*[\s\S]*?\*\//g, ''), ',').map(fieldOf)
}

function fieldOf(text) {
  const found = /^(?:readonly |private |protected |\.\.\.)*(\w+)(\??):\s*([\s\S]*)$/.exec(text)
  if (found === null) return { name: text, optional: true, type: 'any' }
  const [, name, optional, type] = found
  return { name, optional: optional === '?', type: type.trim() }
}

/** The fields of an object type's text between its braces. */
export function fieldsOf(text) {
  return splitTop(text.replace(/\/\*[\s\S]*?\*\//g, ''), ';').flatMap((part) =>
    /^[\w ]+\??:/.test(part) ? [fieldOf(part)] : [],
  )
}

function readClass(name, body, hidden, push) {
  for (const [, key] of body.matchAll(/^ {4}(?:private|protected) (?:readonly |abstract |static |get |set )*(\w+)/gm))
    hidden.add(`${name}.${key}`)
  for (const match of body.matchAll(/^ {4}(?:abstract |set )?(\w+)(?:<[^>]*>)?\(/gm)) {
    const parameters = parametersOf(body.slice(match.index + match[0].length))
    push(
      match[1] === 'constructor' ? `new ${name}` : `${name}#${/ set /.test(match[0]) ? 'set' : match[1]}`,
      parameters,
    )
  }
}

export function readDeclarations(folder) {
  const [signatures, hidden, interfaces] = [new Map(), new Set(), new Map()]
  const push = (key, parameters) => signatures.set(key, [...(signatures.get(key) ?? []), parameters])
  const files = fs.readdirSync(folder, { recursive: true }).filter((file) => file.endsWith('.d.ts'))
  for (const file of files.sort()) {
    const text = fs.readFileSync(path.join(folder, file), 'utf8')
    for (const match of text.matchAll(/^export declare (?:function|const) (\w+)(?:<[^>]*>)?(?:: )?\(/gm))
      push(match[1], parametersOf(text.slice(match.index + match[0].length)))
    for (const [, name, body] of text.matchAll(/^\s*(?:export )?interface (\w+)[^{]*\{\n([\s\S]*?)^\s?(?: {3})?\}/gm)) {
      interfaces.set(name, [...(interfaces.get(name) ?? []), ...fieldsOf(body)])
      readClass(name, body.replace(/^ {8}/gm, '    '), hidden, push)
    }
    for (const [, name, body] of text.matchAll(
      /^(?:export )?(?:export )?declare (?:abstract )?class (\w+)[^{]*\{\n([\s\S]*?)^\}/gm,
    )) {
      readClass(name, body, hidden, push)
    }
  }
  return { signatures, hidden, interfaces }
}
