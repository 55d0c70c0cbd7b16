// Trains where a test runner has replaced timers, or stopped the clock, before lanewise is loaded. usage: node … DIST timers | 'ticking timers' | clock
const [dist, what] = process.argv.slice(2)
const real = performance.now.bind(performance)
const interval = setInterval
const { mock } = require('node:test')
if (what === 'clock') performance.now = () => 12345
else if (mock.timers) mock.timers.enable()
const lw = require(dist)
if (what === 'ticking timers') mock.timers?.tick(10)

const train = (rows, layers, options) => {
  const model = new lw.Sequential({ input: [200], layers: [...layers, new lw.Affine(3)] }).compile({ loss: 'mse' })
  return model.fit({ x: lw.zeros([rows, 200]), y: lw.zeros([rows, 3]) }, options)
}

let last = real()
let gap = 0
interval(() => {
  gap = Math.max(gap, real() - last)
  last = real()
}, 2).unref()
const main = async () => {
  await train(50, [], { epochs: 20 })
  last = real()
  gap = 0
  const start = real()
  const rows = process.env.LANEWISE_BACKEND === 'js' ? 256 : 4096
  await train(rows, [new lw.Affine(400), new lw.Relu()], { epochs: 8, batchSize: rows })
  console.log(JSON.stringify({ gap, passed: real() - start }))
}
main()
