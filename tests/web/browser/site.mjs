/** What the browser tests share: a watched browser on the site at SITE, and steps that several of them take. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(new URL('../../../fedsky/web/frontend/package.json', import.meta.url))
const { chromium } = require('playwright-core')

export const SITE = process.env.SITE
export const ADMIN = { name: process.env.ADMIN_NAME, password: process.env.ADMIN_PASSWORD }
export const PHOTO = process.env.PHOTO // a photograph of the sky
export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium'

export const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } }
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')

/** Runs `walk` with a browser; where it fails, a picture of each open page goes to OUT. */
export async function withBrowser(walk) {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-dev-shm-usage',
      // other hosts are not reached; to intercept requests instead would have every page load all scripts anew
      `--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE ${new URL(SITE).hostname}`,
    ],
  })
  try {
    await walk(browser)
  } catch (error) {
    const pages = browser.contexts().flatMap((context) => context.pages())
    for (const [i, page] of pages.entries()) {
      console.error(`page ${i}: ${page.url()}`)
      if (process.env.OUT) await page.screenshot({ path: `${process.env.OUT}/failure-${i}.png` }).catch(() => undefined)
    }
    throw error
  } finally {
    await browser.close()
  }
}

/**
 * A page of its own session. `seen` gathers what must not happen: requests to another host, violations of the
 * Content-Security-Policy, errors of scripts, answers 5xx. check() fails on any of them; quiet() waits till no request
 * is under way.
 */
export async function open(browser, { theme = 'light', size = 'desktop', locale = 'en-GB', state } = {}) {
  const context = await browser.newContext({
    viewport: SIZES[size],
    colorScheme: theme,
    locale,
    reducedMotion: 'reduce',
    storageState: state,
    hasTouch: size === 'phone',
  })
  const seen = []
  const host = new URL(SITE).host
  const pending = new Set()
  context.on('request', (request) => {
    const url = new URL(request.url())
    if (['http:', 'https:', 'ws:', 'wss:'].includes(url.protocol) && url.host !== host) {
      seen.push(`request to another host: ${url.href}`)
    }
    if (request.resourceType() !== 'eventsource') pending.add(request)
  })
  for (const end of ['requestfinished', 'requestfailed']) context.on(end, (request) => pending.delete(request))
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`CSP-VIOLATION ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`)
    })
  })
  const page = await context.newPage()
  page.setDefaultTimeout(20000)
  page.on('pageerror', (error) => seen.push(`script error: ${error.message}`))
  page.on('console', (message) => {
    const text = message.text()
    if (text.includes('CSP-VIOLATION') || text.includes('Content Security Policy')) seen.push(`policy: ${text}`)
    else if (message.type() === 'error' && !text.startsWith('Failed to load resource')) seen.push(`console: ${text}`)
  })
  page.on('response', (response) => {
    if (response.status() >= 500) seen.push(`${response.status()} ${response.url()}`)
  })
  const quiet = async () => {
    const end = Date.now() + 10000
    for (let looks = 0; looks < 3 && Date.now() < end; looks = pending.size ? 0 : looks + 1) {
      await new Promise((done) => setTimeout(done, 20))
    }
  }
  return { context, page, seen, quiet, check: () => assert.deepEqual(seen, [], 'what must not happen while browsing') }
}

/** Goes to a page and waits till its heading stands and nothing says that it is loading. */
export async function visit(page, path) {
  const response = await page.goto(SITE + path)
  await settle(page)
  return response
}

export async function settle(page) {
  await page.locator('main h1').first().waitFor()
  await page.waitForFunction(() => !document.querySelector('main .empty[role=status]'), null, { timeout: 30000 })
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
}

export async function logIn(page, { name, password }) {
  await visit(page, '/login')
  await page.getByLabel('Name', { exact: true }).fill(name)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.locator('main').getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('button', { name: 'Log out' }).waitFor({ state: 'attached' })
}

/** Sets an own password where the site asks for one. */
export async function choosePassword(page, old, fresh) {
  await page.getByRole('heading', { name: 'Choose your own password' }).waitFor()
  await page.getByLabel('Present password', { exact: true }).fill(old)
  await page.getByLabel('New password', { exact: true }).fill(fresh)
  await page.getByLabel('New password again', { exact: true }).fill(fresh)
  await page.getByRole('button', { name: 'Change the password' }).click()
  await page.getByText('Your password is changed').waitFor()
}

/** What axe finds against WCAG 2.2 A and AA, one line each. */
export async function axe(page) {
  // evaluated, not added as a script element: the policy allows none but the site's own
  await page.evaluate(AXE)
  const found = await page.evaluate(() =>
    window.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
      resultTypes: ['violations'],
    }),
  )
  return found.violations.flatMap((rule) =>
    rule.nodes.map((node) => `${rule.id}: ${node.target.join(' ')}: ${node.failureSummary.replaceAll('\n', ' ')}`),
  )
}

/** The pages with what each needs: no account, or an administrator's. */
const pages = JSON.parse(readFileSync(new URL('../../../fedsky/web/pages.json', import.meta.url), 'utf8'))
  .filter(({ path }) => !path.includes(':'))
const isOpen = ({ needs }) => !needs || needs === 'public'
const paths = (some) => some.map(({ path }) => path)
export const OPEN_PAGES = [...paths(pages.filter(isOpen)), '/compare?q=reference/sky', '/no/such/page']
export const ADMIN_PAGES = [...paths(pages.filter((page) => !isOpen(page))), '/launch?recipe=own']

export const fileName = (path) => path.replace(/\W+/g, '-').replace(/^-|-$/g, '')
