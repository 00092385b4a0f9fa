/** What the server says of a run beyond types/. */
import type { FeedEntry, RoundsPage, RunDetail, RunRow, Scalar } from '../types'

export type Entry = FeedEntry
export type Page = RoundsPage
export type Detail = Omit<RunDetail, 'machine'> & {
  run: RunRow & { tags?: string[] }
  machine: string | Record<string, Scalar> | null
  changed?: boolean
}
