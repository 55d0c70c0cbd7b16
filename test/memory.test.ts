import { beforeAll, expect, it } from 'vitest'
import { eachBackend } from './backends.js'
import { buildDist, runScript } from './processes.js'

// Memory is flat: the garbage collector frees tensors, tapes and models without dispose and without awaiting. Each loop
// runs in a process of its own. Bounds are several times the growth measured over five runs; the note says the largest.

const LOOPS: Record<string, { bound: number; script: string; flags?: string[] }> = {
  // 0.8 MB native, 2.5 MB JavaScript. V8 doubles its young generation, 1 MB at first, as more has lived through it: a
  // process grows by 16 MB that are no leak, in some 400,000 steps, but by 7 to 9 in these where V8 optimizes late, as on a busy
  // machine. Hence the flag
  '20,000 eager steps': {
    bound: 12,
    flags: ['--max-semi-space-size=1'],
    script: `
      const step = training()
      for (let i = 0; i < 5000; i++) step()
      watch()
      for (let i = 0; i < 20000; i++) { step(); if (i % 100 === 0) watch() }`,
  },
  // 0.3 MB
  '20,000 replayed steps': {
    bound: 8,
    script: `
      const tape = lw.record(training())
      tape.replay(5000)
      watch()
      for (let i = 0; i < 200; i++) { tape.replay(100); watch() }`,
  },
  // 0.3 MB
  '20,000 steps replayed off the loop': {
    bound: 8,
    script: `
      const tape = lw.record(training())
      await tape.replayAsync(5000)
      watch()
      for (let i = 0; i < 200; i++) { await tape.replayAsync(100); watch() }`,
  },
  // 15 MB: the collector lets some garbage lie; without any it would be 512 MB
  '2,000 eager ops on 256 KB without awaiting': {
    bound: 40,
    script: `
      const a = lw.full([65536], 1)
      const run = (n) => { for (let i = 0; i < n; i++) { lw.add(a, i); watch() } }
      run(1000)
      first += most // the collector's own measure of garbage
      most = 0
      run(2000)`,
  },
  // 150 MB: what was dropped before must not keep the collector from seeing what is dropped now; without the sweep 1,800
  '1,500 results of 4 MB after 100,000 small ones': {
    bound: 500,
    script: `
      const small = lw.zeros([2200])
      for (let i = 0; i < 100000; i++) lw.add(small, 1)
      const large = lw.zeros([1e6])
      watch()
      for (let i = 0; i < 1500; i++) { lw.add(large, 1); watch() }`,
  },
  // 44 MB with the collector's own; 93 where each prediction keeps what was computed on its way
  '20,000 predictions, kept': {
    bound: 60,
    script: `
      const model = new lw.Sequential({ input: [784], layers: [new lw.Affine(50), new lw.Affine(10)] })
      const row = new Array(784).fill(0.5)
      model.predict([row])
      watch()
      globalThis.kept = []
      for (let i = 0; i < 20000; i++) { kept.push(model.predict([row])); watch() }`,
  },
  // 3 MB: a number keeps the slab of numbers that it lies in; in slabs for all sizes 522
  '2,000 losses, kept between other results': {
    bound: 60,
    script: `
      const a = lw.full([40, 40], 0.5)
      const run = () => {
        let y = a
        for (let k = 0; k < 60; k++) y = lw.matmul(y, a)
        return lw.mean(y)
      }
      for (let i = 0; i < 300; i++) run()
      watch()
      globalThis.kept = []
      for (let i = 0; i < 2000; i++) { kept.push(run()); watch() }`,
  },
  // 6 MB
  '300 models, trained one step and dropped': {
    bound: 20,
    script: `
      for (let i = 0; i < 100; i++) training()()
      watch()
      for (let i = 0; i < 300; i++) { training()(); watch() }`,
  },
  // 6 to 24 MB in 300, by version of Node; after thousands some 40 and no more
  '900 models, fitted and dropped': {
    bound: 60,
    script: `
      const once = async () => {
        const model = mlp().compile({ loss: 'mse', metrics: ['meanSquaredError'] })
        await model.fit({ x, y: lw.zeros([16, 5]) }, { validation: 0.3 })
      }
      for (let i = 0; i < 100; i++) await once()
      watch()
      for (let i = 0; i < 900; i++) { await once(); watch() }`,
  },
  // 8 MB: without a turn of the event loop no finalizer runs; where tapes wait for theirs 147
  '5,000 recordings without awaiting, dropped': {
    bound: 40,
    script: `
      const steps = Array.from({ length: 8 }, () => new lw.Affine(16))
      const deep = new lw.Sequential({ input: [20], layers: [...steps, new lw.Affine(5)] })
      const once = () => lw.record(() => lw.backward(lw.softmaxCrossEntropy(deep.forward(x), y).loss)).replay()
      for (let i = 0; i < 300; i++) once()
      watch()
      for (let i = 0; i < 5000; i++) once()
      watch()`,
  },
  // 25 MB, where the tapes dropped have 2 MB each: memory that only a tape uses is V8's to count, too
  '300 tapes with large inner tensors, dropped': {
    bound: 80,
    script: `
      const once = () => lw.record(() => lw.full([500000], 1)).replay()
      for (let i = 0; i < 150; i++) once()
      watch()
      for (let i = 0; i < 300; i++) { once(); watch() }`,
  },
}

const PRELUDE = `
  const rss = () => process.memoryUsage.rss() / 1e6
  let first, most = 0
  const watch = () => { const now = rss(); first ??= now; most = Math.max(most, now - first) }
  const mlp = () => new lw.Sequential({ input: [20], layers: [new lw.Affine(32), new lw.Relu(), new lw.Affine(5)] })
  const x = lw.normal(lw.randomState(1), [16, 20])
  const y = lw.tensor(Int32Array.from({ length: 16 }, (_, i) => i % 5))
  const training = () => {
    const [model, adam] = [mlp(), new lw.Adam()]
    return () => {
      const { loss } = lw.softmaxCrossEntropy(model.forward(x), y)
      lw.backward(loss)
      adam.step(model.store)
    }
  }`

beforeAll(buildDist, 120_000)

eachBackend((backend) => {
  it.each(Object.keys(LOOPS))('%s', (name) => {
    const { bound, script, flags } = LOOPS[name]
    const code = `${PRELUDE};(async () => {${script};console.log(most.toFixed(1))})()`
    const { status, signal, stdout, stderr } = runScript(code, { LANEWISE_BACKEND: backend }, flags)
    expect([status, signal, stderr]).toEqual([0, null, ''])
    if (process.env.LANEWISE_SHOW_MEMORY) console.log(`${backend}, ${name}: ${stdout} MB`)
    expect(Number(stdout)).toBeLessThan(bound)
  })
})
