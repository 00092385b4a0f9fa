/** What the server says of models and judgements beyond types/. */
import type { Model, Prediction } from '../types'

export type KnownModel = Model & { data?: string; size?: number; sha256?: string }
export type Judgement = Omit<Prediction, 'model' | 'heatmap' | 'others'> & {
  model: KnownModel
  heatmap: Prediction['heatmap'] & { places?: number[]; is_empty?: boolean }
  others: (Prediction['others'][number] & { id?: string; client?: string | null })[]
  others_text?: string
}

/** Models whose label holds every word, the one that is chosen always among them. */
export function matchingModels(models: readonly KnownModel[], words: string, chosen: string): KnownModel[] {
  const parts = words.toLowerCase().split(/\s+/).filter(Boolean)
  return models.filter((model) => {
    const text = `${model.label} ${model.kind}`.toLowerCase()
    return model.id === chosen || parts.every((part) => text.includes(part))
  })
}
