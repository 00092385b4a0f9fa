import { describe, expect, it } from 'vitest'
import { countingFields, isComplete, readDraft, requestOf, writeDraft } from '../src/launch'
import type { Field, Recipe } from '../src/types'

const field = (name: string, more: Partial<Field> = {}): Field => ({ name, label: name, type: 'int', default: 1, unit: '', help: '', ...more })
const FIELDS: Field[] = [
  field('strategy', { type: 'choice', default: 'fedavg', choices: ['fedavg', 'fedprox'] }),
  field('num_rounds', { default: 10, min: 1, max: 200 }),
  field('seed', { default: 0 }),
  field('fedprox.mu', { type: 'float', default: 0.01, when: { field: 'strategy', values: ['fedprox'] } }),
]
const RECIPES: Recipe[] = ['sky', 'mnist'].map((id) => ({ id, title: id, time: '', result: '', command: '' }))

describe('the draft of a launch', () => {
  it('begins with the first recipe and falls back to it', () => {
    expect(readDraft({}, RECIPES, FIELDS).recipe).toBe('sky')
    expect(readDraft({ recipe: 'gone' }, RECIPES, FIELDS).recipe).toBe('sky')
    expect(readDraft({ recipe: 'mnist' }, RECIPES, FIELDS).recipe).toBe('mnist')
    expect(readDraft({}, [], FIELDS).recipe).toBeNull()
  })

  it.each<Record<string, string>>([
    { recipe: 'own', strategy: 'fedprox', 'fedprox.mu': '0.5' },
    { recipe: 'mnist', seed: '0' },
    { recipe: 'own' },
  ])('goes through the address and back: %o', (query) => {
    expect(writeDraft(readDraft(query, RECIPES, FIELDS), FIELDS)).toEqual(query)
  })

  it('takes a number for a number and nothing else for one', () => {
    const draft = readDraft({ recipe: 'own', num_rounds: '20', seed: 'many' }, RECIPES, FIELDS)
    expect(draft.values.num_rounds).toBe(20)
    expect(draft.values.seed).toBe(0)
  })

  it('leaves out what does not count with its other choices', () => {
    const draft = readDraft({ recipe: 'own', 'fedprox.mu': '0.5' }, RECIPES, FIELDS)
    expect(countingFields(draft, FIELDS).map((each) => each.name)).not.toContain('fedprox.mu')
    expect(requestOf(draft, FIELDS)).toEqual({ fields: {} })
    draft.values.strategy = 'fedprox'
    expect(requestOf(draft, FIELDS)).toEqual({ fields: { strategy: 'fedprox', 'fedprox.mu': 0.5 } })
  })

  it('lets a recipe keep what is not set', () => {
    const draft = readDraft({ recipe: 'sky', seed: '3' }, RECIPES, FIELDS)
    expect(requestOf(draft, FIELDS)).toEqual({ recipe: 'sky', fields: { seed: 3 } })
    draft.values.seed = ''
    expect(requestOf(draft, FIELDS)).toEqual({ recipe: 'sky', fields: {} })
    expect(isComplete(draft, FIELDS)).toBe(true)
  })

  it('is not complete while a field of its own settings is empty', () => {
    const draft = readDraft({ recipe: 'own' }, RECIPES, FIELDS)
    expect(isComplete(draft, FIELDS)).toBe(true)
    draft.values.num_rounds = ''
    expect(isComplete(draft, FIELDS)).toBe(false)
  })
})

describe('a launch with the federation of the site', () => {
  const here = { field: 'engine', values: ['ray', 'inline'] }
  const fields: Field[] = [
    ...FIELDS,
    field('engine', { type: 'choice', default: 'ray', choices: ['ray', 'inline', 'deployment'] }),
    field('partition', { type: 'choice', default: 'iid', choices: ['iid', 'dirichlet'], when: here }),
    field('dirichlet.alpha', { type: 'float', default: 0.5, when: { field: 'partition', values: ['dirichlet'] } }),
    field('data', { type: 'choice', default: 'rendered', choices: ['rendered', 'photographs'], when: here }),
  ]
  const names = (query: Record<string, string>) => countingFields(readDraft(query, RECIPES, fields), fields).map(({ name }) => name)

  it('leaves out what owners decide or bring, and what hangs on it', () => {
    const query = { recipe: 'own', partition: 'dirichlet', 'dirichlet.alpha': '0.1', data: 'photographs' }
    expect(names(query)).toEqual(expect.arrayContaining(['partition', 'dirichlet.alpha', 'data']))
    expect(names({ ...query, engine: 'deployment' })).toEqual(['strategy', 'num_rounds', 'seed', 'engine'])
    const draft = readDraft({ ...query, engine: 'deployment' }, RECIPES, fields)
    expect(requestOf(draft, fields)).toEqual({ fields: { engine: 'deployment' } })
  })

  it('takes the default where a recipe keeps its own', () => {
    expect(names({ recipe: 'sky' })).toEqual(['seed', 'engine', 'data'])
    expect(names({ recipe: 'sky', engine: 'inline' })).toContain('data')
    expect(names({ recipe: 'sky', engine: 'deployment' })).toEqual(['seed', 'engine'])
  })
})
