import { nextTick } from 'vue'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { cellsOf, click, press, show, textOf, unfold } from '../../test/shown'
import CurveChart from './CurveChart.vue'
import type { Line } from './types'

const plots: FakePlot[] = []
class FakePlot {
  cursor = { left: -10 }
  shown: Record<number, boolean | undefined> = {}
  data: number[][]
  scales = { x: { min: 0, max: 2 } }
  reset: boolean | undefined
  redrawn = 0
  destroyed = false
  constructor(
    readonly options: { hooks: { setCursor: ((u: FakePlot) => void)[] } },
    data: number[][],
  ) {
    this.data = data
    plots.push(this)
  }
  setSeries(series: number, { show }: { show?: boolean }) {
    this.shown[series] = show
  }
  setCursor({ left }: { left: number }) {
    this.cursor.left = left
    this.options.hooks.setCursor.forEach((hook) => hook(this))
  }
  setData(data: number[][], reset?: boolean) {
    this.data = data
    this.reset = reset
  }
  redraw() {
    this.redrawn += 1
  }
  setSize() {}
  destroy() {
    this.destroyed = true
  }
  valToPos = (x: number) => 10 * x
  posToVal = (left: number) => left / 10
}
vi.mock('uplot', () => ({ default: class { constructor(...all: ConstructorParameters<typeof FakePlot>) { return new FakePlot(...all) } } })) // prettier-ignore

const lines: Line[] = [
  { id: 'a', label: 'fedavg', color: '#0072B2', marker: 'o', n: 3, x: [0, 1, 2], mean: [0.5, 0.7, 0.9], low: [null, 0.6, 0.8], high: [null, 0.8, 1.2], runs: [] },
  { id: 'b', label: 'local', color: '#E69F00', marker: 'v', n: 3, x: [0, 1], mean: [0.4, 0.6], low: [null, null], high: [null, null], runs: [] },
] // prettier-ignore
const props = { title: 'Accuracy over rounds', lines, xLabel: 'Round', yLabel: 'Accuracy', percent: true }

beforeEach(() => (plots.length = 0))

const LIVE = '[aria-live=polite]'
const SLIDER = '[role=slider]'

describe('CurveChart', () => {
  it('is read by keyboard: arrows, ends and Escape', async () => {
    const { element, end } = show(CurveChart, props)
    expect(textOf(element, LIVE)).toBe('')
    await press(element, SLIDER, 'ArrowRight')
    expect(textOf(element, LIVE)).toBe('Round 0: fedavg 50.0 %; local 40.0 %')
    await press(element, SLIDER, 'End')
    // cut at 100 %, which a t-interval does not know; local has ended
    expect(textOf(element, LIVE)).toBe('Round 2: fedavg 90.0 % (80.0 to 100.0); local no value')
    expect(element.querySelector(SLIDER)?.getAttribute('aria-valuenow')).toBe('2')
    expect(plots[0]?.cursor.left).toBe(20)
    await press(element, SLIDER, 'Escape')
    expect(textOf(element, LIVE)).toBe('')
    end()
  })

  it('shows values under the mouse without reading them out', async () => {
    const { element, end } = show(CurveChart, props)
    plots[0]?.setCursor({ left: 9 })
    await nextTick()
    expect(element.textContent).toContain('70.0 % (60.0 to 80.0)')
    expect(textOf(element, LIVE)).toBe('')
    end()
  })

  it('hides a group on request and says so', async () => {
    const { element, end } = show(CurveChart, props)
    const button = element.querySelectorAll('button[aria-pressed]')[1]
    await click(button)
    expect(button?.getAttribute('aria-pressed')).toBe('false')
    expect(plots[0]?.shown[2]).toBe(false)
    await press(element, SLIDER, 'Home')
    expect(textOf(element, LIVE)).toBe('Round 0: fedavg 50.0 %')
    end()
  })

  it('takes new rounds without building a new canvas, and new groups with one', async () => {
    const { set, end } = show(CurveChart, props)
    const longer = lines.map((line) => ({ ...line, x: [...line.x, 3], mean: [...line.mean, 0.95], low: [...line.low, null], high: [...line.high, null] }))
    await set({ lines: longer })
    expect(plots).toHaveLength(1)
    expect(plots[0]?.data[0]).toEqual([0, 1, 2, 3])
    expect(plots[0]?.reset).toBe(true)
    Object.assign(plots[0]?.scales.x as object, { min: 1, max: 2 }) // zoomed in
    await set({ lines: longer.map((line) => ({ ...line, mean: line.mean.map(() => 0.5) })) })
    expect([plots[0]?.reset, plots[0]?.redrawn]).toEqual([false, 1])
    await set({ lines: longer.slice(0, 1) })
    expect(plots).toHaveLength(2)
    expect(plots[0]?.destroyed).toBe(true)
    end()
    expect(plots[1]?.destroyed).toBe(true)
  })

  it('has its numbers as a table, made when it is opened', async () => {
    const { element, end } = show(CurveChart, props)
    expect(element.querySelector('table')).toBeNull()
    await unfold(element)
    expect(cellsOf(element)).toHaveLength(5)
    expect(cellsOf(element)[1]).toEqual(['fedavg', 'mean', '1', '70.0 %', '60.0 %', '80.0 %', '3'])
    end()
  })

  it('says so when there is nothing to draw', () => {
    const { element, end } = show(CurveChart, { ...props, lines: [] })
    expect(element.textContent).toContain('Nothing to draw yet')
    expect(plots).toHaveLength(0)
    end()
  })
})
