/** Comparison: the dictionary of fedsky.report.summary.compare. */

export interface Interval {
  value: number | null
  low: number | null
  high: number | null
  n: number
}

export interface SeedKey {
  seed: number | null
  data_seed: number | null
  fold: number | null
}

export interface Group {
  id: string
  label: string
  strategy: string
  color: string
  dash: string | number[] | null
  marker: string
  n: number
  runs: string[]
  final: Record<string, Interval>
  seeds: { key: SeedKey; value: number | null }[]
  curve: {
    x: number[]
    mean: (number | null)[]
    low: (number | null)[]
    high: (number | null)[]
    runs: { key: SeedKey; x: number[]; y: (number | null)[] }[]
  }
}

/** What a difference comes to, for the first of the two. */
export type Verdict = 'better' | 'worse' | 'within' | 'open' | 'same' | 'unknown'

export interface PairedDifference {
  first: string
  second: string
  difference: Interval
  p: number | null
  family: 'planned' | 'exploratory'
  verdict: Verdict
  within: boolean
  photographs: number
  splits: number
  sentence: string
}

export interface Owner {
  name: string
  client: number
  num_test: number
  values: Record<string, number | null>
}

export interface Kind {
  title: string
  groups: Group[]
  comparisons: PairedDifference[]
  owners: Owner[]
  verdict: string[]
  left_out: { name: string; status: string; reason: string }[]
}

export interface Comparison {
  title: string
  notes: string[]
  kinds: Kind[]
}

export interface Story {
  compare: Comparison
  sentences: string[]
}
