/** Runs. */

export type RunStatus = 'running' | 'done' | 'failed' | 'interrupted' | 'unknown'
export type Scalar = string | number | boolean | null

export interface RunRow {
  id: string
  folder: string
  name: string
  strategy: string
  label: string
  status: RunStatus
  reason: string | null
  started: string | null
  ended: string | null
  rounds: number
  num_rounds: number | null
  num_clients: number | null
  seed: number | null
  accuracy: number | null
  balanced_accuracy: number | null
  megabytes: number | null
  data: string | null
  partition: string | null
  is_reference: boolean
  note: string | null
  differing: Record<string, Scalar>
}

export interface RunList {
  runs: RunRow[]
  total: number
  strategies: string[]
  statuses: RunStatus[]
  differs: string[]
  /** Folders that were not looked into, since there are too many. */
  left_out: number
}

export interface RunDetail {
  run: RunRow
  config: Record<string, Scalar>
  result: Record<string, unknown> | null
  versions: Record<string, string>
  command: string | null
  commit: string | null
  machine: string | Record<string, unknown> | null
  problems: string[]
  files: { name: string; bytes: number }[]
  has: { predictions: boolean; partition: boolean; model: boolean }
  annotation: Annotation
}

export interface Annotation {
  title: string | null
  note: string | null
  tags: string[]
}

export interface Round {
  round: number
  loss: number | null
  accuracy: number | null
  balanced_accuracy: number | null
  validation_loss: number | null
  validation_accuracy: number | null
  train_loss: number | null
  num_trained: number
  num_failures: number
  bytes_up: number
  bytes_down: number
  seconds?: number | null
  [key: string]: number | null | undefined
}

export interface FeedEntry {
  round: number
  text_key?: string
  num_trained: number | null
  num_owners: number | null
  megabytes: number
  accuracy: number | null
  failures: number | null
}

export interface RoundsPage {
  rounds: Round[]
  feed: FeedEntry[]
  last: number
  /** Whether there are more rounds to ask for at once. */
  more: boolean
  status: RunStatus
}

export interface ClientGrid {
  /** Of the run; the first of them are told. */
  num_clients: number
  clients: { client: number; name: string; num_examples: number }[]
  rounds: number[]
  values: (number | null)[][]
  status?: RunStatus
}

export interface PartitionView {
  /** Of the run; the first of them are told. */
  num_owners: number
  classes: string[]
  clients: { client: number; name: string; train: number[]; validation: number[]; test: number[] }[]
  /** The mean Jensen-Shannon distance of an owner's labels to those of all: 0 (alike) to 1. */
  heterogeneity: number | null
}

export interface Confusion {
  classes: string[]
  matrix: number[][]
  precision: (number | null)[]
  recall: (number | null)[]
  n: number
}
