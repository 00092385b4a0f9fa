/** The first administrator's first minutes: the one-time password opens nothing but the choice of an own one. */
import assert from 'node:assert/strict'
import { ADMIN, choosePassword, logIn, open, visit, withBrowser } from './site.mjs'

const ONE_TIME = process.env.ONE_TIME_PASSWORD

await withBrowser(async (browser) => {
  const { page, check } = await open(browser)
  await logIn(page, { name: ADMIN.name, password: ONE_TIME })
  await visit(page, '/admin/users')
  assert.equal(await page.locator('h1').textContent(), 'Choose your own password')
  assert.equal(await page.evaluate(async () => (await fetch('/api/admin/users')).status), 403)
  await choosePassword(page, ONE_TIME, ADMIN.password)
  await visit(page, '/admin/users')
  assert.equal(await page.locator('h1').textContent(), 'Users')
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByText('You are logged out.').waitFor()

  // the one-time password has served
  await visit(page, '/login')
  await page.getByLabel('Name', { exact: true }).fill(ADMIN.name)
  await page.getByLabel('Password', { exact: true }).fill(ONE_TIME)
  await page.locator('main').getByRole('button', { name: 'Log in' }).click()
  await page.getByText('The name or the password is wrong.').waitFor()
  check()
})
console.log('an own password')
