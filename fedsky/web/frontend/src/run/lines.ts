/** A run's rounds as curves. */
import type { Line } from '../charts/types'
import type { Round, RunRow } from '../types'

export const AXES = ['round', 'megabytes', 'seconds', 'virtual_seconds', 'steps'] as const
export type Axis = (typeof AXES)[number]

/** What had been spent by the end of a round, as the site tells it: null where unknown. */
function spent(row: Round, axis: Axis): number | null {
  return axis === 'round' ? row.round : row.spent[axis]
}

/** The axes over which the rounds can be drawn: those along which something is spent, and known. */
export function usableAxes(rounds: readonly Round[]): Axis[] {
  const last = rounds.at(-1)
  return AXES.filter((axis) => axis === 'round' || (last !== undefined && (spent(last, axis) ?? 0) > 0))
}

export interface Measure {
  key: Exclude<keyof Round, 'spent'>
  label: string
  color: string
  dash: number[]
  marker: string
}

/** One line a measure that has any value. */
export function linesOf(rounds: readonly Round[], measures: readonly Measure[], axis: Axis): Line[] {
  const kept = rounds.filter((row) => spent(row, axis) !== null)
  return measures.flatMap(({ key, ...look }) => {
    const mean = kept.map((row) => row[key] ?? null)
    if (mean.every((value) => value === null)) return []
    const none = mean.map(() => null)
    return [{ ...look, id: key, n: 1, x: kept.map((row) => spent(row, axis) as number), mean, low: none, high: none, runs: [] }]
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
    megabytes: latest.spent.megabytes ?? run.megabytes,
  }
}

/** The rounds so far with news of later ones: the last word on a round counts. */
export function joined(before: readonly Round[], news: readonly Round[]): Round[] {
  const every = new Map([...before, ...news].map((row) => [row.round, row]))
  return [...every.values()].sort((a, b) => a.round - b.round)
}
