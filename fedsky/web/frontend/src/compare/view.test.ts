import { describe, expect, it } from 'vitest'
import type { Group, ComparableGroups } from '../types'
import { differingSettings, dumbbellRows, gainRows, intervalRows, keyText, linesOf } from './view'

const key = (seed: number) => ({ seed, data_seed: 0, fold: null })
const group = (label: string, seeds: number[]): Group => ({
  id: label, label, strategy: label, color: '#000000', dash: null, marker: 'o', n: seeds.length, runs: seeds.map((seed) => `${label}-${seed}`),
  final: { balanced_accuracy: { value: 0.9, low: 0.8, high: 1.02, n: seeds.length } },
  seeds: seeds.map((seed) => ({ key: key(seed), value: seed === 9 ? null : 0.9 })),
  curve: { x: [0, 1], mean: [0.5, 0.9], low: [null, 0.8], high: [null, 1], runs: seeds.map((seed) => ({ key: key(seed), x: [0, 1], y: [0.5, 0.9] })) },
}) // prettier-ignore
const kind: ComparableGroups = {
  title: 'folder', story: [], groups: [group('local', [0, 1]), group('fedavg', [0, 9])], comparisons: [], verdict: [], sections: [], left_out: [],
  gains: [{ label: 'fedavg', color: '#000000', dash: null, marker: 'o', difference: { value: 0.04, low: 0.01, high: 0.07, n: 2 } }],
  owners: [{ name: 'roof', client: 0, num_test: 15, values: { fedavg: 0.95 } }],
} // prettier-ignore

describe('a comparison as charts', () => {
  it('names runs by their seeds', () => {
    expect(keyText({ seed: 0, data_seed: 1, fold: '1/5' })).toBe('seed 0, data seed 1, fold 1/5')
    expect(keyText(key(2))).toBe('seed 2, data seed 0')
  })

  it('hands numbers on as they are', () => {
    const [line] = linesOf(kind)
    expect(line).toMatchObject({ label: 'local', n: 2, x: [0, 1], mean: [0.5, 0.9], low: [null, 0.8] })
    expect(line?.runs.map((run) => run.name)).toEqual(['seed 0, data seed 0', 'seed 1, data seed 0'])
    expect(intervalRows(kind, 'balanced_accuracy', 'balanced_accuracy')[0]?.estimate.high).toBe(1.02)
  })

  it('shows single runs only beside the measure that they are of, and leaves unknown ones out', () => {
    expect(intervalRows(kind, 'balanced_accuracy', 'balanced_accuracy')[1]?.seeds).toHaveLength(1)
    expect(intervalRows(kind, 'balanced_accuracy', 'loss')[0]?.seeds).toEqual([])
    expect(intervalRows(kind, 'loss', 'loss')).toEqual([])
  })

  it('hands gains over training alone on as they are', () => {
    const [row] = gainRows(kind)
    expect(row).toMatchObject({ look: { label: 'fedavg' }, estimate: { value: 0.04, low: 0.01, high: 0.07 }, seeds: [] })
  })

  it('gives owners the groups that have a value for any owner', () => {
    const [row] = dumbbellRows(kind, (num) => `n ${num}`)
    expect(row).toMatchObject({ name: 'roof', detail: 'n 15' })
    expect(row?.dots.map((dot) => [dot.look.label, dot.value])).toEqual([['fedavg', 0.95]])
  })
})

describe('settings that differ', () => {
  it('are those alone; a missing one is told from null', () => {
    const rows = differingSettings([
      { lr: 0.05, mu: null, rounds: 20 },
      { lr: 0.01, rounds: 20 },
    ])
    expect(rows).toEqual([
      ['lr', [0.05, 0.01]],
      ['mu', [null, undefined]],
    ])
  })
})
