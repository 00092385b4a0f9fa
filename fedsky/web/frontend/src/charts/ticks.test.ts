import { describe, expect, it } from 'vitest'
import { fractionLimits, numberLimits, ticks } from './ticks'

describe('ticks', () => {
  it('are round and lie within the limits', () => {
    expect(ticks(0, 20, 7)).toEqual([0, 5, 10, 15, 20])
    expect(ticks(0.7, 1, 6)).toEqual([0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1])
    expect(ticks(0.31, 0.99, 4)).toEqual([0.4, 0.6, 0.8])
    expect(ticks(-3, 12345, 3)).toEqual([0, 5000, 10000])
  })

  it('of a single place are that place', () => {
    expect(ticks(3, 3, 5)).toEqual([3])
    expect(ticks(NaN, NaN, 5)).toEqual([])
  })
})

describe('limits', () => {
  it('of fractions begin at the tenth below the least value and end at 1', () => {
    expect(fractionLimits([0.93, 0.42])).toEqual([0.4, 1])
    expect(fractionLimits([0.4])).toEqual([0.3, 1]) // not on the very edge
    expect(fractionLimits([1, 1])).toEqual([0.9, 1])
    expect(fractionLimits([0.01])).toEqual([0, 1])
    expect(fractionLimits([])).toEqual([0, 1])
  })

  it('of other numbers hold 0', () => {
    expect(numberLimits([2, 4])[0]).toBe(0)
    expect(numberLimits([2, 4])[1]).toBeGreaterThan(4)
    expect(numberLimits([-1, 4])[0]).toBe(-1)
    expect(numberLimits([])).toEqual([0, 1])
  })
})
