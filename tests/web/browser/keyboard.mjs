/** Without a mouse: Tab, Enter, Space, arrows and Escape alone, from logging in to a launch, a run's curve, a dialog. */
import assert from 'node:assert/strict'
import { ADMIN, open, settle, visit, withBrowser } from './site.mjs'

const focused = (page) =>
  page.evaluate(() => {
    const element = document.activeElement
    const label = element.labels?.[0]?.textContent ?? element.getAttribute('aria-label') ?? element.textContent
    return { tag: element.tagName.toLowerCase(), name: label.replace(/\s+/g, ' ').trim(), type: element.type }
  })

/** Presses Tab until the named thing has the focus; the focus must be seen wherever it goes. */
async function tabTo(page, name, { tag, most = 80, back = false } = {}) {
  for (let i = 0; i < most; i += 1) {
    await page.keyboard.press(back ? 'Shift+Tab' : 'Tab')
    const now = await focused(page)
    const seen = await page.evaluate(() => {
      const element = document.activeElement
      const style = getComputedStyle(element)
      const box = element.getBoundingClientRect()
      return element === document.body || ((style.outlineStyle !== 'none' || style.boxShadow !== 'none') && box.width > 0 && box.height > 0)
    })
    assert.ok(seen, `the focus on ${now.tag} "${now.name}" is not seen`)
    if ((name instanceof RegExp ? name.test(now.name) : now.name === name) && (!tag || now.tag === tag)) return
  }
  assert.fail(`Tab does not reach "${name}"`)
}

/** Presses Tab until the element has the focus. */
async function tabOnto(page, element) {
  await element.waitFor()
  for (let i = 0; i < 80; i += 1) {
    if (await element.evaluate((one) => one === document.activeElement)) return
    await page.keyboard.press('Tab')
  }
  assert.fail('Tab does not reach it')
}

const heading = async (page, text) => {
  await page.getByRole('heading', { level: 1, name: text }).waitFor()
  assert.deepEqual(await focused(page).then(({ tag }) => tag), 'h1', 'a new page has the focus on its heading')
}

await withBrowser(async (browser) => {
  const { page, check } = await open(browser)
  await visit(page, '/about')
  await page.keyboard.press('Tab')
  assert.equal((await focused(page)).name, 'Skip to the content')
  await page.keyboard.press('Enter')
  assert.equal((await focused(page)).tag, 'h1')

  // log in
  await tabTo(page, 'Log in', { tag: 'a', back: true })
  await page.keyboard.press('Enter')
  await heading(page, 'Log in')
  await tabTo(page, 'Name')
  await page.keyboard.type(ADMIN.name)
  await tabTo(page, 'Password')
  await page.keyboard.type(ADMIN.password)
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Log out' }).waitFor()
  await heading(page, 'Who gains by joining?')

  // the colours and the language
  await tabTo(page, 'Dark colours', { back: true })
  await page.keyboard.press('Space')
  assert.equal(await page.locator('html').getAttribute('data-bs-theme'), 'dark')
  await tabTo(page, '中文', { back: true })
  await page.keyboard.press('Enter')
  await page.getByRole('link', { name: '首页' }).waitFor()
  await page.keyboard.press('Enter')
  await page.getByRole('link', { name: 'Home', exact: true }).waitFor()

  // a launch with a field changed, queued and cancelled through the dialog
  await tabTo(page, 'Launch', { tag: 'a', back: true })
  await page.keyboard.press('Enter')
  await heading(page, 'Launch a run')
  await settle(page)
  await tabTo(page, 'A recipe')
  await page.keyboard.press('ArrowRight')
  await page.getByLabel('Strategy', { exact: true }).waitFor()
  await tabTo(page, 'Strategy')
  await page.keyboard.type('fedprox')
  await page.getByLabel('FedProx mu', { exact: true }).waitFor()
  await tabTo(page, 'Rounds')
  await page.keyboard.press('Control+A')
  await page.keyboard.type('199')
  await page.locator('pre.command').filter({ hasText: 'num_rounds=199' }).waitFor()
  await page.getByRole('button', { name: 'Put it into the queue', disabled: false }).waitFor()
  await tabTo(page, 'Put it into the queue')
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/jobs\/\w+/)
  await page.getByRole('button', { name: 'Cancel', exact: true }).waitFor()
  await tabTo(page, 'Cancel', { tag: 'button' })
  await page.keyboard.press('Enter')
  await page.locator('dialog[open]').waitFor()
  await page.keyboard.press('Escape')
  await page.locator('dialog[open]').waitFor({ state: 'detached' })
  assert.equal((await focused(page)).name, 'Cancel', 'the dialog gives the focus back')
  await page.keyboard.press('Enter')
  await page.locator('dialog[open]').waitFor()
  await tabTo(page, 'Cancel the job', { most: 5 })
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Run again' }).waitFor({ timeout: 90000 })

  // a run from the list; its curve by the arrow keys
  await tabTo(page, 'Runs', { tag: 'a', back: true, most: 200 })
  await page.keyboard.press('Enter')
  await heading(page, 'Runs')
  await settle(page)
  await tabTo(page, 'Search')
  await page.keyboard.type('fedavg')
  await page.waitForURL(/q=fedavg/)
  await settle(page)
  await tabOnto(page, page.locator('main tbody button[aria-expanded="false"]').first())
  await page.keyboard.press('Enter') // unfolds the group
  await tabOnto(page, page.locator('main tbody th a').first())
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/runs\/\w+$/)
  await settle(page)
  const chart = page.locator('main [tabindex="0"]:has(canvas)').first()
  await tabOnto(page, chart)
  const before = await page.locator('main').innerText()
  await page.keyboard.press('ArrowRight')
  await page.keyboard.press('ArrowRight')
  await page.waitForFunction((text) => document.querySelector('main').innerText !== text, before)
  check()
})
console.log('everything by keyboard')
