/** What the charts are given; the same shapes as fedsky.report.summary writes. Fractions are in [0, 1]. */

export interface Estimate {
  value: number | null
  low: number | null
  high: number | null
  n: number
}

/** How a group looks: any one of the three tells it apart. */
export interface Look {
  label: string
  color: string
  /** Strokes and gaps in line widths; nothing for a solid line. */
  dash?: string | readonly number[] | null
  marker?: string | null
}

/** The curve of a single run. */
export interface RunCurve {
  name: string
  x: readonly number[]
  y: readonly (number | null)[]
}

/** A group's mean over its runs with its interval, and the runs themselves. */
export interface Line extends Look {
  id: string
  n: number
  x: readonly number[]
  mean: readonly (number | null)[]
  low: readonly (number | null)[]
  high: readonly (number | null)[]
  runs: readonly RunCurve[]
}

export interface Dot {
  look: Look
  value: number | null
}

/** One row of a dumbbell plot: an owner and its value under each group. */
export interface DumbbellRow {
  name: string
  detail: string
  dots: readonly Dot[]
}

/** One row of a plot of final values. */
export interface IntervalRow {
  look: Look
  estimate: Estimate
  seeds: readonly { name: string; value: number }[]
}
