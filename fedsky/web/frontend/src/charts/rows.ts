/** Plots with one row a name over one axis of fractions: owners under several groups, final values with intervals. */
import { legible, markerPath, round } from './look'
import { fitted, FONT, shape, textWidth, type Inks, type Shape } from './shape'
import { ticks } from './ticks'
import type { DumbbellRow, IntervalRow, Look } from './types'
import { plain, tickText } from './words'

interface Frame {
  width: number
  left: number
  right: number
  top: number
  bottom: number
  height: number
  x: (value: number) => number
}

const ROW = 30

function frame(width: number, names: string[], count: number, limits: [number, number], titled: boolean, rowHeight: number): Frame {
  const longest = Math.max(0, ...names.map((name) => textWidth(name, 12)))
  const left = Math.min(longest + 14, width * 0.42)
  const right = width - 16
  const top = titled ? 34 : 8
  const bottom = top + count * rowHeight
  const [low, high] = limits
  return { width, left, right, top, bottom, height: bottom + 44, x: (value) => left + ((value - low) / (high - low)) * (right - left) }
}

function axis(at: Frame, limits: [number, number], label: string, percent: boolean, inks: Inks): Shape[] {
  const found = ticks(limits[0], limits[1], Math.max(2, Math.min(8, Math.floor((at.right - at.left) / 60))))
  return [
    ...found.flatMap((tick) => [
      shape('line', { x1: round(at.x(tick)), x2: round(at.x(tick)), y1: at.top, y2: at.bottom, stroke: inks.grid }),
      shape(
        'text',
        { x: round(at.x(tick)), y: at.bottom + 15, 'text-anchor': 'middle', 'font-size': 11, fill: inks.muted },
        tickText(percent ? Math.round(1000 * tick) / 10 : tick),
      ),
    ]),
    shape(
      'text',
      { x: round(centred((at.left + at.right) / 2, label, at.width)), y: at.bottom + 34, 'text-anchor': 'middle', 'font-size': 12, fill: inks.text },
      fitted(label, 12, at.width - 8),
    ),
  ]
}

/** Where a text stands that is to be centred at x and to stay within the width. */
function centred(x: number, text: string, width: number): number {
  const half = Math.min(textWidth(text, 12), width - 8) / 2 + 4
  return Math.min(Math.max(x, half), width - half)
}

function heading(title: string | undefined, inks: Inks): Shape[] {
  return title ? [shape('text', { x: 8, y: 20, 'font-size': 14, 'font-weight': 600, fill: inks.text }, title)] : []
}

function svg(at: Frame, inks: Inks, filled: boolean, legend: Look[], children: Shape[]): Shape {
  const rows = legendRows(legend, at.width)
  const height = at.height + (rows.length ? rows.length * 20 + 6 : 0)
  const keys = rows.flatMap((row, line) =>
    row.map(({ look, x }) => {
      const y = at.height + 8 + 20 * line
      return shape(
        'g',
        {},
        shape('path', { d: markerPath(look.marker, x + 6, y, 4.5), fill: legible(look.color, inks.background) }),
        shape('text', { x: x + 18, y: y + 4, 'font-size': 12, fill: inks.text }, look.label),
      )
    }),
  )
  return shape(
    'svg',
    { width: at.width, height, viewBox: `0 0 ${at.width} ${height}`, 'font-family': FONT },
    ...(filled ? [shape('rect', { width: at.width, height, fill: inks.background })] : []),
    ...children,
    ...keys,
  )
}

function legendRows(legend: Look[], width: number): { look: Look; x: number }[][] {
  const rows: { look: Look; x: number }[][] = []
  let x = Infinity
  for (const look of legend) {
    const wide = 18 + textWidth(look.label, 12) + 22
    if (x + wide > width) {
      rows.push([])
      x = 8
    }
    rows.at(-1)?.push({ look, x })
    x += wide
  }
  return rows
}

export interface Place {
  width: number
  inks: Inks
  /** Given for a file: its title and its legend are part of the drawing. */
  title?: string
}

export interface RowsFigure<Row> extends Place {
  rows: readonly Row[]
  limits: [number, number]
  axisLabel: string
  percent: boolean
  /** Given where values are differences: how one is written beside its mark; a line stands at 0 then. */
  told?: (value: number) => string
}

/** One row an owner: where each group's model stands on the owner's own test images, joined by a line. */
export function drawDumbbells(figure: RowsFigure<DumbbellRow>): Shape {
  const { inks, rows } = figure
  const names = rows.map((row) => `${row.name} (${row.detail})`)
  // Many groups need room above and below each other.
  const tall = Math.min(72, Math.max(ROW, 6 * Math.max(0, ...rows.map((row) => row.dots.length))))
  const at = frame(figure.width, names, rows.length, figure.limits, figure.title !== undefined, tall)
  const looks = new Map(rows.flatMap((row) => row.dots.map((dot) => [dot.look.label, dot.look])))
  const body = rows.flatMap((row, number) => {
    const y = at.top + tall * (number + 0.5)
    const known = row.dots.filter((dot) => dot.value !== null) as { look: Look; value: number }[]
    const values = known.map((dot) => dot.value)
    return [
      shape('text', { x: round(at.left - 8), y: y + 4, 'text-anchor': 'end', 'font-size': 12, fill: inks.text }, fitted(names[number] ?? '', 12, at.left - 12)),
      ...(values.length > 1
        ? [shape('line', { x1: round(at.x(Math.min(...values))), x2: round(at.x(Math.max(...values))), y1: y, y2: y, stroke: inks.muted, 'stroke-width': 3, 'stroke-opacity': 0.45 })]
        : []),
      ...sidestep(known.map((dot) => at.x(dot.value)), tall - 10).map((dy, place) => {
        const dot = known[place] as { look: Look; value: number }
        return shape('path', {
          d: markerPath(dot.look.marker, at.x(dot.value), y + dy, 5),
          fill: legible(dot.look.color, inks.background), stroke: inks.background, 'stroke-width': 1,
        }) // prettier-ignore
      }),
    ]
  })
  const children = [...heading(figure.title, inks), ...axis(at, figure.limits, figure.axisLabel, figure.percent, inks), ...body]
  return svg(at, inks, figure.title !== undefined, figure.title === undefined ? [] : [...looks.values()], children)
}

/** How far markers that would hide each other move up or down, in pixels; room: what all of them together may take. */
export function sidestep(xs: readonly number[], room = 20): number[] {
  const order = xs.map((x, place) => ({ x, place })).sort((a, b) => a.x - b.x)
  const moved = new Array<number>(xs.length).fill(0)
  let cluster: typeof order = []
  const spread = () => cluster.forEach(({ place }, number) => (moved[place] = (number - (cluster.length - 1) / 2) * Math.min(7, room / cluster.length)))
  for (const point of order) {
    if (cluster.length && point.x - (cluster.at(-1) as { x: number }).x > 7) {
      spread()
      cluster = []
    }
    cluster.push(point)
  }
  spread()
  return moved
}

/** One row a group: its mean with the 95 % interval, and every seed as a small dot below. */
export function drawIntervals(figure: RowsFigure<IntervalRow>): Shape {
  const { inks, rows } = figure
  const [low, high] = figure.limits
  const told = figure.told
  const names = rows.map((row) => (told ? row.look.label : `${row.look.label} (n ${row.estimate.n})`))
  const at = frame(figure.width, names, rows.length, figure.limits, figure.title !== undefined, 34)
  const inside = (value: number) => Math.min(high, Math.max(low, value))
  const body = rows.flatMap((row, number) => {
    const y = at.top + 34 * (number + 0.5) - 4
    const color = legible(row.look.color, inks.background)
    const { value, low: from, high: to } = row.estimate
    const end = (bound: number) => (inside(bound) === bound ? [shape('line', { x1: round(at.x(bound)), x2: round(at.x(bound)), y1: y - 5, y2: y + 5, stroke: color, 'stroke-width': 2 })] : [])
    return [
      shape('text', { x: round(at.left - 8), y: y + 6, 'text-anchor': 'end', 'font-size': 12, fill: inks.text }, fitted(names[number] ?? '', 12, at.left - 12)),
      ...(from !== null && to !== null
        ? [shape('line', { x1: round(at.x(inside(from))), x2: round(at.x(inside(to))), y1: y, y2: y, stroke: color, 'stroke-width': 2 }), ...end(from), ...end(to)]
        : []),
      ...row.seeds.map((seed) => shape('circle', { cx: round(at.x(inside(seed.value))), cy: y + 11, r: 2.5, fill: color, 'fill-opacity': 0.6 }, shape('title', {}, `${seed.name}: ${plain(figure.percent ? 100 * seed.value : seed.value)}`))),
      ...(value === null ? [] : [shape('path', { d: markerPath(row.look.marker, at.x(inside(value)), y, 5.5), fill: color, stroke: inks.background, 'stroke-width': 1 })]),
      ...(value === null || !told ? [] : [shape('text', { x: round(at.x(inside(value))), y: y - 8, 'text-anchor': 'middle', 'font-size': 12, fill: inks.text }, told(value))]),
    ]
  })
  const zero = told ? [shape('line', { x1: round(at.x(0)), x2: round(at.x(0)), y1: at.top, y2: at.bottom, stroke: inks.text })] : []
  const children = [...heading(figure.title, inks), ...axis(at, figure.limits, figure.axisLabel, figure.percent, inks), ...zero, ...body]
  return svg(at, inks, figure.title !== undefined, [], children)
}
