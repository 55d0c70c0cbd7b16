import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, it } from 'vitest'

const ROOT = path.resolve(import.meta.dirname, '../..')
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lanewise-types-'))
afterAll(() => fs.rmSync(folder, { recursive: true }))

// The package without what a clone has beside it: its types must need no other package, and no skipLibCheck.
it('the types of all entries compile alone', () => {
  const place = path.join(folder, 'node_modules', 'lanewise')
  fs.mkdirSync(place, { recursive: true })
  fs.copyFileSync(path.join(ROOT, 'package.json'), path.join(place, 'package.json'))
  fs.cpSync(path.join(ROOT, 'dist'), path.join(place, 'dist'), { recursive: true })
  const { exports } = JSON.parse(fs.readFileSync(path.join(place, 'package.json'), 'utf8'))
  const entries = Object.keys(exports).filter((name) => !name.endsWith('.json'))
  const lines = entries.map(
    (name, i) => `import * as m${i} from 'lanewise${name.slice(1)}'\nexport const n${i} = m${i}\n`,
  )
  // What people write, with the checks that strict leaves out.
  const use = `
import { accuracy, Affine, cast, type Metric, multiply, Optimizer, subtract, type OptimizerState, type ParameterStore, Sequential, type Tensor } from 'lanewise'
import { linePlot, plot, type Series } from 'lanewise/plot'
export async function figures(model: Sequential, x: Tensor, y: Tensor): Promise<[number, number[]]> {
  const { loss } = await model.evaluate({ x, y }, { signal: undefined })
  await model.fit({ x, y }, { epochs: undefined, callbacks: undefined, validation: loss > 1 ? 0.2 : undefined })
  return [loss, model.predict(x).argmax().toArray<number[]>()]
}
export class Layer extends Affine {
  update = 1
  options = 'own'
}
export const series: readonly Series[] = [{ name: 'a', x: [1], y: [null], faint: undefined }]
export const sameShape = linePlot({ series })
export const drawn = plot({ epoch: [1], history: { loss: [null] }, steps: undefined }, 'a.svg')
export const unshared: (t: Tensor) => ArrayBuffer = (t) => t.toTypedArray().buffer
// @ts-expect-error a function is no metric, though it has a name and a call
export const metric: Metric = accuracy
export class Descent extends Optimizer {
  protected readonly slotCount = 0
  protected override emit(store: ParameterStore, _state: OptimizerState): void {
    subtract(store.values, multiply(store.gradients, cast(this.rate, store.dtype)), store.values)
  }
}
`
  fs.writeFileSync(path.join(folder, 'all.mts'), lines.join('') + use)
  // There is no default export.
  const not = "// @ts-expect-error\nimport lanewise from 'lanewise'\nexport type None = typeof lanewise\n"
  fs.writeFileSync(path.join(folder, 'all.cts'), lines.join('') + not)
  const compilerOptions = {
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noImplicitOverride: true,
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2022'],
    types: [],
    noEmit: true,
    skipLibCheck: false,
  }
  fs.writeFileSync(
    path.join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: ['all.mts', 'all.cts'] }),
  )
  const tsc = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
  const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' })
  expect(stdout).toBe('')
  expect(status).toBe(0)
}, 60_000)
