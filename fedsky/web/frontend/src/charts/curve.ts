/** The numbers of curves: one shared x for the canvas, limits, reading at a position, and the table behind them. */
import type { Numbers } from './exports'
import { fractionLimits, numberLimits } from './ticks'
import type { Line } from './types'
import { t } from './words'

/** Columns for uPlot: all x of all lines in order, then each line's mean there (undefined where it has no value). */
export function align(lines: readonly Line[]): [number[], ...(number | null | undefined)[][]] {
  const xs = [...new Set(lines.flatMap((line) => line.x))].sort((a, b) => a - b)
  const place = new Map(xs.map((x, number) => [x, number]))
  const columns = lines.map((line) => {
    const column = new Array<number | null | undefined>(xs.length).fill(undefined)
    line.x.forEach((x, number) => (column[place.get(x) as number] = line.mean[number] ?? null))
    return column
  })
  return [xs, ...columns]
}

/** Every value that must be seen: means, single runs, and the bands around means of several, of which none is below 0. */
export function* valuesOf(lines: readonly Line[]): Generator<number> {
  for (const line of lines) {
    for (const value of line.mean) if (value !== null) yield value
    for (const run of line.runs) for (const value of run.y) if (value !== null) yield value
    if (line.runs.length > 1) for (const end of [...line.low, ...line.high]) if (end !== null) yield Math.max(0, end)
  }
}

export function limitsOf(lines: readonly Line[], percent: boolean): [number, number] {
  return percent ? fractionLimits(valuesOf(lines)) : numberLimits(valuesOf(lines))
}

export function xLimits(lines: readonly Line[]): [number, number] {
  let low = Infinity
  let high = -Infinity
  for (const line of lines) {
    for (const x of line.x) {
      low = Math.min(low, x)
      high = Math.max(high, x)
    }
  }
  if (low === Infinity) return [0, 1]
  return low === high ? [low - 0.5, high + 0.5] : [low, high]
}

/** The place of the value nearest to x in ascending xs; -1 if there is none. */
export function nearest(xs: readonly number[], x: number): number {
  if (xs.length === 0) return -1
  let low = 0
  let high = xs.length - 1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((xs[middle] as number) <= x) low = middle
    else high = middle
  }
  return Math.abs((xs[low] as number) - x) <= Math.abs((xs[high] as number) - x) ? low : high
}

export interface Reading {
  x: number
  value: number | null
  low: number | null
  high: number | null
}

/** What a line says nearest to x; null beyond its ends, where it says nothing. */
export function readAt(line: Line, x: number): Reading | null {
  const at = nearest(line.x, x)
  if (at < 0) return null
  const first = line.x[0] as number
  const last = line.x.at(-1) as number
  const slack = line.x.length > 1 ? (last - first) / (line.x.length - 1) / 2 : 0
  if (x > last + slack + 1e-9 || x < first - slack - 1e-9) return null
  return {
    x: line.x[at] as number,
    value: line.mean[at] ?? null,
    low: line.low[at] ?? null,
    high: line.high[at] ?? null,
  }
}

/** How strong a band may be, so that many groups do not drown each other (the report's rule). */
export function bandOpacity(count: number): number {
  return count <= 4 ? 0.16 : count <= 8 ? 0.08 : 0.05
}

/** How strong the line of a single run may be. */
export function runOpacity(lines: readonly Line[]): number {
  const count = lines.reduce((sum, line) => sum + line.runs.length, 0)
  return 0.4 * Math.min(1, Math.sqrt(12 / Math.max(1, count)))
}

/** Every mean with its interval and every single run, one row a group, run and x. */
export function curveNumbers(lines: readonly Line[], xName: string, yName: string, percent: boolean): Numbers {
  const kind = percent ? 'percent' : 'number'
  const rows: Numbers['rows'] = []
  for (const line of lines) {
    line.x.forEach((x, at) =>
      rows.push([line.label, t('mean'), x, line.mean[at], line.low[at] ?? null, line.high[at] ?? null, line.n]),
    )
    if (line.runs.length < 2) continue
    for (const run of line.runs) run.x.forEach((x, at) => rows.push([line.label, run.name, x, run.y[at], null, null, 1]))
  }
  return {
    columns: [
      { name: t('group'), kind: 'text' },
      { name: t('run'), kind: 'text' },
      { name: xName, kind: 'number' },
      { name: yName, kind },
      { name: t('low'), kind },
      { name: t('high'), kind },
      { name: t('num'), kind: 'count' },
    ],
    rows,
  }
}
