/** Curves as a drawing for a paper: the figure that the canvas shows, on white, its legend below. */
import { bandOpacity, limitsOf, runOpacity, xLimits } from './curve'
import { dashOf, legible, markerPath, round } from './look'
import { fitted, FONT, INKS, shape, textWidth, type Shape } from './shape'
import { ticks } from './ticks'
import type { Line } from './types'
import { tickText } from './words'

export interface CurveFigure {
  title: string
  lines: readonly Line[]
  xLabel: string
  yLabel: string
  percent: boolean
  /** One run: nothing to say of n. */
  single?: boolean
}

const WIDTH = 640
const PLOT = { left: 58, top: 34, width: 566, height: 300 }
const LEGEND_ROW = 20

type Points = [number, number][]

/** Stretches of a line that have values, in pixels. */
export function stretches(xs: readonly number[], ys: readonly (number | null)[], at: (x: number, y: number) => [number, number]): Points[] {
  const found: Points[] = []
  let current: Points = []
  xs.forEach((x, number) => {
    const y = ys[number] ?? null
    if (y === null) {
      if (current.length) found.push(current)
      current = []
    } else current.push(at(x, y))
  })
  if (current.length) found.push(current)
  return found
}

const path = (points: Points) => 'M' + points.map(([x, y]) => `${round(x)} ${round(y)}`).join('L')

/** The polygons of an interval band, in pixels. */
export function bandOf(line: Pick<Line, 'x' | 'low' | 'high'>, at: (x: number, y: number) => [number, number]): Points[] {
  const both = line.low.map((low, number) => (line.high[number] === null ? null : low))
  const highs = line.high.map((high, number) => (line.low[number] === null ? null : high))
  const lower = stretches(line.x, both, at)
  return stretches(line.x, highs, at).map((upper, number) => [...upper, ...(lower[number] ?? []).toReversed()])
}

export function drawCurves(figure: CurveFigure): Shape {
  const inks = INKS.light
  const { lines, percent } = figure
  const [left, right] = xLimits(lines)
  const [bottom, top] = limitsOf(lines, percent)
  const at = (x: number, y: number): [number, number] => [
    PLOT.left + ((x - left) / (right - left)) * PLOT.width,
    PLOT.top + (1 - (y - bottom) / (top - bottom)) * PLOT.height,
  ]
  const columns = lines.some((line) => textWidth(line.label, 12) > 250) ? 1 : lines.some((line) => textWidth(line.label, 12) > 150) ? 2 : 3 // prettier-ignore
  const legendTop = PLOT.top + PLOT.height + 52
  const height = legendTop + Math.ceil(lines.length / columns) * LEGEND_ROW + 6
  const axisText = { 'font-size': 11, fill: inks.muted }
  const grid: Shape[] = []
  for (const tick of ticks(bottom, top, 8)) {
    const y = round(at(left, tick)[1])
    grid.push(
      shape('line', { x1: PLOT.left, x2: PLOT.left + PLOT.width, y1: y, y2: y, stroke: inks.grid }),
      shape('text', { x: PLOT.left - 6, y: y + 4, 'text-anchor': 'end', ...axisText }, tickText(percent ? Math.round(1000 * tick) / 10 : tick)),
    )
  }
  for (const tick of ticks(left, right, 7)) {
    const x = round(at(tick, bottom)[0])
    grid.push(
      shape('line', { x1: x, x2: x, y1: PLOT.top + PLOT.height, y2: PLOT.top + PLOT.height + 4, stroke: inks.muted }),
      shape('text', { x, y: PLOT.top + PLOT.height + 17, 'text-anchor': 'middle', ...axisText }, tickText(tick)),
    )
  }
  const under: Shape[] = []
  const marks: Shape[] = []
  lines.forEach((line, number) => {
    const color = legible(line.color, inks.background)
    if (line.runs.length > 1) {
      for (const points of bandOf(line, at)) {
        under.push(shape('path', { d: `${path(points)}Z`, fill: color, 'fill-opacity': bandOpacity(lines.length) }))
      }
      for (const run of line.runs) {
        for (const points of stretches(run.x, run.y, at)) {
          under.push(shape('path', { d: path(points), fill: 'none', stroke: color, 'stroke-opacity': round(runOpacity(lines)), 'stroke-width': 0.8 }))
        }
      }
    }
    const whole = line.x.flatMap((x, place) => (line.mean[place] == null ? [] : [at(x, line.mean[place] as number)]))
    if (!whole.length) return
    const dash = dashOf(line).join(' ') || 'none'
    marks.push(shape('path', { d: path(whole), fill: 'none', stroke: color, 'stroke-width': 2, 'stroke-dasharray': dash }))
    const step = Math.max(1, Math.ceil(whole.length / 6))
    whole.forEach(([x, y], place) => {
      if (place % step !== number % step) return
      marks.push(shape('path', { d: markerPath(line.marker, x, y, 3.5), fill: color, stroke: inks.background, 'stroke-width': 0.7 }))
    })
  })
  const legend = lines.map((line, number) => {
    const x = PLOT.left + (number % columns) * (PLOT.width / columns)
    const y = legendTop + Math.floor(number / columns) * LEGEND_ROW
    const color = legible(line.color, inks.background)
    return shape(
      'g',
      {},
      shape('line', { x1: x, x2: x + 30, y1: y, y2: y, stroke: color, 'stroke-width': 2, 'stroke-dasharray': dashOf(line).join(' ') || 'none' }),
      shape('path', { d: markerPath(line.marker, x + 15, y, 3.5), fill: color }),
      shape('text', { x: x + 36, y: y + 4, 'font-size': 12, fill: inks.text }, fitted(figure.single ? line.label : `${line.label} (n ${line.n})`, 12, PLOT.width / columns - 42)),
    )
  })
  const middle = PLOT.top + PLOT.height / 2
  return shape(
    'svg',
    { width: WIDTH, height, viewBox: `0 0 ${WIDTH} ${height}`, 'font-family': FONT },
    shape('rect', { width: WIDTH, height, fill: inks.background }),
    shape('text', { x: PLOT.left, y: 20, 'font-size': 14, 'font-weight': 600, fill: inks.text }, figure.title),
    shape('g', {}, ...grid),
    shape('clipPath', { id: 'plot' }, shape('rect', { x: PLOT.left, y: PLOT.top - 4, width: PLOT.width + 4, height: PLOT.height + 8 })),
    shape('g', { 'clip-path': 'url(#plot)' }, ...under, ...marks),
    shape('text', { x: PLOT.left + PLOT.width / 2, y: PLOT.top + PLOT.height + 34, 'text-anchor': 'middle', 'font-size': 12, fill: inks.text }, figure.xLabel),
    shape('text', { x: 14, y: middle, transform: `rotate(-90 14 ${middle})`, 'text-anchor': 'middle', 'font-size': 12, fill: inks.text }, figure.yLabel),
    shape('g', {}, ...legend),
  )
}
