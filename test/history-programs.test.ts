import { expect, it } from 'vitest'
import * as lw from '../src/index.js'
import { eachBackend } from './backends.js'
import { Random } from './differential/random.js'

// Random programs that write into slices and reshapes of shared buffers, beside dual numbers (forward mode): what backward() does not
// refuse must be their derivative, element by element.

const N = 4
/** A value, its derivative by each element of the leaf, and when it was written. */
interface Cell {
  v: number
  d: number[]
  at: number
}
const constant = (v: number, at: number): Cell => ({ v, d: new Array(N).fill(0), at })

/** A tensor: which cells it is a view of, and since when it is cut off from their histories (a view made within noGrad). */
interface Known {
  t: lw.Tensor
  cells: Cell[]
  first: number
  cutAt: number
  ofLeaf: boolean
}

/** Each with its value and derivatives for one element. */
const UNARY: [(x: lw.Tensor, out?: lw.Tensor) => lw.Tensor, (v: number) => number, (v: number) => number][] = [
  [lw.square, (v) => v * v, (v) => 2 * v],
  [lw.tanh, Math.tanh, (v) => 1 - Math.tanh(v) ** 2],
  [(x, out) => lw.scale(x, 0.5, 1, out), (v) => 0.5 * v + 1, () => 0.5],
  [lw.negate, (v) => -v, () => -1],
]
const BINARY: [typeof lw.add, (a: number, b: number) => number, (a: number, b: number) => [number, number]][] = [
  [lw.add, (a, b) => a + b, () => [1, 1]],
  [lw.subtract, (a, b) => a - b, () => [1, -1]],
  [lw.multiply, (a, b) => a * b, (a, b) => [b, a]],
]

class Program {
  private now = 0
  readonly leaf = lw.tensor([0.5, -0.25, 0.75, 1], { dtype: 'float64', requiresGrad: true })
  private readonly known: Known[] = []
  /** Parts of the loss, and what they are by dual numbers. */
  readonly losses: { t: lw.Tensor; d: number[] }[] = []

  constructor(private readonly random: Random) {
    const own = Array.from(this.leaf.data, (v, i) => ({
      v,
      d: Array.from(this.leaf.data, (_, j) => +(i === j)),
      at: -1,
    }))
    this.known.push({ t: this.leaf, cells: own, first: 0, cutAt: -1, ofLeaf: true })
    for (let k = 0; k < 2; k++) {
      const t = lw.tensor(Array.from({ length: N }, this.number), { dtype: 'float64' })
      const cells = Array.from(t.data, (v) => constant(v, -1))
      this.known.push({ t, cells, first: 0, cutAt: -1, ofLeaf: false })
    }
  }

  private number = () => this.random.below(17) / 8 - 1

  private read(k: Known): Cell[] {
    const cells = k.cells.slice(k.first, k.first + k.t.size)
    return cells.map((c) => ((k.ofLeaf ? k.cutAt < 0 : c.at > k.cutAt) ? c : constant(c.v, c.at)))
  }

  private write(k: Known, cells: readonly Cell[]): void {
    this.now++
    for (const [i, { v, d }] of cells.entries()) {
      const c = k.cells[k.first + i]
      Object.assign(c, k.ofLeaf ? { v } : { v, d, at: this.now })
    }
  }

  private view(): void {
    const of = this.random.pick(this.known)
    const cut = this.random.chance(0.15)
    const from = this.random.below(of.t.size)
    const make = this.random.chance(0.3)
      ? () => of.t.reshape([of.t.size])
      : () => of.t.slice(from, from + 1 + this.random.below(of.t.size - from))
    const t = cut ? lw.noGrad(make) : make()
    this.known.push({ ...of, t, first: of.first + t.offset - of.t.offset, cutAt: cut ? ++this.now : of.cutAt })
  }

  /** A place for a result of these, unless memory is only partly the same, which ops refuse. */
  private place(inputs: readonly Known[], noGrad: boolean): Known | undefined {
    const out = this.random.pick(this.known)
    const fits = out.t.size === inputs[0].t.size && (noGrad || !out.ofLeaf)
    const partly = inputs.some(
      (k) => k.cells === out.cells && k.first !== out.first && Math.abs(k.first - out.first) < k.t.size,
    )
    return fits && !partly ? out : undefined
  }

  private constant(recorded: boolean): void {
    const to = this.random.pick(this.known)
    const v = this.number()
    if (recorded || this.random.chance(0.5)) lw.fill(to.t, v)
    else to.t.set(new Float64Array(to.t.size).fill(v))
    this.write(
      to,
      this.read(to).map(() => constant(v, 0)),
    )
  }

  private op(): void {
    const noGrad = this.random.chance(0.2)
    const a = this.random.pick(this.known)
    const b = this.random.pick(this.known.filter((k) => k.t.size === a.t.size))
    const out = this.place([a, b], noGrad)
    const [x, y] = [this.read(a), this.read(b)]
    let call: () => lw.Tensor
    let cells: Cell[]
    if (this.random.chance(0.5)) {
      const [f, value, slope] = this.random.pick(UNARY)
      call = () => f(a.t, out?.t)
      cells = x.map(({ v, d }) => ({ v: value(v), d: d.map((g) => g * slope(v)), at: 0 }))
    } else {
      const [f, value, slopes] = this.random.pick(BINARY)
      call = () => f(a.t, b.t, out?.t)
      cells = x.map(({ v, d }, i) => {
        const [p, q] = slopes(v, y[i].v)
        return { v: value(v, y[i].v), d: d.map((g, j) => p * g + q * y[i].d[j]), at: 0 }
      })
    }
    if (noGrad) cells = cells.map(({ v }) => constant(v, 0))
    const t = noGrad ? lw.noGrad(call) : call()
    if (out) this.write(out, cells)
    else this.known.push({ t, cells: cells.map((c) => ({ ...c, at: ++this.now })), first: 0, cutAt: -1, ofLeaf: false })
  }

  private lose(): void {
    const k = this.random.pick(this.known)
    const d: number[] = new Array(N).fill(0)
    for (const c of this.read(k)) for (let j = 0; j < N; j++) d[j] += 2 * c.v * c.d[j]
    this.losses.push({ t: lw.sum(lw.square(k.t)), d })
  }

  /** One step; what an op refuses (an out that is an input) was not done. */
  step(recorded: boolean): void {
    const what = this.random.below(10)
    try {
      if (what < 3) this.view()
      else if (what < 4) this.constant(recorded)
      else if (what < 8) this.op()
      else this.lose()
    } catch (error) {
      if (!(error instanceof lw.StateError)) throw error
    }
  }
}

interface Tally {
  refused: number
  right: number
}

/** The gradient of a part of the loss, in memory of its own; undefined where that is refused. */
function gradientOf(leaf: lw.Tensor, t: lw.Tensor): lw.Tensor | 'none' | undefined {
  leaf.grad = undefined
  try {
    lw.backward(t)
  } catch (error) {
    if (!(error instanceof lw.StateError)) throw error
    return error.message.includes('without history') ? 'none' : undefined
  }
  return leaf.grad ?? 'none'
}

function run(seed: number, recorded: boolean, tally: Tally): void {
  const program = new Program(new Random(seed, 'history', 0))
  const { leaf, losses } = program
  let gradients: ReturnType<typeof gradientOf>[] = []
  const all = () => {
    for (let i = 0; i < 14; i++) program.step(recorded)
    gradients = losses.map(({ t }) => gradientOf(leaf, t))
  }
  if (recorded)
    lw.record(() => {
      lw.fill(lw.full([1], 0), 1) // at least one command
      all()
    }).replay()
  else all()
  for (const [i, gradient] of gradients.entries()) {
    if (gradient === undefined) {
      tally.refused++
      continue
    }
    tally.right++
    const got = gradient === 'none' ? new Array(N).fill(0) : [...gradient.data]
    const bad = losses[i].d.some((d, j) => !(Math.abs(got[j] - d) <= 1e-9 * (1 + Math.abs(d))))
    expect(bad ? { seed, i, got, expected: losses[i].d } : undefined).toBeUndefined()
  }
}

eachBackend(() => {
  it.each([false, true])('1,500 of them, recorded: %s', (recorded) => {
    const tally = { refused: 0, right: 0 }
    for (let seed = 0; seed < 1500; seed++) run(seed, recorded, tally)
    expect(tally.right).toBeGreaterThan(1000)
    expect(tally.refused).toBeGreaterThan(200)
  })
})
