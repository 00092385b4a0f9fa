import type { Model } from '../types'

/** Models whose label holds every word, the one that is chosen always among them. */
export function matchingModels(models: readonly Model[], words: string, chosen: string): Model[] {
  const parts = words.toLowerCase().split(/\s+/).filter(Boolean)
  return models.filter((model) => {
    const text = `${model.label} ${model.kind}`.toLowerCase()
    return model.id === chosen || parts.every((part) => text.includes(part))
  })
}
