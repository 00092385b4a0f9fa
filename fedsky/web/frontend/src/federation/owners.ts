/** What the page says of a federation's owners, from what the server tells of them and of the run that trains with them. */
import type { FederationOwner, FederationRun, FederationView } from '../types'

/** Whether an owner's key was not taken back: it can get another one, or lose it. */
export const hasKit = (owner: FederationOwner): boolean => owner.state !== 'revoked' && owner.state !== 'leaving'

/** How many owners have a kit, and how many of them are connected. */
export function connected(view: FederationView): { connected: number; count: number } {
  const owners = view.owners.filter(hasKit)
  return { connected: owners.filter(({ state }) => state === 'connected').length, count: owners.length }
}

/** Whether the SuperLink is to be told of a key that was given or taken back. */
export const isBehind = (view: FederationView): boolean =>
  view.is_served && view.owners.some(({ state }) => state === 'pending' || state === 'leaving')

/** The version of each owner's fedsky, by name, as of the run. */
export const versions = (run: FederationRun | null): Map<string, string> =>
  new Map((run?.owners ?? []).flatMap(({ name, version }) => (version ? [[name, version]] : [])))

/** Bytes in units of 10**6. */
export const megabytes = (bytes: number | null): number | null => (bytes === null ? null : bytes / 1e6)
