import { expect, it } from 'vitest'
import { drawHeat, letterColor } from './heat'

it('draws a letter where something is said of a cell, in an ink that is seen on it', () => {
  const figure = { title: 'Map', rows: ['a', 'b'], columns: [1, 2], values: [[0, 1], [null, 0.5]], limits: [0, 1] as [number, number], xLabel: 'Round', percent: true }
  const away = { letter: 'A', label: 'away' }
  const said = JSON.stringify(drawHeat({ ...figure, states: [[null, away], [away, null]] }))
  expect(said.split('"A"').length - 1).toBe(2)
  expect(said.split('A  away').length - 1).toBe(1) // what the letter means, once
  expect(JSON.stringify(drawHeat(figure))).not.toContain('"A"')
  expect([letterColor(0.1, [0, 1]), letterColor(0.9, [0, 1]), letterColor(null, [0, 1])]).toEqual(['#ffffff', '#000000', '#000000'])
})
