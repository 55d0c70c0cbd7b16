import { expect, it, vi } from 'vitest'

let fails = false
vi.mock('node:timers', async (original) => {
  const timers = await original<typeof import('node:timers')>()
  const setImmediate = (then: () => void) => {
    if (fails) throw new RangeError('Maximum call stack size exceeded')
    return timers.setImmediate(then)
  }
  return { ...timers, default: timers, setImmediate }
})

it("a turn of the event loop that could not be asked for is nobody else's", async () => {
  const { loop, turn } = await import('../../src/backend/clock.js')
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(loop.turns).toBe(true)
  fails = true
  expect(() => turn()).toThrow(RangeError)
  fails = false
  const next = turn()
  expect(turn()).toBe(next)
  await next
  expect(turn()).not.toBe(next)
})
