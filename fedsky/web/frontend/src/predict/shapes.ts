import type { OfferedModel } from '../types'

/** Models whose label holds every word, the one that is chosen always among them. */
export function matchingModels(models: readonly OfferedModel[], words: string, chosen: string): OfferedModel[] {
  const parts = words.toLowerCase().split(/\s+/).filter(Boolean)
  return models.filter((model) => {
    const text = `${model.name} ${model.label} ${model.kind}`.toLowerCase()
    return model.id === chosen || parts.every((part) => text.includes(part))
  })
}
