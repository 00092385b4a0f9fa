/** A launch as the page's address holds it: ?recipe=... or one parameter for each field that is not its default. */
import type { LocationQuery } from 'vue-router'
import type { Field, Recipe } from './types'

export type Values = Record<string, string | number>
export interface Draft {
  recipe: string | null
  values: Values
}

export const fieldLabel = (field: Field): string => field.label

const OWN = 'own'

/** The draft of an address; unknown names and values that are no numbers fall back to the defaults. */
export function readDraft(query: LocationQuery, recipes: Recipe[], fields: Field[]): Draft {
  const values: Values = {}
  for (const field of fields) {
    const text = query[field.name]
    const given = typeof text === 'string' && text !== '' ? text : null
    if (field.type === 'choice') values[field.name] = given ?? field.default ?? ''
    else values[field.name] = given !== null && Number.isFinite(Number(given)) ? Number(given) : (field.default ?? '')
  }
  const wished = typeof query.recipe === 'string' ? query.recipe : null
  const known = recipes.find((recipe) => recipe.id === wished)
  const own = wished === OWN || recipes.length === 0
  return { recipe: own ? null : (known ?? recipes[0]).id, values }
}

/** The query that readDraft reads back into the same draft. */
export function writeDraft(draft: Draft, fields: Field[]): Record<string, string> {
  if (draft.recipe !== null) return { recipe: draft.recipe }
  const query: Record<string, string> = { recipe: OWN }
  for (const field of fields) {
    const value = draft.values[field.name]
    if (value !== '' && String(value) !== String(field.default ?? '')) query[field.name] = String(value)
  }
  return query
}

/** What POST /jobs and /jobs/preview take. */
export function requestOf(draft: Draft): { recipe: string } | { fields: Values } {
  return draft.recipe !== null ? { recipe: draft.recipe } : { fields: draft.values }
}

/** Whether every field has a value, so that asking the server makes sense. */
export const isComplete = (draft: Draft): boolean =>
  draft.recipe !== null || Object.values(draft.values).every((value) => value !== '' && value !== null)
