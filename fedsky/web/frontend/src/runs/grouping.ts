/** Runs in groups: by experiment, or by the value of one setting in which they differ. */
import type { RunRow, Scalar } from '../types'

export interface RunGroup {
  key: string
  value: Scalar | undefined
  runs: RunRow[]
}

export const EXPERIMENT = 'experiment'

/** Groups in the order in which they come first in the list; numbers as values are put in their order. */
export function groupRuns(runs: readonly RunRow[], by: string): RunGroup[] {
  if (!by) return [{ key: '', value: undefined, runs: [...runs] }]
  const groups = new Map<string, RunGroup>()
  for (const run of runs) {
    const value = by === EXPERIMENT ? run.group : run.differing[by]
    const key = JSON.stringify(value ?? null)
    const group = groups.get(key) ?? { key, value: by === EXPERIMENT ? run.label : value, runs: [] }
    group.runs.push(run)
    groups.set(key, group)
  }
  const found = [...groups.values()]
  if (found.every(({ value }) => typeof value === 'number')) found.sort((a, b) => Number(a.value) - Number(b.value))
  return found
}
