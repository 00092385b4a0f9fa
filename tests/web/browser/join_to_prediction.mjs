/**
 * A newcomer's way: register, be told to wait, be approved by an administrator, log in, show a photograph of the sky to
 * a model, keep it, offer it as training data, which the administrator accepts, and delete it. By phone.
 */
import assert from 'node:assert/strict'
import { ADMIN, axe, logIn, open, PHOTO, settle, SITE, visit, withBrowser } from './site.mjs'

const NAME = `emil-${Date.now() % 100000}`
const PASSWORD = 'four grey geese fly'
const LONG = 240000 // the models are loaded when first asked
await withBrowser(async (browser) => {
  const emil = await open(browser, { size: 'phone' })
  const { page } = emil
  await visit(page, '/home')
  await page.getByRole('button', { name: 'Menu' }).click()
  await page.getByRole('link', { name: 'Register' }).click()
  await page.getByText('An administrator has to approve').waitFor()
  await page.getByLabel('Name', { exact: true }).fill(NAME)
  await page.getByLabel('Password', { exact: true }).fill('password1234')
  await page.getByLabel('Password again', { exact: true }).fill('password1234')
  await page.locator('main').getByRole('button', { name: 'Register' }).click()
  await page.getByRole('alert').waitFor() // easy to guess
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByLabel('Password again', { exact: true }).fill(PASSWORD)
  await page.locator('main').getByRole('button', { name: 'Register' }).click()
  await page.getByText('waits for an administrator').waitFor()

  // not before the approval
  await visit(page, '/login')
  const tryIt = async () => {
    await page.getByLabel('Name', { exact: true }).fill(NAME)
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
    await page.locator('main').getByRole('button', { name: 'Log in' }).click()
  }
  await tryIt()
  await page.getByText('has yet to approve').waitFor()

  const rosa = await open(browser)
  await logIn(rosa.page, ADMIN)
  await visit(rosa.page, '/admin/users')
  await rosa.page.getByRole('button', { name: `Approve ${NAME}` }).click()
  await rosa.page.getByText(`${NAME} may log in now.`).waitFor()

  await tryIt()
  await page.getByText(`Welcome, ${NAME}.`).waitFor()
  await visit(page, '/admin/users')
  assert.equal(await page.locator('h1').textContent(), 'Your account may not see this page')

  // the prediction
  await visit(page, '/predict')
  await page.locator('input[type=file]').first().setInputFiles(PHOTO)
  await page.getByRole('button', { name: 'Ask the model' }).click()
  await page.getByRole('heading', { name: 'What the model says' }).waitFor({ timeout: LONG })
  const said = await page.locator('.verdict').textContent()
  assert.match(said, /sunny|cloudy/)
  await page.getByText(/[\d.]+ % probability/).waitFor()
  await page.getByText('not tomorrow').first().waitFor()
  assert.ok((await page.locator('main img').count()) >= 1)
  assert.deepEqual(await axe(page), [])
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 390)
  if (process.env.OUT) await page.screenshot({ path: `${process.env.OUT}/predicted.phone.light.png`, fullPage: true })
  await page.getByRole('button', { name: 'Keep in my profile' }).click()
  await page.getByRole('button', { name: 'Delete it again' }).waitFor({ timeout: LONG })

  await visit(page, '/profile')
  const photo = page.locator('.cards img').first()
  await photo.waitFor()
  await photo.evaluate((img) => img.decode()) // rejects unless a picture comes
  await page.getByRole('button', { name: 'Offer', exact: true }).click()
  await page.getByText('Offered as').first().waitFor()

  await visit(rosa.page, '/admin/offers')
  const card = rosa.page.locator('.cards li').filter({ hasText: NAME })
  await card.getByRole('button', { name: 'Accept', exact: true }).click()
  await card.getByText('Accepted').waitFor()

  await page.getByRole('button', { name: /^Delete the photograph/ }).click()
  await page.getByText('The photograph is deleted.').waitFor()

  // a closed session is closed at once, here by the administrator
  await visit(rosa.page, '/admin/users')
  await rosa.page.getByRole('button', { name: `Disable ${NAME}` }).click()
  await rosa.page.locator('dialog').getByRole('button', { name: 'Disable' }).click()
  await rosa.page.getByText('is logged out').waitFor()
  await page.goto(`${SITE}/profile`)
  await settle(page)
  assert.equal(await page.locator('h1').textContent(), 'Log in to see this page')
  emil.check()
  rosa.check()
})
console.log('registered, approved, judged, kept, offered, accepted, deleted')
