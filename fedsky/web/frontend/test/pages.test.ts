import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Account, Job, JobRun } from '../src/types'
import { toasts } from '../src/toasts'
import { button, eventually, labelled, logInAs, mountPage, problem, serve, settle, type } from './mounting'

const text = (element: Element | null) => element?.textContent?.replace(/\s+/g, ' ').trim()
const submit = (element: HTMLElement) => element.querySelector('form')?.dispatchEvent(new Event('submit'))

beforeEach(() => {
  toasts.splice(0)
  HTMLDialogElement.prototype.showModal = function show() {
    this.open = true
  }
})
afterEach(() => vi.unstubAllGlobals())

describe('registering', () => {
  async function fill(second: string, state = 'waiting') {
    const asked = serve({ 'POST /register': { state } })
    logInAs(null)
    const page = await mountPage('/register')
    type(labelled(page.element, 'Name'), 'rosa')
    type(labelled(page.element, 'Password'), 'four grey geese fly')
    type(labelled(page.element, 'Password again'), second)
    await settle()
    submit(page.element)
    await settle()
    return { ...page, asked }
  }

  it('says beforehand and afterwards that an administrator approves', async () => {
    const { element, asked, end } = await fill('four grey geese fly')
    expect(asked[0].body).toEqual({ name: 'rosa', password: 'four grey geese fly' })
    expect(text(element.querySelector('[role=status]'))).toContain('waits for an administrator')
    end()
  })

  it('sends nothing while the two passwords differ, and binds the error to its field', async () => {
    const { element, asked, end } = await fill('four grey geese fled')
    expect(asked).toEqual([])
    const field = labelled(element, 'Password again')
    expect(field.getAttribute('aria-invalid')).toBe('true')
    const described = (field.getAttribute('aria-describedby') ?? '').split(' ').map((id) => text(document.getElementById(id)))
    expect(described).toContain('The two passwords are not the same.')
    end()
  })
})

describe('the accounts', () => {
  const accounts: Account[] = [
    { id: 'u2', name: 'emil', role: 'user', state: 'waiting', created: '2026-11-20T08:00:00+00:00', last_login: null, asked_again: 0 },
    { id: 'u1', name: 'rosa', role: 'admin', state: 'active', created: '2026-11-01T08:00:00+00:00', last_login: null, asked_again: 0 },
  ]

  it('are approved with one button; the own one cannot be disabled', async () => {
    logInAs('admin')
    const asked = serve({
      'GET /admin/users': { users: accounts },
      'PATCH /admin/users/u2': {},
      'GET /session': { user: null, csrf: '', public: true, registration: 'approve', version: '1' },
    })
    const { element, end } = await mountPage('/admin/users')
    expect(() => button(element, 'Disable rosa')).toThrow()
    button(element, 'Approve emil').click()
    await settle()
    expect(asked.find((each) => each.method === 'PATCH')).toMatchObject({ path: '/admin/users/u2', body: { state: 'active' } })
    expect(toasts.map((each) => each.text)).toContain('emil may log in now.')
    end()
  })

  it('of a name that several asked for are told as such, and get a one-time password, once', async () => {
    logInAs('admin')
    serve({
      'GET /admin/users': { users: [{ ...accounts[0], asked_again: 2 }] },
      'PATCH /admin/users/u2': { one_time_password: 'abcdef-ghjkmn' },
      'GET /session': { user: null, csrf: '', public: true, registration: 'approve', version: '1' },
    })
    const { element, end } = await mountPage('/admin/users')
    expect(text(element)).toContain('was asked for again 2 times since')
    expect(text(element)).not.toContain('abcdef')
    button(element, 'Approve emil').click()
    await settle()
    expect(text(element.querySelector('[role=status] code'))).toBe('abcdef-ghjkmn')
    end()
  })

  it('that wait can be deleted, after a question', async () => {
    logInAs('admin')
    const asked = serve({ 'GET /admin/users': { users: accounts }, 'DELETE /admin/users/u2': {}, 'GET /session': { user: null, csrf: '', public: true, registration: 'approve', version: '1' } }) // prettier-ignore
    const { element, end } = await mountPage('/admin/users')
    expect(() => button(element, 'Delete rosa')).toThrow()
    button(element, 'Delete emil').click()
    await settle()
    expect(asked.some((each) => each.method === 'DELETE')).toBe(false)
    const dialog = [...element.querySelectorAll('dialog')].find((each) => each.open)
    expect(text(dialog ?? null)).toContain('Delete emil?')
    dialog?.querySelector('form')?.dispatchEvent(new Event('submit'))
    await settle()
    expect(asked.some((each) => each.method === 'DELETE' && each.path === '/admin/users/u2')).toBe(true)
    end()
  })

  it('are disabled only after a question', async () => {
    logInAs('admin')
    const asked = serve({ 'GET /admin/users': { users: accounts }, 'PATCH /admin/users/u2': {} })
    const { element, end } = await mountPage('/admin/users')
    button(element, 'Disable emil').click()
    await settle()
    expect(asked.some((each) => each.method === 'PATCH')).toBe(false)
    expect(element.querySelector('dialog')?.open).toBe(true)
    element.querySelector('dialog form')?.dispatchEvent(new Event('submit'))
    await settle()
    expect(asked.find((each) => each.method === 'PATCH')?.body).toEqual({ state: 'disabled' })
    end()
  })

  it('show the refusal of the last administrator’s fall', async () => {
    logInAs('admin')
    serve({
      'GET /admin/users': { users: accounts },
      'PATCH /admin/users/u1': problem(409, 'The site would have no administrator left.'),
    })
    const { element, end } = await mountPage('/admin/users')
    const select = element.querySelector<HTMLSelectElement>('select[aria-label="Role of rosa"]')
    if (!select) throw new Error('no choice of a role')
    select.value = 'user'
    select.dispatchEvent(new Event('change'))
    await settle()
    expect(text(element.querySelector('[role=alert]'))).toBe('The site would have no administrator left.')
    expect(toasts).toEqual([])
    end()
  })
})

describe('launching', () => {
  const book = {
    recipes: [{ id: 'sky', title: 'Who gains', time: 'about a minute', result: '84.2 %', command: 'python -m fedsky experiment=sky' }],
    fields: [{ name: 'num_rounds', label: 'Rounds', type: 'int', min: 1, max: 200, step: 1, default: 10, unit: '', help: '' }],
  }
  const preview = { command: 'python -m fedsky experiment=sky', seconds_estimate: 125, estimate_basis: 4, estimate_elsewhere: false, num_runs: 3, problems: [] as string[] }

  it('shows the command and the time before anything runs, then queues it', async () => {
    logInAs('operator')
    const asked = serve({ 'GET /recipes': book, 'POST /jobs/preview': preview, 'POST /jobs': { job: { id: 'j1' } } })
    const { element, router, end } = await mountPage('/launch')
    await eventually(() => expect(text(element)).toContain('2 min 5 s'))
    expect(text(element.querySelector('pre'))).toBe('python -m fedsky experiment=sky')
    expect(asked.some((each) => each.path === '/jobs')).toBe(false)
    submit(element)
    await settle()
    expect(asked.find((each) => each.path === '/jobs')?.body).toEqual({ recipe: 'sky', fields: {} })
    expect(router.currentRoute.value.path).toBe('/jobs/j1')
    end()
  })

  it('lists what is wrong and does not let it be queued', async () => {
    logInAs('operator')
    serve({ 'GET /recipes': book, 'POST /jobs/preview': { ...preview, problems: ['num_rounds=500: from 1 to 200'] } })
    const { element, end } = await mountPage('/launch?recipe=own&num_rounds=500')
    await eventually(() => expect(text(element)).toContain('num_rounds=500: from 1 to 200'))
    expect(button(element, 'Put it into the queue').disabled).toBe(true)
    end()
  })
})

describe('a job', () => {
  const jobRun = (id: string, name: string, status: JobRun['status']): JobRun => ({ id, name, status, balanced_accuracy: 0.91 })
  const job: Job = {
    id: 'j1', title: 'Who gains', name: 'Who gains', owner: 'rosa', status: 'running', command: 'python -m fedsky experiment=sky',
    created: '2026-11-22T20:00:00+00:00', started: '2026-11-22T20:01:00+00:00', ended: null, reason: '', position: null, runs: [],
    num_runs: 2, seconds_estimate: 60, cancelling: false, retry_of: null,
  }

  it('shows its log as it grows, its runs, and can be cancelled by its owner', async () => {
    logInAs('operator')
    const lines = ['round 1\n', 'round 2\n']
    const asked = serve({
      'GET /jobs/j1': { job, runs: [jobRun('r1', 'fedprox, seed 0', 'done'), jobRun('r2', 'fedprox, seed 1', 'running')] },
      'GET /jobs/j1/log': (one: { query: URLSearchParams }) => {
        const after = Number(one.query.get('after'))
        return { text: lines.slice(after).join(''), next: lines.length, done: false }
      },
      'POST /jobs/j1/cancel': {},
    })
    const { element, end } = await mountPage('/jobs/j1')
    await eventually(() => expect(element.querySelector('pre.log')?.textContent).toBe('round 1\nround 2\n'))
    lines.push('round 3\n')
    await eventually(() => expect(element.querySelector('pre.log')?.textContent).toBe('round 1\nround 2\nround 3\n'))
    expect([...element.querySelectorAll('a')].map((link) => link.getAttribute('href'))).toContain('/compare?run=r1&run=r2')
    expect([...element.querySelectorAll('dd li')].map(text)).toEqual(['fedprox, seed 0 91.0 % balanced accuracy', 'fedprox, seed 1 Running'])
    button(element, 'Cancel').click()
    await settle()
    element.querySelector('dialog form')?.dispatchEvent(new Event('submit'))
    await settle()
    expect(asked.some((each) => each.method === 'POST' && each.path === '/jobs/j1/cancel')).toBe(true)
    end()
  })

  it('has a main button that says what it does', async () => {
    logInAs('operator')
    for (const [status, said] of [['running', 'Watch the run'], ['done', 'See the run']] as const) {
      serve({ 'GET /jobs/j1': { job: { ...job, num_runs: 1, status }, runs: [jobRun('r1', 'fedprox, seed 0', status)] }, 'GET /jobs/j1/log': { text: '', next: 0, done: true } })
      const { element, end } = await mountPage('/jobs/j1')
      await eventually(() => expect(text(element.querySelector('.page-head .btn-primary'))).toBe(said))
      end()
    }
  })

  it('goes on where it stopped, and its log with it', async () => {
    logInAs('operator')
    let now: Job = { ...job, status: 'interrupted' }
    const lines = ['round 1\n']
    serve({
      'GET /jobs/j1': () => ({ job: now, runs: [] }),
      'GET /jobs/j1/log': (one: { query: URLSearchParams }) => {
        const after = Number(one.query.get('after'))
        return { text: lines.slice(after).join(''), next: lines.length, done: now.status === 'interrupted' }
      },
      'POST /jobs/j1/resume': () => {
        now = { ...job, status: 'queued' }
        lines.push('round 2\n')
        return { job: now }
      },
    })
    const { element, end } = await mountPage('/jobs/j1')
    await eventually(() => expect(element.querySelector('pre.log')?.textContent).toBe('round 1\n'))
    button(element, 'Run again')
    button(element, 'Go on').click()
    await eventually(() => expect(element.querySelector('pre.log')?.textContent).toBe('round 1\nround 2\n'))
    expect(() => button(element, 'Go on')).toThrow()
    button(element, 'Cancel')
    end()
  })

  it('that is done has nothing to go on with', async () => {
    logInAs('operator')
    serve({ 'GET /jobs/j1': { job: { ...job, status: 'done' }, runs: [] }, 'GET /jobs/j1/log': { text: '', next: 0, done: true } })
    const { element, end } = await mountPage('/jobs/j1')
    await eventually(() => expect(button(element, 'Run again')).toBeTruthy())
    expect(() => button(element, 'Go on')).toThrow()
    end()
  })

  it('cannot be cancelled by another user', async () => {
    logInAs('operator', { name: 'emil' })
    serve({ 'GET /jobs/j1': { job, runs: [] }, 'GET /jobs/j1/log': { text: '', next: 0, done: false } })
    const { element, end } = await mountPage('/jobs/j1')
    await eventually(() => expect(text(element)).toContain('Who gains'))
    expect(() => button(element, 'Cancel')).toThrow()
    end()
  })

  it('puts a log into the page as text, whatever it says', async () => {
    logInAs('operator')
    const hostile = '<img src=x onerror="alert(1)">'
    serve({ 'GET /jobs/j1': { job: { ...job, status: 'done', name: hostile }, runs: [] }, 'GET /jobs/j1/log': { text: hostile, next: 1, done: true } })
    const { element, end } = await mountPage('/jobs/j1')
    await eventually(() => expect(element.querySelector('pre.log')?.textContent).toBe(hostile))
    expect(element.querySelector('img')).toBeNull()
    expect(text(element.querySelector('h1'))).toBe(hostile)
    end()
  })
})

describe('the audit log', () => {
  it('reads on from where it stopped', async () => {
    logInAs('admin')
    const entry = (id: number) => ({
      id: String(id), time: '2026-11-22T20:00:00+00:00', actor: 'rosa', action: 'login', target: 'rosa', detail: { role: 'admin' }, address: '127.0.0.1',
    })
    serve({
      'GET /admin/audit': (one: { query: URLSearchParams }) =>
        one.query.get('before') === '2' ? { entries: [entry(1)], next: null } : { entries: [entry(3), entry(2)], next: '2' },
    })
    const { element, end } = await mountPage('/admin/audit')
    expect(element.querySelectorAll('tbody tr').length).toBe(2)
    button(element, 'Older entries').click()
    await settle()
    expect(element.querySelectorAll('tbody tr').length).toBe(3)
    expect(() => button(element, 'Older entries')).toThrow()
    expect(text(element.querySelector('tbody'))).toContain('role: admin')
    end()
  })
})
