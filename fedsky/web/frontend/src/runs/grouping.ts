/** Runs in groups: by experiment, or by the value of one setting in which they differ. */
import type { RunRow, Scalar } from '../types'

/** What the server says of a run beyond types/; group: the same for runs whose seeds and folds alone differ. */
export type ListedRun = RunRow & { group?: string; tags?: string[] }

export interface RunGroup {
  key: string
  value: Scalar | undefined
  runs: ListedRun[]
}

export const EXPERIMENT = 'experiment'

/** Groups in the order in which they come first in the list; numbers as values are put in their order. */
export function groupRuns(runs: readonly ListedRun[], by: string): RunGroup[] {
  if (!by) return [{ key: '', value: undefined, runs: [...runs] }]
  const groups = new Map<string, RunGroup>()
  for (const run of runs) {
    const value = by === EXPERIMENT ? (run.group ?? run.label) : run.differing[by]
    const key = JSON.stringify(value ?? null)
    const group = groups.get(key) ?? { key, value: by === EXPERIMENT ? run.label : value, runs: [] }
    group.runs.push(run)
    groups.set(key, group)
  }
  const found = [...groups.values()]
  if (found.every(({ value }) => typeof value === 'number')) found.sort((a, b) => Number(a.value) - Number(b.value))
  return found
}
