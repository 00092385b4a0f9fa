import { describe, expect, it } from 'vitest'
import { contrast, dashOf, legible, markerPath, outline } from './look'
import { INKS } from './shape'

// fedsky/report/style.py
const REPORT = ['#000000', '#E69F00', '#56B4E9', '#009E73', '#0072B2', '#D55E00', '#CC79A7']
const MARKERS = ['o', 's', 'D', 'd', '^', 'v', '<', '>', 'h', 'p', '*', 'P', 'X']

describe('colours', () => {
  it('measures contrast as WCAG does', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5)
    expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2)
    expect(contrast('#ffffff', '#777777')).toBeCloseTo(4.48, 2)
  })

  it.each(['light', 'dark'] as const)('makes every colour of the report legible on the %s ground, and keeps them apart', (theme) => {
    const { background } = INKS[theme]
    const shown = REPORT.map((color) => legible(color, background))
    for (const color of shown) expect(contrast(color, background)).toBeGreaterThanOrEqual(3)
    expect(new Set(shown).size).toBe(REPORT.length)
  })

  it('leaves a legible colour alone and turns black to near white in the dark', () => {
    expect(legible('#0072B2', '#ffffff').toLowerCase()).toBe('#0072b2')
    expect(contrast(legible('#000000', INKS.dark.background), INKS.dark.background)).toBeGreaterThan(12)
  })
})

describe('dashes', () => {
  it('are lengths in line widths, whichever way they are told', () => {
    const look = { label: '', color: '#000000' }
    expect(dashOf({ ...look, dash: null })).toEqual([])
    expect(dashOf({ ...look, dash: '-' })).toEqual([])
    expect(dashOf({ ...look, dash: [5, 2] })).toEqual([10, 4])
    expect(dashOf({ ...look, dash: '5 2' })).toEqual([10, 4])
    expect(dashOf({ ...look, dash: 'none' })).toEqual([])
  })
})

describe('markers', () => {
  it('differ from each other', () => {
    expect(new Set(MARKERS.map((marker) => markerPath(marker, 0, 0, 5))).size).toBe(MARKERS.length)
  })

  it('stand around their place and stay near it', () => {
    for (const marker of MARKERS.slice(1)) {
      const corners = outline(marker, 5) ?? []
      expect(corners.length).toBeGreaterThanOrEqual(3)
      for (const [x, y] of corners) expect(Math.hypot(x, y)).toBeLessThan(9)
    }
    const up = outline('^', 5) as [number, number][]
    expect(Math.min(...up.map(([, y]) => y))).toBeCloseTo(-6.75, 5)
    expect(markerPath('o', 10, 20, 4)).toContain('M6 20')
  })
})
