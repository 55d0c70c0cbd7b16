import vm from 'node:vm'
import { describe, expect, it } from 'vitest'
import { allocating, checkWhole, MemoryError, ValueError, withMemoryError } from '../src/errors.js'

const fails = (error: unknown) => () =>
  withMemoryError('op', 'memory', () => {
    throw error
  })

describe('withMemoryError', () => {
  it.each([
    Object.assign(new Error('none left'), { code: 'LANEWISE_MEMORY' }),
    new RangeError('Array buffer allocation failed'),
    new RangeError('Invalid typed array length: 99'),
    vm.runInNewContext("new RangeError('Invalid array length')"),
    new RangeError('Out of memory'), // Bun
  ])('%s, for want of memory', (error) => {
    expect(fails(error)).toThrow(MemoryError)
    expect(fails(error)).toThrow(`op: expected memory, received ${error.message}`)
  })

  it.each([new RangeError('Maximum call stack size exceeded'), new Error('allocation'), undefined, 'allocation'])(
    '%s, which is passed on',
    (error) => {
      let thrown: unknown
      try {
        fails(error)()
      } catch (e) {
        thrown = e
      }
      expect(thrown).toBe(error)
    },
  )

  it('gives what was made, and says how much was asked', () => {
    expect(allocating('op', 8, () => 3)).toBe(3)
    const full = () =>
      allocating('op', 8, () => {
        throw new RangeError('Array buffer allocation failed')
      })
    expect(full).toThrow('op: expected 8 bytes of memory, received Array buffer allocation failed')
  })
})

it('checkWhole takes both ends', () => {
  for (const n of [0, 1, 5]) expect(checkWhole('op', 'a count', n, 0, 5)).toBe(n)
  expect(checkWhole('op', 'a count', 2 ** 52, 1)).toBe(2 ** 52)
  for (const n of [-1, 6, 0.5, Number.NaN, Infinity, '1', 1n, null])
    expect(() => checkWhole('op', 'a count', n, 0, 5)).toThrow(ValueError)
  expect(() => checkWhole('op', 'a count', Infinity, 0)).toThrow('op: expected a count, received Infinity')
})
