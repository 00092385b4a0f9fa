/** An operator's way: launch a small job, see it run and its curve grow, compare its runs, take the report home. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { ADMIN, logIn, open, settle, visit, withBrowser } from './site.mjs'

const ROUNDS = 12
await withBrowser(async (browser) => {
  const { page, check } = await open(browser)
  await logIn(page, ADMIN)
  const settings = {
    recipe: 'own', engine: 'inline', 'data.count': 60, 'data.size': 16, num_clients: 2, num_rounds: ROUNDS, repetitions: 2,
  }
  await visit(page, `/launch?${new URLSearchParams(settings)}`)
  const command = page.locator('pre.command')
  await command.waitFor()
  const line = await command.textContent()
  for (const part of ['python -m fedsky', 'engine=inline', `num_rounds=${ROUNDS}`, 'seed=0,1']) assert.ok(line.includes(part), line)

  // a field out of its bounds is refused before anything runs
  const rounds = page.getByLabel('Rounds', { exact: true })
  await rounds.fill('5000')
  await page.getByText('num_rounds=5000').waitFor()
  assert.ok(await page.getByRole('button', { name: 'Put it into the queue' }).isDisabled())
  await rounds.fill(String(ROUNDS))
  await page.getByRole('button', { name: 'Put it into the queue', disabled: false }).waitFor()
  await page.getByLabel('Title', { exact: true }).fill('A small job <b>of the test</b>')
  await page.getByRole('button', { name: 'Put it into the queue' }).click()
  await page.waitForURL(/\/jobs\/\w+/)
  await settle(page)
  assert.equal(await page.locator('h1').textContent(), 'A small job <b>of the test</b>')

  // the first run appears in the job while it goes on; its page moves by itself
  const job = page.url()
  const runLink = page.locator('main dd a[href^="/runs/"]').first()
  await runLink.waitFor({ timeout: 180000 })
  await runLink.click()
  await page.waitForURL(/\/runs\/\w+/)
  await settle(page)
  const entries = page.locator('.feed li')
  const begun = await entries.count()
  // on a fast machine all that the feed shows at first may be there already
  await page.waitForFunction((n) => document.querySelectorAll('.feed li').length > n, Math.min(begun, ROUNDS - 1), { timeout: 180000 })
  assert.ok((await entries.first().textContent()).includes('accuracy'))
  await page.waitForFunction((n) => document.querySelectorAll('.feed li').length >= n, ROUNDS, { timeout: 180000 })
  await page.locator('main canvas').first().waitFor()

  // the job's log has grown, it ends well
  await page.goto(job)
  await page.locator('main .status-good').waitFor({ timeout: 300000 })
  assert.ok((await page.locator('pre.log').textContent()).length > 100)

  // its runs compared: two seeds, one group, n = 2
  await page.getByRole('link', { name: 'Compare its runs' }).click()
  await page.waitForURL(/\/compare\?run=\w+&run=\w+/)
  await settle(page)
  await page.locator('main canvas').first().waitFor()
  await page.getByText('2 runs chosen').waitFor()

  const saving = page.waitForEvent('download', { timeout: 400000 })
  await page.getByRole('button', { name: 'Whole report' }).click()
  await page.getByText('Being prepared').waitFor()
  const download = await saving
  const file = await download.path()
  assert.equal(readFileSync(file).subarray(0, 2).toString(), 'PK')
  assert.ok(readFileSync(file).length > 20000)
  check()
})
console.log('launched, watched, compared, reported')
