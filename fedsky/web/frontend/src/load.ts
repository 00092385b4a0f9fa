/** Data of a page: fetched, shown, or failed with one sentence and a way to try again. */
import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { ApiError, isAbort, sentence } from './api'
import { language } from './i18n'

export interface Load<T> {
  data: ShallowRef<T | null>
  error: Ref<string>
  loading: Ref<boolean>
  again: () => Promise<void>
}

/** Calls `fetchIt` at once, on again() and in each new language; a later call aborts an earlier one, the old data stays till then. */
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
  watch(language, () => void again())
  void again()
  return { data, error, loading, again }
}

export interface Action {
  busy: Ref<boolean>
  error: Ref<string>
  /** The form's field that the failure is about, or ''. */
  field: Ref<string>
  /** True where it worked; a second call while the first goes on does nothing. */
  run: (act: () => Promise<unknown>) => Promise<boolean>
}

/** An action behind a button: busy while it goes on, its failure in one sentence. */
export function action(): Action {
  const busy = ref(false)
  const error = ref('')
  const field = ref('')
  async function run(act: () => Promise<unknown>): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    error.value = field.value = ''
    try {
      await act()
      return true
    } catch (failure) {
      error.value = sentence(failure)
      field.value = failure instanceof ApiError ? (failure.field ?? '') : ''
      return false
    } finally {
      busy.value = false
    }
  }
  return { busy, error, field, run }
}
