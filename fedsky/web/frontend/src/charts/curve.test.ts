import { describe, expect, it } from 'vitest'
import { align, curveNumbers, limitsOf, nearest, readAt, xLimits } from './curve'
import { bandOf, drawCurves, stretches } from './curveDrawing'
import { toCsv } from './exports'
import { toSvg } from './shape'
import type { Line } from './types'

const line = (id: string, x: number[], mean: (number | null)[], more: Partial<Line> = {}): Line => ({
  id, label: id, color: '#0072B2', dash: null, marker: 'o', n: 1, x, mean, low: mean.map(() => null), high: mean.map(() => null), runs: [], ...more,
}) // prettier-ignore

const banded = line('fedavg', [0, 1, 2], [0.5, 0.7, 0.9], {
  n: 3,
  low: [0.4, null, 0.8],
  high: [0.6, null, 1],
  runs: [
    { name: 'seed 0', x: [0, 1, 2], y: [0.45, 0.65, 0.85] },
    { name: 'seed 1', x: [0, 1, 2], y: [0.55, 0.75, 0.95] },
  ],
})

describe('curves', () => {
  it('share one ascending x; a line is undefined where it has no value', () => {
    const [xs, first, second] = align([line('a', [0, 2, 4], [1, 2, 3]), line('b', [1, 2], [5, null])])
    expect(xs).toEqual([0, 1, 2, 4])
    expect(first).toEqual([1, undefined, 2, 3])
    expect(second).toEqual([undefined, 5, null, undefined])
  })

  it('find the nearest place', () => {
    expect([-5, 0.4, 0.6, 1.4, 9].map((x) => nearest([0, 1, 2], x))).toEqual([0, 0, 1, 1, 2])
    expect(nearest([], 1)).toBe(-1)
    expect(nearest([7], 1)).toBe(0)
  })

  it('are read where they have values, with their interval, and not beyond their ends', () => {
    expect(readAt(banded, 2.2)).toEqual({ x: 2, value: 0.9, low: 0.8, high: 1 })
    expect(readAt(banded, 1)).toMatchObject({ value: 0.7, low: null })
    expect(readAt(banded, 3)).toBeNull()
    expect(readAt(line('pooled', [0], [0.9]), 5)).toBeNull()
  })

  it('have limits that hold single runs and bands', () => {
    expect(limitsOf([banded], true)).toEqual([0.3, 1])
    expect(limitsOf([{ ...banded, low: [0.1, null, 0.8] }], true)).toEqual([0, 1])
    expect(limitsOf([{ ...banded, low: [-2, null, 0.8], high: [5, null, 6] }], false)).toEqual([0, 6 * 1.06])
    expect(limitsOf([{ ...banded, low: [0.1, null, 0.8], runs: [] }], true)).toEqual([0.4, 1])
    expect(limitsOf([line('a', [0], [0.95])], true)).toEqual([0.9, 1])
    expect(xLimits([line('a', [3], [1])])).toEqual([2.5, 3.5])
    expect(xLimits([])).toEqual([0, 1])
  })

  it('come as numbers: means with intervals and n, then every run', () => {
    const numbers = curveNumbers([banded], 'round', 'accuracy', true)
    expect(numbers.rows).toHaveLength(9)
    expect(numbers.rows[0]).toEqual(['fedavg', 'mean', 0, 0.5, 0.4, 0.6, 3])
    expect(numbers.rows[8]).toEqual(['fedavg', 'seed 1', 2, 0.95, null, null, 1])
    expect(toCsv(numbers).split('\r\n')[0]).toBe('group,run,round,accuracy,95 % low,95 % high,n')
  })
})

describe('the drawing', () => {
  const at = (x: number, y: number): [number, number] => [x, y]

  it('breaks lines and bands where values are missing', () => {
    expect(stretches([0, 1, 2, 3], [1, null, 2, 3], at)).toEqual([[[0, 1]], [[2, 2], [3, 3]]]) // prettier-ignore
    expect(bandOf(banded, at)).toEqual([
      [[0, 0.6], [0, 0.4]],
      [[2, 1], [2, 0.8]],
    ]) // prettier-ignore
  })

  it('is a well-formed file whose marks stand where the values are', () => {
    const root = drawCurves({ title: 'A < B & "C"', lines: [banded], xLabel: 'Round', yLabel: 'Accuracy', percent: true })
    const document = new DOMParser().parseFromString(toSvg(root), 'image/svg+xml')
    expect(document.querySelector('parsererror')).toBeNull()
    expect(document.documentElement.textContent).toContain('A < B & "C"')
    expect(document.documentElement.textContent).toContain('fedavg (n 3)')
    // The mean's line from (0, 0.5) to (2, 0.9) in limits 0..2 and 0.3..1 of a plot 566 x 300 at 58, 34.
    const paths = [...document.querySelectorAll('path')].map((path) => path.getAttribute('d'))
    expect(paths).toContain('M58 248.29L341 162.57L624 76.86')
  })

  it('says nothing of n for a single run', () => {
    const root = drawCurves({ title: '', lines: [line('a', [0, 1], [1, 2])], xLabel: '', yLabel: '', percent: false, single: true })
    expect(toSvg(root)).not.toContain('(n 1)')
  })
})
