/** The shapes of the API (GET /api/openapi.json describes them too). Times are ISO 8601 UTC, ids opaque. */

export type Role = 'user' | 'operator' | 'admin'
export type UserState = 'waiting' | 'active' | 'disabled'

export interface User {
  id: string
  name: string
  role: Role
  state: UserState
  must_change_password: boolean
}

export interface Session {
  user: User | null
  csrf: string
  public: boolean
  registration: 'approve' | 'open' | 'closed'
  version: string
  pending_users?: number
}

export interface Profile {
  user: User
  created: string
  counts: { predictions: number; jobs: number }
}

export interface Login {
  id: string
  created: string
  last_seen: string
  address: string
  agent: string
  current: boolean
}

export interface Account {
  id: string
  name: string
  role: Role
  state: UserState
  created: string
  last_login: string | null
}

export interface AuditEntry {
  id: string
  time: string
  actor: string | null
  action: string
  target: string | null
  detail: string | Record<string, unknown> | null
  address: string | null
}

export interface Dataset {
  name: string
  count: number
  classes: string[] | Record<string, number>
  [more: string]: unknown
}

// Runs

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
  num_clients: number
  num_failures: number
  bytes_up: number
  bytes_down: number
  seconds?: number | null
  [key: string]: number | null | undefined
}

export interface FeedEntry {
  round: number
  text_key?: string
  num_clients: number
  cohort: number
  megabytes: number
  accuracy: number | null
  failures: number
}

export interface RoundsPage {
  rounds: Round[]
  feed: FeedEntry[]
  last: number
  status: RunStatus
}

export interface ClientGrid {
  clients: { client: number; name: string; num_examples: number }[]
  rounds: number[]
  values: (number | null)[][]
  status?: RunStatus
}

export interface PartitionView {
  classes: string[]
  clients: { client: number; name: string; train: number[]; validation: number[]; test: number[] }[]
  heterogeneity: Record<string, number | null>
}

export interface Confusion {
  classes: string[]
  matrix: number[][]
  precision: (number | null)[]
  recall: (number | null)[]
  n: number
}

// Comparison: the dictionary of fedsky.report.summary.compare

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

export interface PairedDifference {
  first: string
  second: string
  difference: Interval
  p: number | null
  p_holm: number | null
  effect_size: number | null
  images: Interval | null
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

// Jobs

export type JobStatus = 'queued' | 'running' | 'done' | 'failed' | 'cancelled' | 'interrupted'

export interface Recipe {
  id: string
  title: string
  description: string
  command: string
}

export interface Field {
  name: string
  label: string
  type: 'choice' | 'int' | 'float'
  choices?: (string | number | { value: string | number; label: string })[]
  min?: number | null
  max?: number | null
  step?: number | null
  default: string | number | null
  unit?: string | null
  help?: string | null
  /** Counts only while another field has one of these values. */
  when?: { field: string; values: (string | number)[] } | null
}

export interface RecipeBook {
  recipes: Recipe[]
  fields: Field[]
}

export interface Preview {
  command: string
  seconds_estimate: number | null
  /** How many finished runs the estimate comes from. */
  estimate_basis: number
  num_runs: number
  problems: string[]
}

export interface Job {
  id: string
  title: string
  owner: string | null
  status: JobStatus
  command: string
  created: string
  started: string | null
  ended: string | null
  reason: string | null
  position: number | null
  num_runs: number
  seconds_estimate: number | null
  /** Asked to end, which takes a moment. */
  cancelling: boolean
  retry_of: string | null
  runs: string[]
}

export interface JobList {
  jobs: Job[]
  queue_length: number
  worker: { alive: boolean; last_seen: string | null }
}

export interface JobLog {
  text: string
  next: number
  done: boolean
}

// Prediction

export interface Model {
  id: string
  run_id: string
  label: string
  strategy: string
  kind: 'federated' | 'pooled' | 'alone'
  client?: number | string | null
  accuracy: number | null
  n_test: number | null
  classes: string[]
  is_default: boolean
}

export interface Prediction {
  prediction: { label: string; probability: number; probabilities: Record<string, number> }
  heatmap: { width: number; height: number; png: string }
  photo: { png: string; width: number; height: number }
  others: { model: string; kind: Model['kind']; label: string; probability: number }[]
  sky: { is_sky: boolean; score: number; threshold: number; text: string }
  model: Model
  caution: string
  saved: string | null
}

export interface SavedPrediction {
  id: string
  created: string
  label: string
  probability: number
  model: string
  is_sky: boolean
  /** The label under which it was offered, and what became of that. */
  offered: string | null
  offer_state: Offer['state'] | null
}

export interface Offer {
  id: string
  label: string
  predicted: string | null
  probability: number | null
  classes: string[]
  owner: string | null
  created: string
  state: 'waiting' | 'accepted' | 'rejected'
  decided_label: string | null
  decided_by: string | null
  decided: string | null
}
