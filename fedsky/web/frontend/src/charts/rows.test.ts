import { describe, expect, it } from 'vitest'
import { heatColor, shareOf } from './heat'
import { drawDumbbells, drawIntervals, sidestep } from './rows'
import { INKS, toSvg, type Shape } from './shape'

const local = { label: 'local', color: '#E69F00', marker: 'v' }
const fedavg = { label: 'fedavg', color: '#0072B2', marker: 'o' }
const figure = { limits: [0, 1] as [number, number], axisLabel: 'Accuracy', percent: true, width: 640, inks: INKS.light }

const found = (root: Shape, tag: string): Shape[] => [
  ...(root.tag === tag ? [root] : []),
  ...root.children.flatMap((child) => (typeof child === 'string' ? [] : found(child, tag))),
]

describe('dumbbells', () => {
  const rows = [{ name: 'owner 0', detail: 'n 15', dots: [{ look: local, value: 0.5 }, { look: fedavg, value: 1 }] }] // prettier-ignore

  it('join the least and the greatest value of an owner', () => {
    const root = drawDumbbells({ ...figure, rows })
    const joint = found(root, 'line').find((line) => line.attributes['stroke-width'] === 3)
    const ticks = found(root, 'line').filter((line) => line.attributes.stroke === INKS.light.grid)
    expect(joint?.attributes.x2).toBe(ticks.at(-1)?.attributes.x1) // 1 is the last tick
    expect(Number(joint?.attributes.x1)).toBeCloseTo((Number(ticks[0]?.attributes.x1) + Number(ticks.at(-1)?.attributes.x1)) / 2, 1)
  })

  it('leave out what is unknown, and carry title and legend in a file', () => {
    const holed = [{ name: 'owner 0', detail: 'n 15', dots: [{ look: local, value: null }, { look: fedavg, value: 1 }] }] // prettier-ignore
    expect(found(drawDumbbells({ ...figure, rows: holed }), 'path')).toHaveLength(1)
    const file = toSvg(drawDumbbells({ ...figure, rows, title: 'Who gains' }))
    expect(file).toContain('Who gains')
    expect(file).toContain('>local<')
  })

  it('move marks apart that would hide each other, and no others', () => {
    expect(sidestep([10, 100])).toEqual([0, 0])
    const [first, second, third] = sidestep([100, 10, 101]) as [number, number, number]
    expect(second).toBe(0)
    expect(Math.abs(first - third)).toBeGreaterThanOrEqual(7)
    const crowd = sidestep(new Array<number>(10).fill(5), 40)
    expect(Math.max(...crowd) - Math.min(...crowd)).toBeLessThanOrEqual(40)
    expect(new Set(crowd).size).toBe(10)
  })
})

describe('intervals', () => {
  const row = (low: number | null, high: number | null) => [
    { look: fedavg, estimate: { value: 0.9, low, high, n: 3 }, seeds: [{ name: 'seed 0', value: 0.8 }, { name: 'seed 1', value: 1 }] },
  ] // prettier-ignore

  it('show every seed, and a cap only where the interval ends within the picture', () => {
    const inside = drawIntervals({ ...figure, rows: row(0.85, 0.95) })
    const cut = drawIntervals({ ...figure, rows: row(0.7, 1.1) })
    expect(found(inside, 'circle')).toHaveLength(2)
    const caps = (root: Shape) => found(root, 'line').filter((line) => line.attributes.x1 === line.attributes.x2 && line.attributes['stroke-width'] === 2)
    expect(caps(inside)).toHaveLength(2)
    expect(caps(cut)).toHaveLength(1)
  })

  it('draw no interval where there is none', () => {
    const root = drawIntervals({ ...figure, rows: row(null, null) })
    expect(found(root, 'line').some((line) => line.attributes['stroke-width'] === 2)).toBe(false)
    expect(found(root, 'path')).toHaveLength(1)
  })
})

describe('heat', () => {
  it('goes from dark blue to yellow and stays within', () => {
    expect(heatColor(0)).toBe('#00224e')
    expect(heatColor(1)).toBe('#fee838')
    expect(heatColor(7)).toBe('#fee838')
    expect(shareOf(3, [1, 5])).toBe(0.5)
    expect(shareOf(2, [2, 2])).toBe(1)
  })
})
