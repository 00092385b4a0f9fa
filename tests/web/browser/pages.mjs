/**
 * Every page, light on a desktop, dark on a phone, and in Chinese on a phone: it stands, fits its screen, axe finds
 * nothing, nothing leaves the host, the Content-Security-Policy is kept. With FEDSKY_SCREENSHOTS, a picture of each goes
 * to OUT; ALL has every theme on every size; ONLY limits the pages by their beginning.
 */
import assert from 'node:assert/strict'
import { ADMIN, ADMIN_PAGES, axe, fileName, logIn, open, OPEN_PAGES, SITE, SIZES, visit, withBrowser } from './site.mjs'

const out = process.env.FEDSKY_SCREENSHOTS && process.env.OUT
const only = process.env.ONLY?.split(',')
const asked = (path) => !only || only.some((part) => path.startsWith(part))

async function get(page, path) {
  const response = await page.request.get(SITE + path)
  assert.equal(response.status(), 200, path)
  return response.json()
}

const wrong = new Set()
let visited = 0
await withBrowser(async (browser) => {
  const first = await open(browser)
  await logIn(first.page, ADMIN)
  const state = await first.context.storageState()
  const { runs } = await get(first.page, '/api/runs?sort=name&limit=500')
  const { jobs } = await get(first.page, '/api/jobs')
  // axe is there and sees: a picture without a text, pale words
  await visit(first.page, '/about')
  await first.page.evaluate(() => {
    document.querySelector('main').insertAdjacentHTML('beforeend', '<img src="/favicon.svg"><p id="pale">pale</p>')
    document.querySelector('#pale').style.color = '#ddd'
  })
  const found = (await axe(first.page)).map((line) => line.split(':')[0])
  assert.ok(found.includes('image-alt') && found.includes('color-contrast'), found.join())
  await first.context.close()
  const some = runs.filter((run, i) => i === 0 || run.strategy === 'local').slice(0, 2)
  const openPages = [...OPEN_PAGES, ...some.map((run) => `/runs/${run.id}`)]
  const adminPages = [...ADMIN_PAGES, ...jobs.slice(0, 1).map((job) => `/jobs/${job.id}`)]
  const ways = [['light', 'desktop'], ['dark', 'phone'], ...(process.env.ALL ? [['light', 'phone'], ['dark', 'desktop']] : [])]
    .map(([theme, size]) => ({ theme, size, locale: 'en-GB' }))
  for (const way of [...ways, { theme: 'light', size: 'phone', locale: 'zh-CN' }]) {
    const { theme, size, locale } = way
    const suffix = `${size}.${theme}${locale === 'zh-CN' ? '.zh' : ''}`
    for (const [paths, who] of [[openPages, undefined], [adminPages, state]]) {
      const { context, page, seen, quiet } = await open(browser, { ...way, state: who })
      const look = async (place, name) => {
        const width = await page.evaluate(() => document.documentElement.scrollWidth)
        if (width > SIZES[size].width) wrong.add(`${place} is ${width} px wide`)
        for (const line of await axe(page)) wrong.add(`${place}: ${line}`)
        if (out) await page.screenshot({ path: `${out}/${name}.${suffix}.png`, fullPage: true })
      }
      for (const path of paths.filter(asked)) {
        const place = `${path} (${suffix})`
        const response = await visit(page, path).catch((error) => wrong.add(`${place}: ${error.message.split('\n')[0]}`))
        if (!response?.status) continue
        visited += 1
        await quiet()
        const expected = path === '/no/such/page' ? 404 : 200
        if (response.status() !== expected) wrong.add(`${path}: status ${response.status()}`)
        if ((await page.locator('h1').count()) !== 1) wrong.add(`${place} has not one h1`)
        if (await page.locator('main .alert-danger').count()) {
          wrong.add(`${place} says: ${await page.locator('main .alert-danger').first().innerText()}`)
        }
        await look(place, fileName(path))
      }
      if (size === 'phone' && paths.some(asked)) {
        await page.locator('.site-header .toggle').click()
        await look(`the menu (${suffix})`, who ? 'menu-admin' : 'menu')
      }
      for (const line of seen) wrong.add(`${suffix}: ${line}`)
      await context.close()
    }
  }
})
assert.deepEqual([...wrong], [], 'every page stands, fits, is accessible and keeps to itself')
assert.ok(visited >= (only ? 1 : 54), `${visited} pages were seen`)
console.log(`${visited} pages`)
