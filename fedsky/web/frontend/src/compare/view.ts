/** A comparison's dictionary as what the charts take. Nothing is computed: every number is the server's. */
import type { DumbbellRow, IntervalRow, Line, Look } from '../charts/types'
import type { Group, ComparableGroups, Scalar, SeedKey } from '../types'

export const AXES = ['round', 'megabytes', 'seconds', 'virtual_seconds', 'steps'] as const
export type Axis = (typeof AXES)[number]

/** "seed 0, data seed 0, fold 1/5": what makes a run a repetition. */
export function keyText(key: SeedKey | Record<string, Scalar>): string {
  return Object.entries(key)
    .filter(([, value]) => value !== null && value !== 'null')
    .map(([name, value]) => `${name.replaceAll('_', ' ')} ${value}`)
    .join(', ')
}

export const lookOf = (group: Group): Look => ({
  label: group.label,
  color: group.color,
  dash: group.dash,
  marker: group.marker,
})

export function linesOf(kind: ComparableGroups): Line[] {
  return kind.groups.map((group) => {
    const { x, mean, low, high, runs } = group.curve
    const curves = runs.map((run) => ({ name: keyText(run.key), x: run.x, y: run.y }))
    return { ...lookOf(group), id: group.id, n: group.n, x, mean, low, high, runs: curves }
  })
}

/** Owners in their order; told: how the number of test images is worded. */
export function dumbbellRows(kind: ComparableGroups, told: (num: number) => string): DumbbellRow[] {
  const shown = kind.groups.filter((group) => kind.owners.some((owner) => owner.values[group.label] != null))
  return kind.owners.map((owner) => ({
    name: owner.name,
    detail: told(owner.num_test),
    dots: shown.map((group) => ({ look: lookOf(group), value: owner.values[group.label] ?? null })),
  }))
}

/** Each group's final value; the single runs are dots only where they are of this metric. */
export function intervalRows(kind: ComparableGroups, metric: string, seedsAreOf: string): IntervalRow[] {
  return kind.groups.flatMap((group) => {
    const estimate = group.final[metric]
    if (!estimate) return []
    const seeds = group.seeds.flatMap(({ key, value }) => (value === null ? [] : [{ name: keyText(key), value }]))
    return [{ look: lookOf(group), estimate, seeds: metric === seedsAreOf ? seeds : [] }]
  })
}

/** How much better than training alone each group is. */
export function gainRows(kind: ComparableGroups): IntervalRow[] {
  return kind.gains.map(({ label, color, dash, marker, difference }) => ({ look: { label, color, dash, marker }, estimate: difference, seeds: [] }))
}

/** The settings in which the groups differ: [key, a value for each group (undefined: it has no such setting)]. */
export function differingSettings(configs: readonly Record<string, Scalar>[]): [string, (Scalar | undefined)[]][] {
  const keys = [...new Set(configs.flatMap((config) => Object.keys(config)))].sort()
  return keys
    .map((key): [string, (Scalar | undefined)[]] => [key, configs.map((config) => config[key])])
    .filter(([, values]) => new Set(values.map((value) => JSON.stringify(value))).size > 1)
}
