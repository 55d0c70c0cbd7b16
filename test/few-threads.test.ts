import { spawnSync } from 'node:child_process'
import os from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { native } from './backends.js'
import { buildDist, ROOT } from './processes.js'

// Where the system limits the number of threads (containers do), libuv ends the process that cannot have its own: helpers leave room for those.

/** A program of a user who may have so many threads, and who has no others: how it ended, and what it said. */
function limited(threads: number, program: string, pool = '4'): string {
  const user = 54_321
  const options = {
    uid: user,
    gid: user,
    cwd: '/',
    encoding: 'utf8' as const,
    env: { ...process.env, HOME: os.tmpdir(), LANEWISE_THREADS: '16', UV_THREADPOOL_SIZE: pool },
  }
  const script = `ulimit -u ${threads} && exec "$@"`
  const { signal, stdout } = spawnSync('bash', ['-c', script, 'bash', process.execPath, '-e', program], options)
  return signal ?? stdout.trim()
}

const lib = JSON.stringify(path.join(ROOT, 'dist/index.js'))
const reads = "require('fs').readFile('/etc/passwd', () => console.log('done'))"
const trains = `
  const lw = require(${lib})
  const model = new lw.Sequential({ input: [784], layers: [new lw.Affine(200), new lw.Affine(10)] }).compile({ loss: 'mse' })
  model.predict(lw.zeros([2000, 784]))
  model.fit({ x: lw.zeros([2000, 784]), y: lw.zeros([2000, 10]) }).then(() => ${reads})`

const isRoot = process.platform === 'linux' && process.getuid?.() === 0
it.runIf(native && isRoot)('trains with any number of threads that Node can read a file with', ({ skip }) => {
  buildDist()
  const readable = limited(1000, `require(${lib}); console.log('done')`) === 'done'
  if (!readable && !process.env.CI) skip('another user cannot read this folder')
  for (const pool of ['4', '12']) {
    let least = 8
    while (limited(least, reads, pool) !== 'done') least++
    for (let more = 0; more < 8; more++)
      expect(limited(least + more, trains, pool), `${least + more} threads, ${pool} of them libuv's`).toBe('done')
  }
})
