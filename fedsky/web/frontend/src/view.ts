/** A page's view, held in the address: what is chosen can be linked, gone back to and reloaded. */
import { computed, type WritableComputedRef } from 'vue'
import { useRoute, useRouter, type LocationQueryValue } from 'vue-router'

const texts = (value: LocationQueryValue | LocationQueryValue[] | undefined): string[] =>
  (Array.isArray(value) ? value : [value]).filter((item): item is string => typeof item === 'string' && item !== '')

export interface View {
  /** One choice; its default is not written into the address. */
  text: (name: string, fallback?: string) => WritableComputedRef<string>
  number: (name: string, fallback?: number) => WritableComputedRef<number>
  list: (name: string) => WritableComputedRef<string[]>
  /** Several choices at once; '' takes one out. */
  set: (changes: Record<string, string | string[]>) => void
}

/** `resets` names what a change of anything else takes out, such as the page number. */
export function useView(resets: string[] = []): View {
  const route = useRoute()
  const router = useRouter()

  function set(changes: Record<string, string | string[]>): void {
    const query = { ...route.query }
    for (const name of resets) if (!(name in changes) && Object.keys(changes).some((key) => key !== 'run')) delete query[name]
    for (const [name, value] of Object.entries(changes)) {
      if (value.length) query[name] = value
      else delete query[name]
    }
    void router.replace({ query, hash: route.hash })
  }

  const text = (name: string, fallback = '') =>
    computed({
      get: () => texts(route.query[name])[0] ?? fallback,
      set: (value: string) => set({ [name]: value === fallback ? '' : value }),
    })
  const number = (name: string, fallback = 0) =>
    computed({
      get: () => {
        const value = Number(texts(route.query[name])[0] ?? fallback)
        return Number.isSafeInteger(value) && value >= 0 ? value : fallback
      },
      set: (value: number) => set({ [name]: value === fallback ? '' : String(value) }),
    })
  const list = (name: string) =>
    computed({
      get: () => [...new Set(texts(route.query[name]))],
      set: (value: string[]) => set({ [name]: value }),
    })
  return { text, number, list, set }
}
