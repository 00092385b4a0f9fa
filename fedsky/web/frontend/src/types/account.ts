/** Accounts, sessions, the audit log and data sets. */

export type Role = 'user' | 'operator' | 'admin'
export type UserState = 'waiting' | 'active' | 'disabled'

export interface User {
  id: string
  name: string
  role: Role
  state: UserState
  must_change_password: boolean
}

export interface Session {
  user: User | null
  csrf: string
  public: boolean
  registration: 'approve' | 'open' | 'closed'
  version: string
  pending_users?: number
}

export interface Profile {
  user: User
  created: string
  counts: { predictions: number; jobs: number }
}

export interface Login {
  id: string
  created: string
  last_seen: string
  address: string
  agent: string
  current: boolean
}

export interface Account {
  id: string
  name: string
  role: Role
  state: UserState
  created: string
  last_login: string | null
  /** How often others asked for this name, or one that looks like it, while it waited. */
  asked_again: number
}

export interface AuditEntry {
  id: string
  time: string
  actor: string | null
  action: string
  target: string | null
  detail: string | Record<string, unknown> | null
  address: string | null
}

export interface Dataset {
  name: string
  count: number
  classes: string[] | Record<string, number>
  [more: string]: unknown
}
