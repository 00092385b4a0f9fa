/** The pages where a reader looks: runs, a run, a comparison, a prediction, on a made-up server. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { RunRow } from '../src/types'
import { button, labelled, logInAs, mountPage, problem, serve, settle, type } from './mounting'

vi.mock('uplot', () => ({
  default: class {
    scales = {}
    data = [[]]
    redraw() {}
    setSeries() {}
    setCursor() {}
    setData() {}
    setSize() {}
    destroy() {}
  },
}))

const text = (element: Element | null | undefined) => element?.textContent?.replace(/\s+/g, ' ').trim() ?? ''
const row = (id: string, more: Partial<RunRow> = {}): RunRow => ({
  id, folder: `main/${id}`, name: id, strategy: 'fedavg', label: 'fedavg', status: 'done', reason: '', started: '2026-11-22T18:00:00+00:00', ended: null,
  rounds: 20, num_rounds: 20, num_clients: 5, seed: 0, accuracy: 0.96, balanced_accuracy: 0.95, megabytes: 12, data: 'folder', partition: 'iid',
  is_reference: false, role: 'federated', group: '', note: '', tags: [], ...more,
}) // prettier-ignore
const list = (runs: RunRow[]) => ({ runs, total: runs.length, strategies: ['fedavg', 'local'], statuses: ['done', 'running'], differs: ['lr'] })

beforeEach(() => logInAs(null))
afterEach(() => vi.unstubAllGlobals())

describe('the list of runs', () => {
  it('asks for what the address says and writes a choice into it', async () => {
    const asked = serve({ 'GET /runs': list([row('a'), row('b')]) })
    const { element, router, end } = await mountPage('/runs?by=runs&status=done&sort=-accuracy&q=main')
    expect(Object.fromEntries(asked[0].query)).toMatchObject({ status: 'done', sort: '-accuracy', q: 'main', limit: '50' })
    element.querySelector<HTMLInputElement>('tbody input[type=checkbox]')?.click()
    await settle()
    expect(router.currentRoute.value.query).toMatchObject({ run: ['a'], status: 'done' })
    const compare = [...element.querySelectorAll('a')].find((link) => text(link) === 'Compare them')
    expect(compare?.getAttribute('href')).toBe('/compare?run=a')
    end()
  })

  it('sorts by a heading, high numbers first, then the other way round', async () => {
    const asked = serve({ 'GET /runs': list([row('a')]) })
    const { element, router, end } = await mountPage('/runs?by=runs')
    const heading = [...element.querySelectorAll('th')].find((each) => text(each).startsWith('Accuracy'))
    heading?.querySelector('button')?.click()
    await settle()
    expect(router.currentRoute.value.query.sort).toBe('-accuracy')
    expect(heading?.getAttribute('aria-sort')).toBe('descending')
    heading?.querySelector('button')?.click()
    await settle()
    expect(asked.at(-1)?.query.get('sort')).toBe('accuracy')
    end()
  })

  it('is by experiment, folded, each with the mean that the report computes of its finished runs', async () => {
    const about = { folder: 'main', role: 'federated', is_reference: false, data: 'folder', partition: 'dirichlet alpha 0.1', num_clients: 5, started: null }
    const group = (id: string, runs: object) => ({ id, name: `fedavg, ${id}`, ...about, runs, ids: [`${id}1`, `${id}2`] })
    const asked = serve({
      'GET /groups': { groups: [group('x', { done: 1, failed: 1 }), group('y', { running: 2 })], total: 2, num_runs: 4, strategies: [], statuses: [], left_out: 0 },
      'GET /groups/means': { means: { x: { value: 0.922, low: 0.891, high: 0.953, n: 1 } } },
      'GET /runs': list([row('x1', { name: 'fedavg, seed 0' }), row('x2', { name: 'fedavg, seed 1', status: 'failed', reason: 'training diverged' })]),
    })
    const { element, router, end } = await mountPage('/runs')
    const cells = () => [...element.querySelectorAll('tbody tr')].map((line) => text(line.querySelector('.num')))
    expect(cells()).toEqual(['92.2 % (89.1 to 95.3)', '–'])
    expect(asked.find((each) => each.path === '/groups/means')?.query.getAll('group')).toEqual(['x'])
    expect(asked.some((each) => each.path === '/runs')).toBe(false)
    expect(text(element)).toContain('4 runs found')
    expect([...element.querySelectorAll('a')].find((link) => text(link) === 'Compare all found')?.getAttribute('href')).toBe('/compare?q=*')
    button(element, 'fedavg, x, main').click()
    await settle()
    expect(asked.find((each) => each.path === '/runs')?.query.get('group')).toBe('x')
    expect(cells()).toEqual(['92.2 % (89.1 to 95.3)', '95.0 %', '95.0 %', '–'])
    expect(text(element)).toContain('training diverged')
    element.querySelector<HTMLInputElement>('tbody input[type=checkbox]')?.click()
    await settle()
    expect(router.currentRoute.value.query.run).toEqual(['x1', 'x2'])
    end()
  })

  it('shows text of a run folder as text', async () => {
    serve({ 'GET /runs': list([row('<img src=x onerror=alert(1)>', { id: 'a', reason: '<b>why</b>', status: 'failed' })]) })
    const { element, end } = await mountPage('/runs?by=runs')
    expect(element.querySelector('tbody img, tbody b')).toBeNull()
    expect(text(element)).toContain('<b>why</b>')
    end()
  })
})

describe('a run that goes on', () => {
  const detail = (status: 'running' | 'done') => ({
    run: row('a', { status, rounds: 1, num_rounds: 2 }), config: { lr: 0.1, 'model.norm': 'batch' }, result: {}, versions: {}, command: 'python -m fedsky',
    commit: '', machine: {}, problems: [], files: [{ name: 'run.json', bytes: 2000 }], has: { predictions: false, partition: false, model: false },
    annotation: { title: '', note: '', tags: [] },
  }) // prettier-ignore
  const entry = (round: number) => ({ round, num_trained: 4, num_owners: 5, clients: [0, 1, 2, 3], megabytes: 2.3, accuracy: 0.91, failures: 1 })
  const metrics = (round: number) => ({ round, accuracy: 0.91, loss: 0.2, bytes_up: 1e6, bytes_down: 1e6, num_steps: 5, seconds: 1, spent: { megabytes: 2 * round, seconds: round, steps: 5 * round } })

  it('is followed by cursor until it ends, and then left alone', async () => {
    const wait = (seconds: number) => new Promise((done) => setTimeout(done, 1000 * seconds))
    let ends = false // when the test has looked
    let ended = false
    const asked = serve({
      'GET /runs/a': () => detail(ended ? 'done' : 'running'),
      'GET /runs/a/rounds': ({ query }: { query: URLSearchParams }) => {
        if (query.get('after') === '-1') return { rounds: [metrics(0), metrics(1)], feed: [entry(0), entry(1)], last: 1, status: 'running' }
        if (!ends) return { rounds: [], feed: [], last: 1, status: 'running' }
        ended = true
        return { rounds: [metrics(2)], feed: [entry(2)], last: 2, status: 'done' }
      },
    })
    const { element, end } = await mountPage('/runs/a')
    await vi.waitFor(() => expect(element.querySelector('.feed li')).toBeTruthy(), 6000)
    expect(text(element.querySelector('.feed li'))).toBe('Round 1: 4 of 5 clients, 2.3 MB, accuracy 91.0 %, 1 client failed')
    expect(text(element)).toContain('This run is going on')
    ends = true
    await vi.waitFor(() => expect(text(element.querySelector('.feed li'))).toContain('Round 2'), 6000)
    const polls = () => asked.filter((each) => each.path === '/runs/a/rounds')
    expect([...new Set(polls().map((each) => each.query.get('after')))]).toEqual(['-1', '1'])
    const asksUntilEnd = polls().length
    await wait(2.5) // longer than the pause between two requests
    expect(polls()).toHaveLength(asksUntilEnd)
    expect(text(element.querySelector('.status'))).toBe('Done')
    end()
  }, 20_000)

  it('tells how unlike its owners are, a plain 0 too, and nothing where nobody knows', async () => {
    for (const [heterogeneity, told] of [[0.3456, '0.346'], [0, '0.000'], [null, undefined]] as const) {
      const partition = { classes: ['a'], clients: [{ client: 0, name: '0', train: [1], validation: [1], test: [1] }], num_owners: 1, heterogeneity }
      serve({ 'GET /runs/a': detail('done'), 'GET /runs/a/rounds': { rounds: [], feed: [], last: -1, status: 'done' }, 'GET /runs/a/partition': partition })
      const { element, end } = await mountPage('/runs/a')
      expect(text(element)?.match(/Label heterogeneity: ([\d.]+)\. The mean/)?.[1]).toBe(told)
      end()
    }
  })

  it('has a configuration that can be searched, and a note that operators alone may edit', async () => {
    const asked = serve({ 'PATCH /runs/a/annotation': {}, 'GET /runs/a': detail('done'), 'GET /runs/a/rounds': { rounds: [], feed: [], last: -1, status: 'done' } })
    const { element, end } = await mountPage('/runs/a')
    const search = labelled(element, 'Find a setting') as HTMLInputElement
    search.value = 'norm batch'
    search.dispatchEvent(new Event('input'))
    await settle()
    expect(text(element)).toContain('1 of 2 settings')
    expect(() => button(element, 'Edit')).toThrow()
    logInAs('operator')
    await settle()
    button(element, 'Edit').click()
    await settle()
    type(labelled(element, 'Title'), ' First try ')
    type(labelled(element, 'Tags, separated by commas'), 'thesis, ,sky')
    await settle()
    labelled(element, 'Title').closest('form')?.dispatchEvent(new Event('submit'))
    await settle()
    const saved = asked.find((each) => each.method === 'PATCH')
    expect(saved?.body).toEqual({ title: 'First try', note: '', tags: ['thesis', 'sky'] })
    expect(() => labelled(element, 'Title')).toThrow()
    end()
  })
})

describe('a comparison', () => {
  it('is of the reference runs where none are chosen, and says so', async () => {
    const asked = serve({ 'GET /compare': { title: '', notes: ['Mind this.'], kinds: [] }, 'GET /runs': list([]) })
    const { element, end } = await mountPage('/compare')
    const first = asked.find((each) => each.path === '/compare')
    expect([first?.query.getAll('run'), first?.query.get('q')]).toEqual([[], null])
    expect(text(element)).toContain('Nothing is chosen: these are the reference runs')
    expect(text(element)).toContain('Mind this.')
    end()
  })

  it('holds every choice in the address, and its files are of the same view', async () => {
    const asked = serve({ 'GET /compare': { title: '', notes: ['Mind this.'], kinds: [] }, 'GET /runs': list([]) })
    const { element, router, end } = await mountPage('/compare?run=a&run=b&metric=loss&x=megabytes')
    const first = asked.find((each) => each.path === '/compare')
    expect(first?.query.getAll('run')).toEqual(['a', 'b'])
    expect([first?.query.get('metric'), first?.query.get('x')]).toEqual(['loss', 'megabytes'])
    expect(text(element)).toContain('Mind this.')
    const select = labelled(element, 'Over') as HTMLSelectElement
    select.value = 'seconds'
    select.dispatchEvent(new Event('change'))
    await settle()
    expect(router.currentRoute.value.query.x).toBe('seconds')
    const table = [...element.querySelectorAll('a')].find((link) => text(link).includes('CSV'))?.getAttribute('href') ?? ''
    expect(table).toMatch(/^\/api\/compare\.csv\?run=a&run=b&.*x=seconds/)
    expect(button(element, 'Whole report (ZIP)')).toBeTruthy()
    end()
  })

  it('says what the server refuses and keeps the choosers', async () => {
    serve({ 'GET /compare': problem(422, 'group_by=colour: no run has a setting of that name'), 'GET /runs': list([]) })
    const { element, end } = await mountPage('/compare?q=x&group_by=colour')
    expect(text(element.querySelector('[role=alert]'))).toContain('no run has a setting of that name')
    expect(labelled(element, 'Group by')).toBeTruthy()
    end()
  })
})

describe('a prediction', () => {
  const model = { id: 'm1', run_id: 'a', group: 'g', name: 'fedavg', is_reference: true, num_models: 15, data: 'folder', label: 'fedavg', strategy: 'fedavg', kind: 'federated', accuracy: 0.96, n_test: 75, classes: ['cloudy', 'sunny'], is_default: true } // prettier-ignore
  const answer = (isSky: boolean) => ({
    prediction: { label: 'sunny', probability: 0.87, probabilities: { cloudy: 0.13, sunny: 0.87 } },
    heatmap: { width: 1, height: 1, png: 'data:,' }, photo: { png: 'data:,', width: 1, height: 1 },
    others: [{ model: 'owner 0', kind: 'alone', label: 'cloudy', probability: 0.6 }],
    sky: { is_sky: isSky, score: 3, threshold: 2, text: '' }, model, caution: 'It judges the sky in this picture, not tomorrow\'s weather.', saved: 'p1',
  }) // prettier-ignore

  async function chosen(isSky = true) {
    vi.stubGlobal('createImageBitmap', () => Promise.resolve({ width: 10, height: 10, close: () => {} }))
    const asked = serve({ 'GET /models': { models: [model], total: 15, examples: [{ name: 'sunny-1.jpg', label: 'sunny', judged: [{ name: 'fedavg', data: 'folder', right: 13, num_models: 15 }] }] }, 'GET /groups/means': { means: { g: { value: 0.922, low: 0.891, high: 0.953, n: 15 } } }, 'POST /predict': answer(isSky), 'POST /predictions/p1/offer': {} })
    const page = await mountPage('/predict')
    const drop = page.element.querySelector('.drop') as HTMLElement
    const event = new Event('drop', { bubbles: true, cancelable: true })
    Object.assign(event, { dataTransfer: { files: [new File(['x'], 'sky.jpg', { type: 'image/jpeg' })] } })
    drop.dispatchEvent(event)
    await settle()
    return { ...page, asked, sent: () => asked.filter((each) => each.method === 'POST') }
  }

  it('sends nothing before it is asked for, and asks to keep nothing', async () => {
    const { element, sent, end } = await chosen()
    expect(text(element)).toContain('Nothing has left your device yet')
    expect(sent()).toEqual([])
    button(element, 'Ask the model').click()
    await settle()
    expect(sent()).toHaveLength(1)
    const form = sent()[0].body as FormData
    expect((form.get('photo') as File).name).toBe('sky.jpg')
    expect(form.get('model')).toBe('m1')
    expect(form.get('keep')).toBeNull()
    expect(text(element)).toContain('sunny with 87.0 % probability')
    expect(text(element)).toContain('It judges the sky in this picture, not tomorrow’s weather.')
    expect(text(element)).toContain('0 of 1 say the same')
    expect(text(element)).toContain('92.2 % (89.1 to 95.3) on test images, mean of 15 runs')
    expect(text(element)).not.toContain('96.0 %')
    expect(text(element)).not.toContain('not like the skies')
    end()
  })

  it('has drawn photographs for whoever has none, and tells what the reference models say of them', async () => {
    vi.stubGlobal('createImageBitmap', () => Promise.resolve({ width: 10, height: 10, close: () => {} }))
    serve({
      'GET /models': { models: [model], total: 1, examples: [{ name: 'sunny-1.jpg', label: 'sunny', judged: [{ name: 'fedavg', data: 'folder', right: 13, num_models: 15 }] }] },
      'GET /examples/sunny-1.jpg': new Response('x'),
    })
    const { element, end } = await mountPage('/predict')
    expect(text(element.querySelector('.examples details li'))).toBe('fedavg, folder: 13 of 15 right')
    button(element, 'Try: sunny').click()
    await settle()
    expect(text(element)).toContain('Your photograph: sunny-1.jpg')
    end()
  })

  it('warns where the picture is no sky', async () => {
    const { element, end } = await chosen(false)
    button(element, 'Ask the model').click()
    await settle()
    expect(text(element.querySelector('.alert-warning'))).toContain('This is not like the skies')
    end()
  })

  it('keeps and offers a photograph only for those who are logged in, and only on request', async () => {
    const { element, sent, end } = await chosen()
    button(element, 'Ask the model').click()
    await settle()
    expect(() => button(element, 'Keep in my profile')).toThrow()
    logInAs('user')
    await settle()
    button(element, 'Keep in my profile').click()
    await settle()
    expect((sent()[1].body as FormData).get('keep')).toBe('true')
    button(element, 'Offer as “cloudy”').click()
    await settle()
    expect(sent()[2]).toMatchObject({ path: '/predictions/p1/offer', body: { label: 'cloudy' } })
    end()
  })

  it('refuses what is no photograph without sending it', async () => {
    const { element, sent, end } = await chosen()
    button(element, 'Choose another photograph').click()
    await settle()
    const event = new Event('drop', { bubbles: true, cancelable: true })
    Object.assign(event, { dataTransfer: { files: [new File(['x'], 'notes.txt', { type: 'text/plain' })] } })
    element.querySelector('.drop')?.dispatchEvent(event)
    await settle()
    expect(text(element.querySelector('[role=alert]'))).toContain('“notes.txt” is not a photograph')
    expect(sent()).toEqual([])
    end()
  })
})
