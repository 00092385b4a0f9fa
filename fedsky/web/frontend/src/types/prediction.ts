/** Models and what they say of photographs. */

export interface Model {
  id: string
  run_id: string
  label: string
  strategy: string
  kind: 'federated' | 'pooled' | 'alone'
  client?: number | string | null
  accuracy: number | null
  n_test: number | null
  classes: string[]
  is_default: boolean
}

export interface Prediction {
  prediction: { label: string; probability: number; probabilities: Record<string, number> }
  heatmap: { width: number; height: number; png: string }
  photo: { png: string; width: number; height: number }
  others: { model: string; kind: Model['kind']; label: string; probability: number }[]
  sky: { is_sky: boolean; score: number; threshold: number; text: string }
  model: Model
  caution: string
  saved: string | null
}

export interface SavedPrediction {
  id: string
  created: string
  label: string
  probability: number
  model: string
  is_sky: boolean
  /** The label under which it was offered, and what became of that. */
  offered: string | null
  offer_state: Offer['state'] | null
}

export interface Offer {
  id: string
  label: string
  predicted: string | null
  probability: number | null
  classes: string[]
  owner: string | null
  created: string
  state: 'waiting' | 'accepted' | 'rejected'
  decided_label: string | null
  decided_by: string | null
  decided: string | null
}
