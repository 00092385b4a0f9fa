import { describe, expect, it } from 'vitest'
import type { Round, RunRow } from '../types'
import { joined, linesOf, upToDate, usableAxes, type Measure } from './lines'

const round = (number: number, more: Partial<Round> = {}): Round => ({
  round: number, loss: null, accuracy: 0.5, balanced_accuracy: null, validation_loss: null, validation_accuracy: null, train_loss: null,
  global_train_loss: null, epsilon: null, clip_norm: null, num_trained: 5, num_failures: 0, virtual_seconds: null, bytes_up: 1e6, bytes_down: 2e6, num_steps: 10, seconds: 4,
  spent: { megabytes: 3 * number, seconds: 4 * number, virtual_seconds: null, steps: 10 * number }, ...more,
}) // prettier-ignore
const start = round(0)
const unknown = { megabytes: 6, seconds: null, virtual_seconds: null, steps: 20 }

describe('what has been spent', () => {
  it('offers only axes along which something is spent', () => {
    const silent = { spent: { megabytes: 0, seconds: 4, virtual_seconds: null, steps: 10 } }
    expect(usableAxes([start, round(1, silent)])).toEqual(['round', 'seconds', 'steps'])
    expect(usableAxes([])).toEqual(['round'])
  })
})

describe('a row', () => {
  const row = { rounds: 1, accuracy: 0.1, megabytes: 3 } as RunRow

  it('follows the rounds that came since it was read, and never goes back', () => {
    expect(upToDate(row, [start, round(1), round(2, { accuracy: 0.8 })])).toMatchObject({ rounds: 2, accuracy: 0.8, megabytes: 6 })
    expect(upToDate(row, [start])).toBe(row)
    expect(upToDate(row, [])).toBe(row)
  })
})

describe('curves of a run', () => {
  const measures: Measure[] = [
    { key: 'accuracy', label: 'Accuracy', color: '#0072B2', dash: [], marker: 'o' },
    { key: 'loss', label: 'Loss', color: '#0072B2', dash: [], marker: 'o' },
  ]

  it('leave out measures without any value and rounds whose place is unknown', () => {
    const rounds = [start, round(1), round(2, { spent: unknown })]
    const lines = linesOf(rounds, measures, 'seconds')
    expect(lines.map((line) => line.id)).toEqual(['accuracy'])
    expect(lines[0]?.x).toEqual([0, 4])
    expect(linesOf(rounds, measures, 'round')[0]?.x).toEqual([0, 1, 2])
  })

  it('take the last word on a round and keep the order', () => {
    const all = joined([round(0), round(1)], [round(2), round(1, { accuracy: 0.9 })])
    expect(all.map((row) => [row.round, row.accuracy])).toEqual([[0, 0.5], [1, 0.9], [2, 0.5]]) // prettier-ignore
  })
})
