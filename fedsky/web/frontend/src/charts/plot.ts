/** The settings of a uPlot canvas and what is drawn on it besides uPlot's own lines: bands, single runs, markers. */
import type uPlot from 'uplot'
import type { Theme } from '../theme'
import { bandOpacity, nearest, runOpacity, xLimits } from './curve'
import { bandOf, stretches } from './curveDrawing'
import { dashOf, legible, outline } from './look'
import { FONT, INKS } from './shape'
import type { Line } from './types'
import { tickText } from './words'

export interface PlotSettings {
  width: number
  height: number
  theme: Theme
  lines: readonly Line[]
  xLabel: string
  /** Anew for each drawing: it tells where the axis begins. */
  yLabel: () => string
  percent: boolean
  sync?: string
  limits: () => [number, number]
  draw: (u: uPlot) => void
  /** The x under the cursor, null when it left. */
  moved: (x: number | null) => void
}

export function makeOptions(settings: PlotSettings): uPlot.Options {
  const inks = INKS[settings.theme]
  const axis: uPlot.Axis = {
    stroke: inks.muted,
    font: `11px ${FONT}`,
    labelFont: `12px ${FONT}`,
    labelSize: 22,
    grid: { stroke: inks.grid, width: 1 },
    ticks: { stroke: inks.grid, width: 1, size: 4 },
  }
  const isWhole = settings.lines.every((line) => line.x.every(Number.isInteger))
  const yText = (value: number) => tickText(settings.percent ? Math.round(1000 * value) / 10 : value)
  return {
    width: settings.width,
    height: settings.height,
    padding: [10, 14, 0, 0],
    legend: { show: false },
    scales: {
      x: { time: false, range: (_, low, high) => (low === high ? xLimits(settings.lines) : [low, high]) },
      y: { range: () => settings.limits() },
    },
    axes: [
      {
        ...axis,
        label: settings.xLabel,
        size: 32,
        space: 60,
        values: (_, splits) => splits.map(tickText),
        incrs: isWhole ? [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 1e4, 2e4, 5e4, 1e5] : undefined,
      },
      { ...axis, label: settings.yLabel, size: 48, values: (_, splits) => splits.map(yText) },
    ],
    series: [
      {},
      ...settings.lines.map((line) => ({
        label: line.label,
        stroke: legible(line.color, inks.background),
        width: 2,
        dash: dashOf(line),
        spanGaps: true,
        points: { show: false },
      })),
    ],
    cursor: {
      y: false,
      sync: settings.sync ? { key: settings.sync, setSeries: false } : undefined,
      drag: { x: true, y: false },
      points: { size: 9 },
      dataIdx: (u, series, _, x) => {
        const line = settings.lines[series - 1]
        const place = line ? nearest(line.x, x) : -1
        return place < 0 ? nearest(u.data[0] as number[], x) : nearest(u.data[0] as number[], line?.x[place] as number)
      },
    },
    hooks: {
      drawAxes: [settings.draw],
      drawSeries: [(u, series) => markers(u, settings.lines, series, inks.background)],
      setCursor: [
        (u) => {
          const left = u.cursor.left ?? -1
          settings.moved(left < 0 ? null : u.posToVal(left, 'x'))
        },
      ],
    },
  }
}

function clipped(u: uPlot, draw: (context: CanvasRenderingContext2D) => void): void {
  const { ctx, bbox } = u
  ctx.save()
  ctx.beginPath()
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height)
  ctx.clip()
  draw(ctx)
  ctx.restore()
}

function trace(context: CanvasRenderingContext2D, points: [number, number][]): void {
  context.beginPath()
  points.forEach(([x, y], number) => (number ? context.lineTo(x, y) : context.moveTo(x, y)))
}

/** Bands and single runs, under the means. */
export function drawLines(u: uPlot, lines: readonly Line[], hidden: ReadonlySet<string>, theme: Theme): void {
  const at = (x: number, y: number): [number, number] => [u.valToPos(x, 'x', true), u.valToPos(y, 'y', true)]
  clipped(u, (context) => {
    for (const line of lines) {
      if (hidden.has(line.id) || line.runs.length < 2) continue
      const color = legible(line.color, INKS[theme].background)
      context.fillStyle = color
      context.strokeStyle = color
      context.globalAlpha = bandOpacity(lines.length)
      for (const band of bandOf(line, at)) {
        trace(context, band)
        context.fill()
      }
      context.globalAlpha = runOpacity(lines)
      context.lineWidth = window.devicePixelRatio * 0.8
      for (const run of line.runs) {
        for (const stretch of stretches(run.x, run.y, at)) {
          trace(context, stretch)
          context.stroke()
        }
      }
    }
  })
}

/** About six markers on a line, set off from those of other lines. */
function markers(u: uPlot, lines: readonly Line[], series: number, background: string): void {
  const line = lines[series - 1]
  if (!line || u.series[series]?.show === false) return
  const known = line.x.flatMap((x, place) => (line.mean[place] == null ? [] : [[x, line.mean[place] as number]]))
  const step = Math.max(1, Math.ceil(known.length / 6))
  const pixel = window.devicePixelRatio
  clipped(u, (context) => {
    context.fillStyle = legible(line.color, background)
    context.strokeStyle = background
    context.lineWidth = 0.7 * pixel
    known.forEach(([x, y], place) => {
      if (place % step !== (series - 1) % step) return
      const [left, top] = [u.valToPos(x as number, 'x', true), u.valToPos(y as number, 'y', true)]
      const corners = outline(line.marker, 4 * pixel)
      context.beginPath()
      if (corners === null) context.arc(left, top, 4 * pixel, 0, 2 * Math.PI)
      else corners.forEach(([dx, dy], number) => (number ? context.lineTo(left + dx, top + dy) : context.moveTo(left + dx, top + dy)))
      context.closePath()
      context.fill()
      context.stroke()
    })
  })
}
