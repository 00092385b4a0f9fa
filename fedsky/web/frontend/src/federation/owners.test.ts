import { describe, expect, it } from 'vitest'
import { show, textOf } from '../../test/shown'
import type { FederationOwner, FederationRun, FederationView, GivenBy } from '../types'
import OwnerTable from './OwnerTable.vue'
import RoundTable from './RoundTable.vue'
import { connected, hasKit, isBehind, megabytes, versions } from './owners'

const owner = (name: string, state: FederationOwner['state']): FederationOwner => ({ name, state, since: null, registered: null })
const view = (owners: FederationOwner[], served = true): FederationView => ({
  folder: 'federation', address: 'lab:8000', problem: null, is_served: served, why_not: '', num_owners: owners.length, owners,
})
const gave = (name: string, more: Partial<GivenBy> = {}): GivenBy => ({
  name, version: '0.2.0', since: null, status: 'ok', reason: '', num_examples: 40, bytes_up: 1.25e6, bytes_down: 2e6, seconds: 0.5, ...more,
})
const run = (more: Partial<FederationRun> = {}): FederationRun => ({
  id: 'abc', name: 'fedavg, seed 0', status: 'running', started: null, round: 3, num_rounds: 10, owners: [gave('A')], ...more,
})

describe('what is said of owners', () => {
  it('counts those that have a kit', () => {
    const all = view([owner('A', 'connected'), owner('B', 'away'), owner('C', 'new'), owner('D', 'revoked')])
    expect(connected(all)).toEqual({ connected: 1, count: 3 })
    expect(all.owners.filter(hasKit).map(({ name }) => name)).toEqual(['A', 'B', 'C'])
  })

  it('tells when the SuperLink is behind, where it answers', () => {
    expect(isBehind(view([owner('A', 'connected'), owner('D', 'revoked')]))).toBe(false)
    expect(isBehind(view([owner('A', 'pending')]))).toBe(true)
    expect(isBehind(view([owner('A', 'leaving')]))).toBe(true)
    expect(isBehind(view([owner('A', 'pending')], false))).toBe(false)
  })

  it('knows the versions of a run and nothing else', () => {
    expect([...versions(run({ owners: [gave('A'), gave('B', { version: null })] }))]).toEqual([['A', '0.2.0']])
    expect(versions(null).size).toBe(0)
    expect([megabytes(1_250_000), megabytes(0), megabytes(null)]).toEqual([1.25, 0, null])
  })
})

describe('the tables', () => {
  it('lets an administrator alone change an owner that has a kit', () => {
    const props = { owners: [owner('A', 'connected'), owner('D', 'revoked')], versions: new Map([['A', '0.2.0']]), busy: false }
    const { element, end } = show(OwnerTable, { ...props, mayChange: true })
    expect([...element.querySelectorAll('button')].map((button) => button.ariaLabel ?? button.getAttribute('aria-label'))).toEqual(['New key for A', 'Revoke A'])
    expect(textOf(element, 'tbody tr')).toContain('0.2.0')
    end()
    const other = show(OwnerTable, { ...props, mayChange: false })
    expect(other.element.querySelectorAll('button').length).toBe(0)
    other.end()
  })

  it('says what became of an owner in the round', () => {
    const owners = [gave('A'), gave('B', { status: 'away', reason: 'not connected', num_examples: null, bytes_up: null, bytes_down: null, seconds: null })]
    const { element, end } = show(RoundTable, { run: run({ owners }) })
    expect(textOf(element, 'p')).toBe('Last complete round: 3 of 10')
    const rows = [...element.querySelectorAll('tbody tr')].map((row) => [...row.children].map((cell) => cell.textContent?.trim()))
    expect(rows).toEqual([
      ['A', 'counted', '40', '1.25', '2.00', '0.5', '–'],
      ['B', 'away', '–', '–', '–', '–', 'not connected'],
    ])
    end()
  })
})
