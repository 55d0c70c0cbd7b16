// Which programs fast-check makes: of each argument what its name and type ask for, at times anything else.
import fc from 'fast-check'
import { fieldsOf } from './declarations.mjs'
import { anything, BY_NAME, fn, model } from './named.mjs'
import {
  dtype,
  floats,
  floatTensor,
  integer,
  junk,
  number,
  plainValues,
  sizes,
  string,
  tensorOf,
  usual,
} from './recipes.mjs'

const of = fc.constantFrom

/** Whether a call may ask for steps that take hours: that is no hang. */
const takesHours = ({ call, args }) => /replay|fit/.test(call) && /\b2147483647\b/.test(JSON.stringify(args))

export function arbitraries({ targets, interfaces }) {
  const cache = new Map()
  const objectOf = (fields) =>
    fc.record(Object.fromEntries(fields.map(({ name, type }) => [name, mostly(placeOf(name, type))])), {
      requiredKeys: fields.filter((f) => !f.optional).map((f) => f.name),
    })
  /** What is right at a place, by the name and the text of the type that are declared there. */
  function placeOf(name, type) {
    const key = `${name}: ${type}`
    if (!cache.has(key)) {
      cache.set(key, junk) // while types that name themselves are worked out
      cache.set(key, right(name, type))
    }
    return cache.get(key)
  }
  function right(name, type) {
    if (Object.hasOwn(BY_NAME, name)) return BY_NAME[name]
    if (/^\{/.test(type)) return objectOf(fieldsOf(type.slice(1, -1)))
    const literals = [...type.matchAll(/'(\w+)'/g)].map(([, text]) => text)
    if (literals.length) return of(...literals)
    if (/DType/.test(type)) return /Float/.test(type) ? floats : dtype
    if (/Shape|number\[\]/.test(type)) return sizes
    if (/Values/.test(type)) return fc.oneof({ weight: 3, arbitrary: floatTensor }, plainValues)
    if (/Tensor/.test(type))
      return /number/.test(type) ? fc.oneof({ weight: 3, arbitrary: floatTensor }, number) : floatTensor
    if (/^boolean$/.test(type)) return fc.boolean()
    if (/^number$/.test(type))
      return /^(n|by|classes|start|end|units|seed|axis|count|batchSize|patience|input|hidden|output|words|offset)$/.test(
        name,
      )
        ? integer
        : number
    if (/^string$/.test(type)) return string
    if (/=>/.test(type)) return fn
    if (/Initializer/.test(type)) return BY_NAME.initializer
    if (/Record/.test(type))
      return fc.dictionary(of('loss', 'accuracy', 'valLoss'), fc.oneof(number, plainValues), { maxKeys: 3 })
    const known = interfaces.get(type.replace(/\W/g, ''))
    return known?.length ? objectOf(known) : anything
  }
  const mostly = (arbitrary) =>
    fc.oneof({ weight: 30, arbitrary }, { weight: 2, arbitrary: junk }, { weight: 1, arbitrary: anything })

  function receiverOf(className) {
    if (className === 'Tensor') return floatTensor
    if (className === 'Sequential') return fc.oneof({ weight: 20, arbitrary: model }, fc.constant(['knot', 'model']))
    if (className === 'Tape') return fc.tuple(fc.constant('tape'), tensorOf(usual, floats))
    if (className === 'ParameterStore') return BY_NAME.store
    if (className === 'Parameter') return fc.constant(['parameter'])
    if (className === 'History') return fc.nat(3).map((n) => ['history', n])
    const [signature = []] = targets.get(`new ${className}`).signatures
    return fc
      .tuple(...signature.map(({ name, type }) => placeOf(name, type)))
      .map((args) => ['construct', className, ...args])
  }
  const mode = of('', '', '', '', 'backward', 'backward', 'record', 'noGrad')
  const optional = (arbitrary, isOptional) => (isOptional ? fc.oneof(fc.constant(['undefined']), arbitrary) : arbitrary)
  function stepOf(target) {
    const lists = target.signatures.map((signature) =>
      fc.tuple(...signature.map(({ name, type, optional: o }) => optional(mostly(placeOf(name, type)), o))),
    )
    if (lists.length === 0) lists.push(fc.constant([]))
    const args = fc.oneof(
      { weight: 8, arbitrary: fc.oneof(...lists) },
      { weight: 1, arbitrary: fc.array(fc.oneof(junk, anything), { maxLength: 5 }) },
    )
    const owner = target.name.replace(/^(get |set )?/, '').split('#')[0]
    const on = target.Class
      ? fc.oneof({ weight: 30, arbitrary: receiverOf(owner) }, fc.constant(['fake', owner]))
      : fc.constant(null)
    return fc.record({ call: fc.constant(target.name), on, args, mode })
  }
  const all = [...targets.values()]
  const step = fc.oneof(...all.map(stepOf))
  // On what a step before has given: a method by name, or a call of it.
  const methods = [
    ...new Set(all.filter((t) => t.access === 'call' && typeof t.key === 'string').map((t) => `#${t.key}`)),
    '()',
  ]
  const later = fc.record({
    call: of(...methods),
    on: fc.nat(2).map((i) => ['result', i]),
    args: fc.array(mostly(anything), { maxLength: 3 }),
    mode,
  })
  return fc
    .tuple(step, fc.array(fc.oneof(step, later, later), { maxLength: 2 }))
    .map(([first, rest]) => [first, ...rest])
    .filter((program) => !program.some(takesHours))
}
