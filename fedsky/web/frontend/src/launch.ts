/** A launch as the page's address holds it: ?recipe=... and one parameter for each field that is not its default. */
import type { LocationQuery } from 'vue-router'
import { language, words } from './i18n'
import en from './locale/en/fields'
import zh from './locale/zh/fields'
import { HELP, LABELS, UNITS } from './locale/launch.zh'
import type { Field, Recipe } from './types'

export type Values = Record<string, string | number>

/** recipe: its id, or null for own settings; values: of all fields, '' where the recipe's own stays. */
export interface Draft {
  recipe: string | null
  values: Values
}

const t = words({ en, zh })

/** A choice as it is on the command line, but for a plain yes or no. */
export const choiceLabel = (choice: string | number): string => (choice === 'yes' || choice === 'no' ? t(choice) : String(choice))

const inChinese = (known: Record<string, string>, key: string, english: string): string =>
  language.value === 'zh' ? (known[key] ?? english) : english
export const fieldLabel = (field: Field): string =>
  field.name in en ? t(field.name as keyof typeof en) : inChinese(LABELS, field.label, field.label)
export const fieldHelp = (field: Field): string => inChinese(HELP, field.name, field.help ?? '')
export const fieldUnit = (field: Field): string => inChinese(UNITS, field.unit ?? '', field.unit ?? '')

/** What a recipe leaves open; POST /jobs refuses any other field with one. */
export const WITH_RECIPE = ['data', 'seed', 'repetitions', 'engine']

/** What stands for own settings among the recipes of the address. */
export const OWN = 'own'

/** Whether a field counts: the one that it hangs on has such a value, and counts itself. */
function counts({ when }: Field, draft: Draft, fields: Field[]): boolean {
  if (!when) return true
  const other = fields.find(({ name }) => name === when.field)
  const value = draft.values[when.field] || other?.default
  return when.values.includes(String(value)) && (!other || counts(other, draft, fields))
}

/** The fields that the draft's choices leave to be set. */
export function countingFields(draft: Draft, fields: Field[]): Field[] {
  const open = draft.recipe === null ? fields : fields.filter((field) => WITH_RECIPE.includes(field.name))
  return open.filter((field) => counts(field, draft, fields))
}

const startValue = (field: Field, recipe: string | null) => (recipe === null ? (field.default ?? '') : '')

/** All values as they are before anyone changes them. */
export const startValues = (fields: Field[], recipe: string | null): Values =>
  Object.fromEntries(fields.map((field) => [field.name, startValue(field, recipe)]))

/** The draft of an address; unknown names and values that are no numbers fall back to the defaults. */
export function readDraft(query: LocationQuery, recipes: Recipe[], fields: Field[]): Draft {
  const wished = typeof query.recipe === 'string' ? query.recipe : null
  const known = recipes.find((recipe) => recipe.id === wished)
  const recipe = wished === OWN || recipes.length === 0 ? null : (known ?? recipes[0]).id
  const values = startValues(fields, recipe)
  for (const field of fields) {
    const given = query[field.name]
    if (typeof given !== 'string' || given === '') continue
    if (field.type === 'choice') values[field.name] = given
    else if (Number.isFinite(Number(given))) values[field.name] = Number(given)
  }
  return { recipe, values }
}

function changed(draft: Draft, fields: Field[]): Values {
  const found: Values = {}
  for (const field of countingFields(draft, fields)) {
    const value = draft.values[field.name]
    if (value !== '' && value !== undefined && String(value) !== String(startValue(field, draft.recipe))) found[field.name] = value
  }
  return found
}

/** The query that readDraft reads back into the same launch. */
export function writeDraft(draft: Draft, fields: Field[]): Record<string, string> {
  const values = Object.entries(changed(draft, fields)).map(([name, value]) => [name, String(value)])
  return { recipe: draft.recipe ?? OWN, ...Object.fromEntries(values) }
}

/** What POST /jobs and /jobs/preview take: the recipe, and the fields that are not as they were. */
export function requestOf(draft: Draft, fields: Field[]): { recipe?: string; fields: Values } {
  return { ...(draft.recipe !== null ? { recipe: draft.recipe } : {}), fields: changed(draft, fields) }
}

/** Whether no field that must have a value is empty, so that asking the server makes sense. */
export const isComplete = (draft: Draft, fields: Field[]): boolean =>
  draft.recipe !== null || countingFields(draft, fields).every(({ name, default: usual }) => usual === null || draft.values[name] !== '')
