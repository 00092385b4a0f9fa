/** Who is logged in and what the site allows them. */
import { computed, reactive } from 'vue'
import { api, setCsrf } from './api'
import type { Role, Session } from './types'

export const session = reactive<Session & { known: boolean }>({
  known: false,
  user: null,
  csrf: '',
  public: false,
  registration: 'approve',
  version: '',
  pending_users: 0,
})

export async function refreshSession(): Promise<void> {
  Object.assign(session, { pending_users: 0 }, await api.get<Session>('/session'), { known: true })
  setCsrf(session.csrf, refreshSession)
}

const RANK: Record<Role, number> = { user: 1, operator: 2, admin: 3 }

/** Whether the one logged in has this role or a higher one. */
export function may(role: Role): boolean {
  return session.user !== null && RANK[session.user.role] >= RANK[role]
}

/** Whether runs, comparison and prediction may be seen. */
export const maySee = computed(() => session.public || session.user !== null)

export async function logIn(name: string, password: string): Promise<void> {
  await api.post('/login', { name, password })
  await refreshSession()
}

export async function logOut(): Promise<void> {
  await api.post('/logout')
  await refreshSession()
}
