import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { setLanguage } from '../src/i18n'
import { routes } from '../src/router'
import { session } from '../src/session'
import { setTheme } from '../src/theme'
import { browserName } from '../src/agents'
import { button, labelled, logInAs, mountSite, problem, serve, settle, type } from './mounting'

beforeEach(() => logInAs(null))
afterEach(() => {
  setLanguage('en')
  vi.unstubAllGlobals()
})
const SESSION = { user: null, csrf: 'token', public: true, registration: 'approve', version: '1' }
const text = (element: Element | null) => element?.textContent?.replace(/\s+/g, ' ').trim()

describe('who sees what', () => {
  const guarded = routes.filter((route) => route.meta?.needs && !route.path.includes(':'))

  it('keeps every page with a role from a visitor', async () => {
    serve({})
    const roles = guarded.filter((route) => route.meta?.needs !== 'public')
    expect(roles.length).toBeGreaterThan(5)
    for (const route of roles) {
      const { element, end } = await mountSite(route.path)
      expect(text(element.querySelector('h1')), route.path).toBe('Log in to see this page')
      expect(element.querySelector('main a')?.getAttribute('href')).toBe(`/login?next=${route.path}`)
      end()
    }
  })

  it('tells an account of too low a role which one is needed', async () => {
    serve({})
    logInAs('user')
    const { element, end } = await mountSite('/admin/users')
    expect(text(element.querySelector('main'))).toContain('It needs the role “Administrator”; yours is “User”')
    end()
  })

  it('asks visitors of a closed site to log in', async () => {
    serve({})
    session.public = false
    const { element, end } = await mountSite('/runs')
    expect(text(element.querySelector('h1'))).toBe('Log in to see this page')
    end()
  })

  it('links to what the role may use', async () => {
    serve({})
    const links = async (role: 'user' | 'operator' | 'admin' | null) => {
      logInAs(role)
      const { element, end } = await mountSite('/about')
      const found = [...element.querySelectorAll('header a')].map((link) => link.getAttribute('href'))
      end()
      return found
    }
    expect(await links(null)).toEqual(expect.arrayContaining(['/login', '/register']))
    expect(await links('user')).not.toContain('/launch')
    expect(await links('operator')).toContain('/launch')
    expect(await links('operator')).not.toContain('/admin/users')
    expect(await links('admin')).toContain('/admin/users')
  })

  it('shows nothing but the choice of a password while it is another’s', async () => {
    const asked = serve({
      'PATCH /profile': {},
      'GET /session': { ...SESSION, user: { id: 'u1', name: 'rosa', role: 'admin', state: 'active', must_change_password: false } },
      'GET /admin/users': { users: [] },
    })
    logInAs('admin', { must_change_password: true })
    const { element, end } = await mountSite('/admin/users')
    expect(text(element.querySelector('h1'))).toBe('Choose your own password')
    expect(asked).toEqual([])
    type(labelled(element, 'Present password'), 'once')
    type(labelled(element, 'New password'), 'four grey geese fly')
    type(labelled(element, 'New password again'), 'four grey geese fly')
    await settle()
    element.querySelector('main form')?.dispatchEvent(new Event('submit'))
    await settle()
    expect(asked[0].body).toEqual({ current_password: 'once', new_password: 'four grey geese fly' })
    expect(text(element.querySelector('h1'))).toBe('Users')
    end()
  })
})

describe('logging in', () => {
  async function submit(next: string) {
    const asked = serve({
      'POST /login': {},
      'GET /session': { ...SESSION, csrf: 'fresh', user: { id: 'u1', name: 'rosa', role: 'user', state: 'active', must_change_password: false } },
    })
    const site = await mountSite(`/login?next=${next}`)
    type(labelled(site.element, 'Name'), 'rosa')
    type(labelled(site.element, 'Password'), 'four grey geese fly')
    site.element.querySelector('main form')?.dispatchEvent(new Event('submit'))
    await settle()
    return { ...site, asked }
  }

  it('goes on to where the reader wanted', async () => {
    const { router, asked, end } = await submit('/about')
    expect(asked[0].body).toEqual({ name: 'rosa', password: 'four grey geese fly' })
    expect(router.currentRoute.value.path).toBe('/about')
    expect(session.csrf).toBe('fresh')
    end()
  })

  it.each(['https://elsewhere.test', '//elsewhere.test', '/\\elsewhere.test'])('never goes to %s', async (next) => {
    const { router, end } = await submit(encodeURIComponent(next))
    expect(router.currentRoute.value.path).toBe('/home')
    end()
  })

  it('says what was wrong and forgets the password', async () => {
    serve({ 'POST /login': problem(401, 'The name or the password is wrong.') })
    const { element, end } = await mountSite('/login')
    type(labelled(element, 'Name'), 'rosa')
    type(labelled(element, 'Password'), 'guess')
    element.querySelector('main form')?.dispatchEvent(new Event('submit'))
    await settle()
    expect(text(element.querySelector('[role=alert]'))).toBe('The name or the password is wrong.')
    expect((labelled(element, 'Password') as HTMLInputElement).value).toBe('')
    end()
  })
})

describe('the shell', () => {
  it('moves the focus to the new page’s heading, and only on a new page', async () => {
    serve({})
    const { element, router, end } = await mountSite('/about')
    expect(document.activeElement).toBe(document.body)
    await router.push('/login')
    await settle()
    expect(document.activeElement).toBe(element.querySelector('h1'))
    expect(document.title).toBe('Log in · fedsky')
    labelled(element, 'Name').focus()
    await router.push('/login?next=/runs')
    await settle()
    expect(document.activeElement).toBe(labelled(element, 'Name'))
    end()
  })

  it('speaks both languages and remembers which', async () => {
    serve({})
    const { element, end } = await mountSite('/about')
    button(element, '中文').click()
    await settle()
    expect(text(element.querySelector('h1'))).toBe('关于本站')
    expect(document.documentElement.lang).toBe('zh-Hans')
    expect(localStorage.getItem('fedsky.language')).toBe('zh')
    end()
  })

  it('changes and remembers the colours', () => {
    setTheme('dark')
    expect(document.documentElement.dataset.bsTheme).toBe('dark')
    expect(localStorage.getItem('fedsky.theme')).toBe('dark')
    setTheme('auto')
    expect(localStorage.getItem('fedsky.theme')).toBeNull()
    setTheme('light')
  })

  it('has a page for what is not there', async () => {
    serve({})
    const { element, end } = await mountSite('/no/such/page')
    expect(text(element.querySelector('main'))).toContain('/no/such/page')
    end()
  })
})

it('names a browser in two words', () => {
  expect(browserName('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36')).toBe('Chrome, Linux')
  expect(browserName('Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0')).toBe('Firefox, Windows')
  expect(browserName('curl/8.5.0')).toBe('curl')
  expect(browserName('')).toBe('')
})
