import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import * as lw from '../src/index.js'

// What CONTRIBUTING.md asks for with a new layer, loss, metric or optimizer, and no other test would miss.

type Class = abstract new (...args: never[]) => unknown
const words = (text: string | undefined) => text?.match(/\w+/g) ?? []
const exported = Object.entries(lw as Record<string, unknown>)
const kinds = (Base: Class) =>
  exported.filter(([, v]) => typeof v === 'function' && v.prototype instanceof Base).map(([name]) => name)
const LAYERS = kinds(lw.Module).filter((name) => name !== 'Sequential')
const OPTIMIZERS = kinds(lw.Optimizer)
const METRICS = namesOf({ loss: 'mse', metrics: ['none'] }).filter((name) => name.length > 3) // mse and mae are other names
const source = (file: string) => readFileSync(file, 'utf8')

/** What compile says it knows, where it is given another name. */
function namesOf(options: object): string[] {
  const model = new lw.Sequential({ input: [1], layers: [new lw.Affine(1)] })
  try {
    model.compile(options as lw.CompileOptions)
  } catch (error) {
    return words((error as Error).message.match(/one of (.*), received/)?.[1])
  }
  return []
}

/** The first line of README.md's table of what there is that begins so. */
function row(kind: string): string[] {
  return words(
    source('README.md')
      .split('\n')
      .find((line) => line.startsWith(`| ${kind} `)),
  )
}

/** What a list has not of what it should. */
const lacking = (list: readonly string[], names: readonly string[]) => names.filter((name) => !list.includes(name))

it.each([
  ['layers', LAYERS],
  ['optimizers', OPTIMIZERS],
  ['losses', Object.keys(lw.losses)],
  ['metrics', METRICS],
])("README.md's table has all %s", (kind, names) => {
  expect(names.length).toBeGreaterThan(3)
  expect(lacking(row(kind), names), `in the row of ${kind} of README.md's table`).toEqual([])
})

it('layers keep their names in a bundle, and predict records them', () => {
  const listed = words(source('src/nn/layers.ts').match(/const LAYERS = \{([^}]*)\}/)?.[1])
  expect(lacking(listed, LAYERS), 'in LAYERS of src/nn/layers.ts').toEqual([])
})

/** Layers that are made with a number. */
const NEEDED = ['Affine']

it.each(LAYERS)('a cross-entropy after %s is an error, or its outputs are probabilities', (name) => {
  const Layer = (lw as unknown as Record<string, new (units?: number) => lw.Module>)[name]
  const units = NEEDED.includes(name) ? [3] : []
  const layers = [new lw.Affine(3), new Layer(...units)]
  const model = new lw.Sequential({ input: [2], layers, seed: 1 })
  const rows = model.predict(lw.normal(lw.randomState(2), [50, 2], 0, 9))
  const probable = rows.data.every((p) => p >= 0 && p <= 1)
  const compile = () => model.compile({ loss: 'categoricalCrossentropy' })
  // Flatten gives what it was given.
  if (probable || name === 'Flatten') expect(compile).not.toThrow()
  else expect(compile, `${name} in NO_PROBABILITIES of src/losses/named.ts`).toThrow(lw.ValueError)
})

it('a name for every loss and optimizer', () => {
  const lower = (names: readonly string[]) => names.map((name) => name.toLowerCase())
  const losses = lacking(namesOf({ loss: 'none' }), Object.keys(lw.losses))
  expect(losses, 'in NAMED of src/losses/named.ts').toEqual([])
  const optimizers = lacking(lower(namesOf({ loss: 'mse', optimizer: 'none' })), lower(OPTIMIZERS))
  expect(optimizers, 'in NAMED of src/optimizers/index.ts').toEqual([])
})

it.each(OPTIMIZERS)('%s keeps its name in a bundle, and tells who sets what it does not read', (name) => {
  const listed = words(source('src/optimizers/index.ts').match(/keepNames\(\{([^}]*)\}\)/)?.[1])
  expect(listed, 'in keepNames of src/optimizers/index.ts').toContain(name)
  const Optimizer = (lw as unknown as Record<string, new () => object>)[name]
  expect(() => Object.assign(new Optimizer(), { lr: 0.1 }), 'in the list below keepNames').toThrow(lw.ValueError)
})
