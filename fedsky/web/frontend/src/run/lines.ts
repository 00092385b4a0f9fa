/** A run's rounds as curves. Sums of bytes, seconds and steps are all that is computed here. */
import type { Line } from '../charts/types'
import type { Round, RunRow } from '../types'

export const AXES = ['round', 'megabytes', 'seconds', 'steps'] as const
export type Axis = (typeof AXES)[number]

const COSTS: Record<Exclude<Axis, 'round'>, (row: Round) => number | null | undefined> = {
  megabytes: (row) => (row.bytes_up === null || row.bytes_down === null ? null : (row.bytes_up + row.bytes_down) / 1e6),
  seconds: (row) => row.seconds,
  steps: (row) => row.num_steps,
}

/** What has been spent by the end of each round; null from the first round on whose cost is unknown (round 0 is free). */
export function spent(rounds: readonly Round[], axis: Axis): (number | null)[] {
  if (axis === 'round') return rounds.map((row) => row.round)
  let sum: number | null = 0
  return rounds.map((row) => {
    const cost = COSTS[axis](row)
    if (row.round > 0 || cost != null) sum = sum === null || cost == null ? null : sum + cost
    return sum
  })
}

/** The axes over which the rounds can be drawn: those along which something is spent, and known. */
export function usableAxes(rounds: readonly Round[]): Axis[] {
  return AXES.filter((axis) => axis === 'round' || (spent(rounds, axis).at(-1) ?? 0) > 0)
}

export interface Measure {
  key: keyof Round
  label: string
  color: string
  dash: number[]
  marker: string
}

/** One line a measure that has any value. */
export function linesOf(rounds: readonly Round[], measures: readonly Measure[], axis: Axis): Line[] {
  const xs = spent(rounds, axis)
  const kept = rounds.map((_, place) => place).filter((place) => xs[place] !== null)
  return measures.flatMap(({ key, ...look }) => {
    const mean = kept.map((place) => rounds[place]?.[key] ?? null)
    if (mean.every((value) => value === null)) return []
    const none = mean.map(() => null)
    return [{ ...look, id: key, n: 1, x: kept.map((place) => xs[place] as number), mean, low: none, high: none, runs: [] }]
  })
}

/** A run's row as its latest rounds tell it: the row itself was read when the page was opened. */
export function upToDate(run: RunRow, rounds: readonly Round[]): RunRow {
  const latest = rounds.at(-1)
  if (!latest || latest.round < (run.rounds ?? 0)) return run
  return {
    ...run,
    rounds: latest.round,
    accuracy: latest.accuracy,
    balanced_accuracy: latest.balanced_accuracy,
    megabytes: spent(rounds, 'megabytes').at(-1) ?? run.megabytes,
  }
}

/** The rounds so far with news of later ones: the last word on a round counts. */
export function joined(before: readonly Round[], news: readonly Round[]): Round[] {
  const every = new Map([...before, ...news].map((row) => [row.round, row]))
  return [...every.values()].sort((a, b) => a.round - b.round)
}
