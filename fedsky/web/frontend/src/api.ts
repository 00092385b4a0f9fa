/** The one way to the server: typed JSON, the CSRF token on every change, one clear message on every failure. */
import { onScopeDispose, ref, watch, type Ref } from 'vue'
import { fill, language } from './i18n'
import en from './locale/en/api'
import zh from './locale/zh/api'

/** A failure with the sentence to show; status 0 is a server that did not answer. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly requestId: string | null = null,
    /** The field of the form that the server speaks of. */
    readonly field: string | null = null,
    /** A word for programs, such as csrf. */
    readonly code: string | null = null,
  ) {
    super(message)
    this.name = 'ApiError'
  }
}

let csrf = ''
let renew: (() => Promise<void>) | null = null

/** The token of GET /api/session; `again` fetches a new one when the old one has run out. */
export function setCsrf(token: string, again?: () => Promise<void>): void {
  csrf = token
  if (again) renew = again
}

type Query = Record<string, string | number | boolean | null | undefined | (string | number)[]>

/** "?a=1&run=x&run=y" without the empty values; '' when nothing is left. */
export function queryString(query: Query): string {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item !== null && item !== undefined && item !== '') search.append(key, String(item))
    }
  }
  const text = search.toString()
  return text ? `?${text}` : ''
}

interface Options {
  query?: Query
  body?: unknown // JSON, or FormData as it is
  signal?: AbortSignal
  etag?: string | null
}

const text = () => (language.value === 'zh' ? zh : en)

async function problem(response: Response): Promise<ApiError> {
  const known: Record<number, string> = {
    401: text().signIn,
    403: text().forbidden,
    404: text().notFound,
    413: text().tooLarge,
    429: text().tooMany,
  }
  let detail = ''
  let field: string | null = null
  let code: string | null = null
  let requestId = response.headers.get('X-Request-ID')
  if (response.headers.get('Content-Type')?.includes('json')) {
    type Body = { detail?: string; title?: string; request_id?: string; field?: string; code?: string }
    const body = (await response.json().catch(() => ({}))) as Body
    detail = body.detail || body.title || ''
    requestId = body.request_id ?? requestId
    field = body.field ?? null
    code = body.code ?? null
  }
  const sentence = detail || known[response.status] || fill(text().failed, { status: response.status })
  return new ApiError(response.status, sentence, requestId, field, code)
}

async function request(method: string, path: string, options: Options, second = false): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json, */*;q=0.5', 'Accept-Language': language.value }
  if (options.etag) headers['If-None-Match'] = options.etag
  if (method !== 'GET') headers['X-CSRF-Token'] = csrf
  let body: BodyInit | undefined
  if (options.body instanceof FormData) body = options.body
  else if (options.body !== undefined) {
    headers['Content-Type'] = 'application/json'
    body = JSON.stringify(options.body)
  }
  let response: Response
  try {
    response = await fetch(`/api${path}${queryString(options.query ?? {})}`, {
      method,
      headers,
      body,
      signal: options.signal,
      credentials: 'same-origin',
      cache: options.etag === undefined ? 'default' : 'no-store',
    })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new ApiError(0, text().unreachable)
  }
  if (response.ok || response.status === 304) return response
  const failure = await problem(response)
  if (failure.code === 'csrf' && renew && !second) {
    await renew()
    return request(method, path, options, true)
  }
  // the session has ended elsewhere: the page learns that it is a visitor's now
  if (response.status === 401 && renew && path !== '/login') void renew().catch(() => undefined)
  throw failure
}

async function json<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const response = await request(method, path, options)
  return (response.status === 204 ? {} : await response.json()) as T
}

export const api = {
  get: <T>(path: string, query?: Query, signal?: AbortSignal) => json<T>('GET', path, { query, signal }),
  post: <T>(path: string, body?: unknown, signal?: AbortSignal) => json<T>('POST', path, { body: body ?? {}, signal }),
  patch: <T>(path: string, body: unknown) => json<T>('PATCH', path, { body }),
  delete: <T>(path: string, body?: unknown) => json<T>('DELETE', path, { body }),
  /** A file's content; the path may have a query already. */
  file: async (path: string) => (await request('GET', path, {})).blob(),
  /** A file that is made once. */
  make: async (path: string, body?: unknown) => (await request('POST', path, { body: body ?? {} })).blob(),
}

export const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === 'AbortError'

/** The sentence to show for anything that was thrown. */
export const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error))

export interface Poll {
  error: Ref<string>
  running: Ref<boolean>
  /** Ask at once (after an action of the user), and go on asking if it was over. */
  now: () => void
  stop: () => void
}

/**
 * Asks `path` every `seconds` while the tab is seen and `take` does not answer false (= done).
 * `cursor()` gives the query of the next request; an unchanged ETag (304) calls nothing. After a failure the pause
 * doubles, up to a minute. Ends with the component that started it.
 */
export function poll<T>(path: string, cursor: () => Query, take: (body: T) => boolean | void, seconds = 2): Poll {
  const error = ref('')
  const running = ref(true)
  let etag: string | null = null
  let asked = ''
  let timer: ReturnType<typeof setTimeout> | undefined
  let abort = new AbortController()
  let pause = seconds
  let busy = false
  let gone = false

  const schedule = (delay: number) => {
    clearTimeout(timer)
    if (running.value && !document.hidden) timer = setTimeout(ask, 1000 * delay)
  }
  const stop = () => {
    running.value = false
    clearTimeout(timer)
    abort.abort()
    document.removeEventListener('visibilitychange', seen)
  }
  const seen = () => (document.hidden ? clearTimeout(timer) : schedule(0))

  async function ask(): Promise<void> {
    if (busy || !running.value) return
    busy = true
    abort = new AbortController()
    try {
      const query = cursor()
      const url = path + queryString(query)
      const response = await request('GET', path, { query, signal: abort.signal, etag: url === asked ? etag : null })
      asked = url
      error.value = ''
      pause = seconds
      if (response.status !== 304) {
        etag = response.headers.get('ETag')
        if (take((await response.json()) as T) === false) stop()
      }
    } catch (failure) {
      if (!isAbort(failure)) {
        error.value = sentence(failure)
        pause = Math.min(60, 2 * pause)
        if (failure instanceof ApiError && [401, 403, 404].includes(failure.status)) stop()
      }
    } finally {
      busy = false
      schedule(pause)
    }
  }

  const now = () => {
    if (!gone && !running.value) {
      running.value = true
      document.addEventListener('visibilitychange', seen)
    }
    schedule(0)
  }
  document.addEventListener('visibilitychange', seen)
  onScopeDispose(() => {
    gone = true
    stop()
  }, true)
  watch(language, now)
  schedule(0)
  return { error, running, now, stop }
}
