import { describe, expect, it } from 'vitest'
import type { RunRow } from '../types'
import { EXPERIMENT, groupRuns } from './grouping'

const run = (id: string, more: Partial<RunRow> = {}): RunRow => ({
  id, folder: id, name: id, strategy: 'fedavg', label: 'fedavg', status: 'done', role: 'federated', reason: '', started: null, ended: null, rounds: 1, num_rounds: 1,
  num_clients: 5, seed: 0, accuracy: null, balanced_accuracy: null, megabytes: null, data: '', partition: '', is_reference: false, group: '', note: '', tags: [],
  differing: {}, ...more,
}) // prettier-ignore

describe('grouping runs', () => {
  it('by nothing is one group with all', () => {
    expect(groupRuns([run('a'), run('b')], '').map((group) => group.runs.length)).toEqual([2])
  })

  it('by experiment holds seeds together and keeps experiments of one label apart', () => {
    const runs = [run('a', { group: 'x', seed: 0 }), run('b', { group: 'y' }), run('c', { group: 'x', seed: 1 })]
    const groups = groupRuns(runs, EXPERIMENT)
    expect(groups.map((group) => group.runs.map(({ id }) => id))).toEqual([['a', 'c'], ['b']])
    expect(groups.map((group) => group.value)).toEqual(['fedavg', 'fedavg'])
  })

  it('by a setting puts numbers in order and tells 1 from "1" and from nothing', () => {
    const by = (values: (number | string | undefined)[]) =>
      groupRuns(values.map((lr, number) => run(String(number), { differing: lr === undefined ? {} : { lr } })), 'lr').map((group) => group.value)
    expect(by([10, 9, 10])).toEqual([9, 10])
    expect(by([1, '1', undefined])).toEqual([1, '1', undefined])
  })
})
