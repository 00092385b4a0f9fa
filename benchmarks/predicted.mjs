/** What /predict shows for each photograph of PHOTOS: a line of JSON, and a screenshot in OUT. For predicted.py. */
import { basename } from 'node:path'
import { open, SITE, visit, withBrowser } from '../tests/web/browser/site.mjs'

await withBrowser(async (browser) => {
  const { page, check } = await open(browser)
  const text = async (locator) => ((await locator.count()) ? (await locator.first().innerText()).replace(/\s+/g, ' ').trim() : '')
  for (const photo of JSON.parse(process.env.PHOTOS)) {
    const name = basename(photo, '.jpg')
    await visit(page, '/predict')
    await page.locator('input[type=file]').first().setInputFiles(photo)
    await page.getByRole('button', { name: 'Ask the model' }).click()
    await page.getByRole('heading', { name: 'What the model says' }).waitFor({ timeout: 240000 })
    await page.screenshot({ path: `${process.env.OUT}/${name}.png`, fullPage: true })
    const said = await text(page.locator('.result p').first())
    console.log(JSON.stringify({
      name,
      says: await text(page.locator('.verdict')),
      probability: said.match(/[\d.]+ %/)?.[0] ?? said,
      warning: await text(page.locator('.result .alert-warning')),
      provenance: await text(page.locator('dl.facts')),
    }))
  }
  check()
})
