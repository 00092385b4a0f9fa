/** Launches and the queue. */

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
  /** Some of those runs ran on another machine. */
  estimate_elsewhere: boolean
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
