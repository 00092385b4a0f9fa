/** Data of a page: fetched, shown, or failed with one sentence and a way to try again. */
import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import { isAbort, sentence } from './api'

export interface Load<T> {
  data: ShallowRef<T | null>
  error: Ref<string>
  loading: Ref<boolean>
  again: () => Promise<void>
}

/** Calls `fetchIt` at once and on again(); a later call aborts an earlier one, the old data stays till then. */
export function load<T>(fetchIt: (signal: AbortSignal) => Promise<T>): Load<T> {
  const data = shallowRef<T | null>(null)
  const error = ref('')
  const loading = ref(false)
  let abort = new AbortController()

  async function again(): Promise<void> {
    abort.abort()
    const mine = (abort = new AbortController())
    loading.value = true
    try {
      data.value = await fetchIt(mine.signal)
      error.value = ''
    } catch (failure) {
      if (!isAbort(failure) && mine === abort) error.value = sentence(failure)
    } finally {
      if (mine === abort) loading.value = false
    }
  }

  onScopeDispose(() => abort.abort(), true)
  void again()
  return { data, error, loading, again }
}

/** An action behind a button: busy while it goes on, its failure in one sentence; true where it worked. */
export function action(): { busy: Ref<boolean>; error: Ref<string>; run: (act: () => Promise<unknown>) => Promise<boolean> } {
  const busy = ref(false)
  const error = ref('')
  async function run(act: () => Promise<unknown>): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    error.value = ''
    try {
      await act()
      return true
    } catch (failure) {
      error.value = sentence(failure)
      return false
    } finally {
      busy.value = false
    }
  }
  return { busy, error, run }
}
