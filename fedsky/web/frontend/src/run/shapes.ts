/** What the server says of a run beyond types/. */
import type { FeedEntry, Round, RoundsPage, RunDetail, RunRow, Scalar } from '../types'

export type Entry = Omit<FeedEntry, 'num_clients' | 'cohort' | 'failures'> & {
  num_clients: number | null
  /** How many clients there were to draw from. */
  cohort: number | null
  failures: number | null
}
export type Page = Omit<RoundsPage, 'feed'> & { feed: Entry[]; rounds: Round[] }
export type Detail = Omit<RunDetail, 'machine'> & {
  run: RunRow & { tags?: string[] }
  machine: string | Record<string, Scalar> | null
  changed?: boolean
}
