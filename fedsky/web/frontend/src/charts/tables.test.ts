import { describe, expect, it } from 'vitest'
import { cellsOf, click, press, show, textOf, unfold } from '../../test/shown'
import ConfusionTable from './ConfusionTable.vue'
import HeatMap from './HeatMap.vue'
import PartitionBars from './PartitionBars.vue'

describe('ConfusionTable', () => {
  it('is a table with counts, shares of the row, recall and precision', () => {
    const confusion = { classes: ['cloudy', 'sunny'], matrix: [[30, 10], [0, 35]], recall: [0.75, 1], precision: [1, 35 / 45], n: 75 } // prettier-ignore
    const { element, end } = show(ConfusionTable, { title: 'Final model', confusion })
    expect(cellsOf(element)).toEqual([
      ['cloudy', '30(75.0 %)', '10(25.0 %)', '75.0 %'],
      ['sunny', '0(0.0 %)', '35(100.0 %)', '100.0 %'],
    ])
    expect(textOf(element, 'tfoot')).toContain('77.8 %')
    expect(textOf(element, 'caption')).toContain('n = 75')
    expect(element.querySelectorAll('th[scope=row]')).toHaveLength(3)
    end()
  })

  it('has a dash where nothing can be said', () => {
    const confusion = { classes: ['a', 'b'], matrix: [[0, 0], [1, 1]], recall: [null, 0.5], precision: [0, 1], n: 2 } // prettier-ignore
    const { element, end } = show(ConfusionTable, { title: 'x', confusion })
    expect(cellsOf(element)[0]).toEqual(['a', '0(–)', '0(–)', '–'])
    end()
  })
})

describe('HeatMap', () => {
  const props = { title: 'Clients', rows: ['owner 0', 'owner 1'], columns: [0, 1, 2], values: [[0.5, 0.6, null], [0.7, 0.8, 0.9]], xLabel: 'Round' } // prettier-ignore
  const CELLS = '[role=application]'

  it('tells the cell under the arrow keys and stays within the map', async () => {
    const { element, end } = show(HeatMap, props)
    const readout = () => textOf(element, '[aria-live]')
    await press(element, CELLS, 'ArrowRight')
    expect(readout()).toContain('owner 0, Round 0: 50.0 %')
    await press(element, CELLS, 'End')
    expect(readout()).toContain('owner 0, Round 2: no value')
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowRight']) await press(element, CELLS, key)
    expect(readout()).toContain('owner 1, Round 2: 90.0 %')
    expect(element.querySelector('[aria-live]')?.getAttribute('aria-live')).toBe('polite')
    end()
  })

  it('has all its values as a table', async () => {
    const { element, end } = show(HeatMap, props)
    await unfold(element)
    expect(cellsOf(element)).toEqual([
      ['owner 0', '50.0 %', '60.0 %', '–'],
      ['owner 1', '70.0 %', '80.0 %', '90.0 %'],
    ])
    end()
  })
})

describe('PartitionBars', () => {
  it('shows the chosen part and tells it in words', async () => {
    const clients = [{ client: 0, name: 'roof', train: [28, 24], validation: [4, 4], test: [9, 6] }]
    const partition = { classes: ['cloudy', 'sunny'], clients, num_owners: 1, heterogeneity: 0.25 }
    const { element, end } = show(PartitionBars, { title: 'Who has what', partition })
    const told = () => element.querySelector('svg')?.getAttribute('aria-label')
    expect(told()).toContain('roof: 28 cloudy, 24 sunny')
    await click(element.querySelectorAll('button[aria-pressed]')[2])
    expect(told()).toContain('roof: 9 cloudy, 6 sunny')
    const [cloudy, sunny] = [...element.querySelectorAll('svg > rect')].map((bar) => Number(bar.getAttribute('width')))
    expect((cloudy as number) / (sunny as number)).toBeCloseTo(9 / 6, 1)
    end()
  })
})
