/** Mounts a page on a made-up server: answers by "METHOD /path", every request kept to be looked at. */
import { createApp, nextTick, type Component } from 'vue'
import { createMemoryHistory, createRouter, RouterView, type Router } from 'vue-router'
import { vi } from 'vitest'
import App from '../src/App.vue'
import { routes } from '../src/router'
import { session } from '../src/session'
import type { Role, User } from '../src/types'

export interface Asked {
  method: string
  path: string
  query: URLSearchParams
  headers: Record<string, string>
  body: unknown
}
type Answer = unknown | ((asked: Asked) => unknown)

/** Replaces fetch; an answer {status, problem} is a failure, a missing one a 404. */
export function serve(answers: Record<string, Answer>): Asked[] {
  const all: Asked[] = []
  vi.stubGlobal('fetch', async (input: string, init: RequestInit = {}) => {
    const url = new URL(input, 'http://site.test')
    const body = typeof init.body === 'string' ? JSON.parse(init.body) : init.body
    const asked = {
      method: init.method ?? 'GET',
      path: url.pathname.replace('/api', ''),
      query: url.searchParams,
      headers: init.headers as Record<string, string>,
      body,
    }
    all.push(asked)
    const made = answers[`${asked.method} ${asked.path}`]
    const answer = typeof made === 'function' ? made(asked) : made
    if (answer instanceof Response) return answer
    return answer === undefined ? problem(404, 'There is nothing here.') : Response.json(answer)
  })
  return all
}

export const problem = (status: number, detail: string, more: object = {}): Response =>
  new Response(JSON.stringify({ status, detail, ...more }), {
    status,
    headers: { 'Content-Type': 'application/problem+json' },
  })

export function logInAs(role: Role | null, more: Partial<User> = {}): void {
  const user = role && { id: 'u1', name: 'rosa', role, state: 'active' as const, must_change_password: false, ...more }
  Object.assign(session, { user, known: true, public: true, csrf: 'token', registration: 'approve' })
}

/** Waits till `check` throws no more; a busy machine takes its time. */
export const eventually = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 15000 })

/** All promises that are ready, and what they make Vue draw. */
export async function settle(): Promise<void> {
  await vi.dynamicImportSettled() // a page's own script
  for (let i = 0; i < 8; i += 1) {
    await new Promise((done) => setTimeout(done, 0))
    await nextTick()
  }
}

export async function mount(root: Component, path: string): Promise<{ element: HTMLElement; router: Router; end: () => void }> {
  const router = createRouter({ history: createMemoryHistory(), routes })
  const element = document.createElement('div')
  document.body.replaceChildren(element)
  const app = createApp(root)
  app.use(router)
  await router.push(path)
  await router.isReady()
  app.mount(element)
  await settle()
  return { element, router, end: () => app.unmount() }
}

export const mountSite = (path: string) => mount(App, path)
export const mountPage = (path: string) => mount(RouterView, path)

export function type(field: Element | null, value: string): void {
  if (!(field instanceof HTMLInputElement)) throw new Error('no such input')
  field.value = value
  field.dispatchEvent(new Event('input'))
}

export function labelled(element: HTMLElement, label: string): HTMLElement {
  const found = [...element.querySelectorAll('label')].find((each) => each.textContent?.trim() === label)
  const field = found && document.getElementById(found.htmlFor)
  if (!field) throw new Error(`no field "${label}"`)
  return field
}

export function button(element: HTMLElement, name: string): HTMLButtonElement {
  const found = [...element.querySelectorAll('button')].find(
    (each) => each.textContent?.trim() === name || each.getAttribute('aria-label') === name,
  )
  if (!found) throw new Error(`no button "${name}"`)
  return found
}
