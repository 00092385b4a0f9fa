/** Short messages at the edge of the screen, read out politely. */
import { reactive } from 'vue'

export interface Toast {
  id: number
  kind: 'success' | 'danger' | 'info'
  text: string
}

export const toasts = reactive<Toast[]>([])
let last = 0

export function dismiss(id: number): void {
  const place = toasts.findIndex((toast) => toast.id === id)
  if (place >= 0) toasts.splice(place, 1)
}

/** Failures stay until dismissed; the rest goes after eight seconds. */
export function toast(kind: Toast['kind'], text: string): void {
  const id = ++last
  toasts.push({ id, kind, text })
  if (kind !== 'danger') setTimeout(() => dismiss(id), 8000)
}
