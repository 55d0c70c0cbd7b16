import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createProgress, formatMetric } from '../../src/train/progress.js'

/** A stream that remembers what is written. */
function fakeStream(isTTY: boolean) {
  const chunks: string[] = []
  const stream = { isTTY, columns: 120, rows: 40, write: (chunk: string) => chunks.push(chunk) > 0, on() {}, once() {} }
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => chunks.join('') }
}

beforeEach(() => void vi.stubEnv('CI', '').stubEnv('TERM', 'xterm'))
afterEach(() => void vi.unstubAllEnvs())

describe('progress', () => {
  test('without a terminal, writes one plain line an epoch', async () => {
    const { stream, text } = fakeStream(false)
    const progress = await createProgress({ epochs: 10, steps: 4, stream })
    for (const epoch of [1, 10]) {
      progress.start(epoch)
      progress.update(2, { loss: 1 })
      progress.endEpoch(epoch, { loss: 0.12341, accuracy: 0.9612, valLoss: 1e-7 }, 12.34)
    }
    progress.stop()
    expect(text()).toBe(
      'epoch  1/10  12.3 s  loss 0.1234  accuracy 0.9612  valLoss 1.000e-7\n' +
        'epoch 10/10  12.3 s  loss 0.1234  accuracy 0.9612  valLoss 1.000e-7\n',
    )
  })

  test('treats a terminal under CI as none', async () => {
    vi.stubEnv('CI', 'true')
    const { stream, text } = fakeStream(true)
    const progress = await createProgress({ epochs: 1, steps: 4, stream })
    progress.start(1)
    progress.update(1, {})
    expect(text()).toBe('')
  })

  test.each(['0', 'false'])('takes CI=%s for no CI', async (ci) => {
    vi.stubEnv('CI', ci)
    const { stream, text } = fakeStream(true)
    const progress = await createProgress({ epochs: 1, steps: 4, stream })
    progress.start(1)
    progress.update(1, {})
    progress.stop()
    expect(text()).toContain('\x1b[?25l')
  })

  test('listens once for a reader of standard error that goes away, however many fits there are', async () => {
    const before = process.stderr.listenerCount('error')
    const first = await createProgress({ epochs: 1, steps: 4 })
    const second = await createProgress({ epochs: 1, steps: 4 })
    expect(process.stderr.listenerCount('error')).toBe(before + 1)
    first.stop()
    first.stop()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(process.stderr.listenerCount('error')).toBe(before + 1)
    second.stop()
    // Nothing is left: each copy of lanewise, as test runners load one a file, would keep what its listener sees.
    await vi.waitFor(() => expect(process.stderr.listenerCount('error')).toBe(before))
  })

  test('treats a terminal that is dumb, or for which no bar can be loaded, as none', async () => {
    for (const term of ['dumb', 'xterm']) {
      vi.stubEnv('TERM', term)
      if (term === 'xterm')
        vi.doMock('../../src/vendor/cli-progress.js', () => {
          throw new Error('nothing can be imported any more')
        })
      const { stream, text } = fakeStream(true)
      const progress = await createProgress({ epochs: 10, steps: 4, stream })
      vi.doUnmock('../../src/vendor/cli-progress.js')
      progress.start(1)
      progress.endEpoch(1, { loss: 0.5 }, 1)
      expect(text()).toBe('epoch  1/10  1.0 s  loss 0.5000\n')
    }
  })

  test('on a terminal, shows a bar, then the line of the epoch', async () => {
    const { stream, text } = fakeStream(true)
    const listeners = process.listenerCount('exit')
    const progress = await createProgress({ epochs: 3, steps: 100, batchSize: 32, rows: 3180, stream })
    progress.start(2)
    expect(text()).toBe('') // who has seen no step knows of no time
    progress.update(50, { loss: 0.5 })
    expect(text()).toContain('\x1b[?25l')
    expect(text()).toMatch(/epoch 2\/3 [█░]+ 50\/100 .* left +[\d,]+\/s {2}loss 0\.5000/)
    progress.endEpoch(2, { loss: 0.25 }, 1.25)
    expect(text()).toMatch(/epoch 2\/3 {2}1\.\d s {2}loss 0\.2500\n$/)
    expect(text().lastIndexOf('\x1b[?25h')).toBeGreaterThan(text().lastIndexOf('\x1b[?25l'))
    progress.stop()
    expect(process.listenerCount('exit')).toBe(listeners)
    expect(process.listenerCount('SIGTERM')).toBe(0)
  })

  test('on a terminal, listens once for the end of the process, however many fits there are', async () => {
    const events = ['exit', 'SIGINT', 'SIGTERM', 'SIGHUP'] as const
    const count = () => events.map((event) => process.listenerCount(event))
    const before = count()
    const bars = Array.from({ length: 12 }, () => fakeStream(true))
    const progresses = await Promise.all(bars.map(({ stream }) => createProgress({ epochs: 1, steps: 4, stream })))
    for (const progress of progresses) {
      progress.start(1)
      progress.update(1, {})
    }
    expect(count()).toEqual(before.map((n) => n + 1))
    progresses[0]?.stop()
    expect(count()).toEqual(before.map((n) => n + 1))
    process.once('SIGHUP', () => {}) // so that the signal does not end the process
    process.emit('SIGHUP')
    for (const { text } of bars) expect(text().endsWith('\x1b[?25h\x1b[?7h')).toBe(true)
    expect(count()).toEqual(before)
  })

  test.each([
    [59, '59s'],
    [59.5, '1m0s'],
    [135, '2m15s'],
  ])('%s seconds left are shown as %s', async (seconds, shown) => {
    const { stream, text } = fakeStream(true)
    const progress = await createProgress({ epochs: 1, steps: 2, stream })
    const now = vi.spyOn(performance, 'now').mockReturnValue(0)
    progress.start(1)
    now.mockReturnValue(1000 * seconds)
    progress.update(1, {}) // half of the steps: as long again
    now.mockRestore()
    await new Promise((resolve) => setTimeout(resolve, 250))
    progress.stop()
    expect(text()).toContain(`  ${shown} left`)
  })

  test('on a terminal, an epoch that ends within its first slice has its line only', async () => {
    const { stream, text } = fakeStream(true)
    const progress = await createProgress({ epochs: 2, steps: 3, stream })
    for (const epoch of [1, 2]) {
      progress.start(epoch)
      progress.update(3, { loss: 0.5 })
      progress.endEpoch(epoch, { loss: 0.5 }, 0.01)
    }
    progress.stop()
    expect(text()).toBe('epoch 1/2  0.0 s  loss 0.5000\nepoch 2/2  0.0 s  loss 0.5000\n')
  })

  test('stop restores the cursor, whenever and however often it is called', async () => {
    const { stream, text } = fakeStream(true)
    const progress = await createProgress({ epochs: 3, steps: 100, stream })
    progress.stop()
    expect(text()).toBe('')
    progress.start(1)
    progress.update(1, {})
    progress.start(2)
    progress.update(1, {})
    progress.stop()
    const before = text()
    expect(before.lastIndexOf('\x1b[?25h')).toBeGreaterThan(before.lastIndexOf('\x1b[?25l'))
    expect(before.lastIndexOf('\x1b[?7h')).toBeGreaterThan(before.lastIndexOf('\x1b[?7l'))
    progress.stop()
    progress.update(3, {})
    expect(text()).toBe(before)
  })

  test('formats metrics with four digits', () => {
    const values = [0, 0.5, 12.34567, 0.00012345, -123456, 0.001, 99999, 1e5, Number.NaN, Number.POSITIVE_INFINITY]
    expect(values.map(formatMetric)).toEqual([
      '0.0000',
      '0.5000',
      '12.3457',
      '1.234e-4',
      '-1.235e+5',
      '0.0010',
      '99999.0000',
      '1.000e+5',
      'NaN',
      'Infinity',
    ])
  })
})
