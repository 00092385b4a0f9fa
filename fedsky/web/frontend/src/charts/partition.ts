/** Stacked bars of label counts as a drawing. */
import { legible, round } from './look'
import { fitted, FONT, shape, textWidth, type Inks, type Shape } from './shape'
import { ticks } from './ticks'
import { tickText } from './words'

// The report's class colours (Okabe and Ito, 2008), in its order: clouds blue, sun orange.
export const CLASS_COLORS = ['#56B4E9', '#E69F00', '#009E73', '#CC79A7', '#0072B2', '#D55E00', '#F0E442', '#000000']

export interface PartitionFigure {
  bars: readonly { name: string; counts: readonly number[] }[]
  classes: readonly string[]
  axisLabel: string
  width: number
  inks: Inks
  title?: string
}

export function drawPartition(figure: PartitionFigure): Shape {
  const { bars, classes, inks, width, title } = figure
  const row = bars.length > 40 ? 12 : bars.length > 15 ? 18 : 26
  const left = Math.min(Math.max(20, ...bars.map((bar) => textWidth(bar.name, 12))) + 14, width * 0.35)
  const right = width - 24
  const top = (title ? 30 : 0) + 26
  const bottom = top + row * bars.length
  const most = Math.max(1, ...bars.map((bar) => bar.counts.reduce((sum, count) => sum + count, 0)))
  const x = (count: number) => left + (count / most) * (right - left)
  const height = bottom + 40
  const color = (number: number) => legible(CLASS_COLORS[number % CLASS_COLORS.length] as string, inks.background)
  const hatched = (number: number) => number % 2 === 1
  const hatches = classes.flatMap((_, number) =>
    hatched(number)
      ? [
          shape(
            'pattern',
            { id: `hatch${number}${title ? 'f' : ''}`, width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
            shape('rect', { width: 6, height: 6, fill: color(number) }),
            shape('line', { x1: 0, y1: 0, x2: 0, y2: 6, stroke: inks.background, 'stroke-width': 1.6, 'stroke-opacity': 0.65 }),
          ),
        ]
      : [],
  )
  const fill = (number: number) => (hatched(number) ? `url(#hatch${number}${title ? 'f' : ''})` : color(number))
  let legendX = left
  const legend = classes.map((name, number) => {
    const at = legendX
    legendX += textWidth(name, 12) + 40
    return shape(
      'g',
      {},
      shape('rect', { x: round(at), y: top - 22, width: 16, height: 10, fill: fill(number) }),
      shape('text', { x: round(at + 22), y: top - 13, 'font-size': 12, fill: inks.text }, name),
    )
  })
  const every = row < 16 ? 2 : 1
  const body = bars.flatMap((bar, number) => {
    let sum = 0
    const y = top + row * number
    return [
      ...(number % every
        ? []
        : [shape('text', { x: round(left - 8), y: round(y + row / 2 + 4), 'text-anchor': 'end', 'font-size': Math.min(12, row), fill: inks.text }, fitted(bar.name, 12, left - 12))]),
      ...bar.counts.map((count, place) => {
        const from = x(sum)
        sum += count
        return shape(
          'rect',
          { x: round(from), y: y + 1, width: round(Math.max(0, x(sum) - from)), height: row - (row > 14 ? 6 : 2), fill: fill(place) },
          shape('title', {}, `${bar.name}: ${count} ${classes[place] ?? ''}`),
        )
      }),
    ]
  })
  const grid = ticks(0, most, Math.max(2, Math.floor((right - left) / 80)))
    .filter(Number.isInteger)
    .flatMap((tick) => [
      shape('line', { x1: round(x(tick)), x2: round(x(tick)), y1: top, y2: bottom, stroke: inks.grid }),
      shape('text', { x: round(x(tick)), y: bottom + 14, 'text-anchor': 'middle', 'font-size': 11, fill: inks.muted }, tickText(tick)),
    ])
  return shape(
    'svg',
    { width, height, viewBox: `0 0 ${width} ${height}`, 'font-family': FONT },
    ...(hatches.length ? [shape('defs', {}, ...hatches)] : []),
    ...(title ? [shape('rect', { width, height, fill: inks.background }), shape('text', { x: 8, y: 20, 'font-size': 14, 'font-weight': 600, fill: inks.text }, title)] : []),
    ...legend,
    ...grid,
    ...body,
    shape('text', { x: round((left + right) / 2), y: bottom + 32, 'text-anchor': 'middle', 'font-size': 12, fill: inks.text }, figure.axisLabel),
  )
}
