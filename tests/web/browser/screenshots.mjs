/** Pictures of every page in OUT, light and dark, phone and desktop; also lists what is wider than the screen. */
import assert from 'node:assert/strict'
import { ADMIN, ADMIN_PAGES, fileName, launch, logIn, open, OPEN_PAGES, SITE, SIZES, visit } from './site.mjs'

const out = process.env.OUT
const only = process.env.ONLY?.split(',')
const browser = await launch()
const wide = []
const failures = []
try {
  const first = await open(browser)
  await logIn(first.page, ADMIN)
  const state = await first.context.storageState()
  const { runs } = await (await first.page.request.get(`${SITE}/api/runs?limit=1`)).json().catch(() => ({ runs: [] }))
  const { jobs } = await (await first.page.request.get(`${SITE}/api/jobs`)).json().catch(() => ({ jobs: [] }))
  await first.context.close()
  const openPages = [...OPEN_PAGES, ...(runs ?? []).map((run) => `/runs/${run.id}`)]
  const adminPages = [...ADMIN_PAGES, ...(jobs ?? []).slice(0, 1).map((job) => `/jobs/${job.id}`)]
  for (const theme of ['light', 'dark']) {
    for (const size of Object.keys(SIZES)) {
      for (const [pages, who] of [[openPages, undefined], [adminPages, state]]) {
        const { context, page, seen } = await open(browser, { theme, size, state: who })
        for (const path of pages) {
          if (only && !only.some((part) => path.startsWith(part))) continue
          try {
            await visit(page, path)
          } catch (error) {
            failures.push(`${path} (${size}): ${error.message.split('\n')[0]}`)
          }
          const width = await page.evaluate(() => document.documentElement.scrollWidth)
          if (width > SIZES[size].width) wide.push(`${path} is ${width} px wide on a screen of ${SIZES[size].width} px`)
          await page.screenshot({ path: `${out}/${fileName(path)}.${size}.${theme}.png`, fullPage: true })
        }
        failures.push(...seen.map((line) => `${size} ${theme}: ${line}`))
        await context.close()
      }
    }
  }
} finally {
  await browser.close()
}
assert.deepEqual([...new Set([...wide, ...failures])], [], 'every page stands, fits its screen and breaks no rule')
