import { effectScope } from 'vue'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { api, ApiError, poll, queryString, setCsrf } from '../src/api'
import { problem, serve, type Asked } from './mounting'

afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

describe('a request', () => {
  it('keeps repeated keys and leaves empty values out', () => {
    expect(queryString({ run: ['a', 'b'], q: '', page: 0, none: null })).toBe('?run=a&run=b&page=0')
    expect(queryString({ q: undefined })).toBe('')
  })

  it('carries the token on a change and not on a question', async () => {
    const asked = serve({ 'GET /runs': {}, 'POST /jobs': {} })
    setCsrf('secret')
    await api.get('/runs')
    await api.post('/jobs', { recipe: 'x' })
    expect(asked[0].headers).not.toHaveProperty('X-CSRF-Token')
    expect(asked[1].headers['X-CSRF-Token']).toBe('secret')
    expect(asked[1].body).toEqual({ recipe: 'x' })
  })

  it('sends a form as it is, its type left to the browser', async () => {
    const asked = serve({ 'POST /predict': {} })
    const form = new FormData()
    form.append('photo', new Blob(['x']))
    await api.post('/predict', form)
    expect(asked[0].body).toBe(form)
    expect(asked[0].headers).not.toHaveProperty('Content-Type')
  })

  it('fails with the sentence and the field of the problem', async () => {
    serve({ 'POST /register': problem(422, 'A password needs 12 characters or more.', { field: 'password' }) })
    const failure = await api.post('/register').catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ApiError)
    expect(failure).toMatchObject({ status: 422, message: 'A password needs 12 characters or more.', field: 'password' })
  })

  it('has a sentence of its own where the server has none or does not answer', async () => {
    serve({ 'GET /runs': new Response('<h1>Bad gateway</h1>', { status: 502 }) })
    await expect(api.get('/runs')).rejects.toMatchObject({ status: 502, message: expect.stringContaining('502') })
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')))
    await expect(api.get('/runs')).rejects.toMatchObject({ status: 0, message: expect.stringContaining('does not answer') })
  })

  it('fetches a new token once and tries again when the old one has run out', async () => {
    let answers = 0
    const asked = serve({
      'POST /logout': () => (answers++ === 0 ? problem(400, '页面的 CSRF 令牌已失效', { code: 'csrf' }) : { done: true }),
    })
    const renew = vi.fn(async () => setCsrf('new'))
    setCsrf('old', renew)
    await expect(api.post('/logout')).resolves.toEqual({ done: true })
    expect(renew).toHaveBeenCalledTimes(1)
    expect(asked.map((each) => each.headers['X-CSRF-Token'])).toEqual(['old', 'new'])
  })
})

it('looks who is logged in when the server says that nobody is', async () => {
  serve({ 'GET /jobs': problem(401, 'Log in first.'), 'POST /login': problem(401, 'The name or the password is wrong.') })
  const renew = vi.fn(async () => undefined)
  setCsrf('token', renew)
  await expect(api.post('/login')).rejects.toMatchObject({ status: 401 })
  expect(renew).not.toHaveBeenCalled()
  await expect(api.get('/jobs')).rejects.toMatchObject({ message: 'Log in first.' })
  expect(renew).toHaveBeenCalledTimes(1)
})

describe('poll', () => {
  beforeEach(() => void vi.useFakeTimers())

  function start(answer: (asked: Asked) => unknown, take: (body: { n: number }) => boolean | void) {
    const asked = serve({ 'GET /runs/1/rounds': answer })
    const scope = effectScope()
    let after = -1
    const live = scope.run(() =>
      poll<{ n: number }>('/runs/1/rounds', () => ({ after }), (body) => {
        after = body.n
        return take(body)
      }),
    )
    if (!live) throw new Error('the scope is over')
    return { asked, scope, live }
  }

  it('asks on with the cursor and stops when the taker says that it is over', async () => {
    let n = 0
    const { asked, live } = start(() => ({ n: n++ }), (body) => body.n < 2)
    await vi.advanceTimersByTimeAsync(10000)
    expect(asked.map((each) => each.query.get('after'))).toEqual(['-1', '0', '1'])
    expect(live.running.value).toBe(false)
  })

  it('takes nothing when nothing changed', async () => {
    const taken: number[] = []
    const { asked, scope } = start(
      (one) =>
        one.headers['If-None-Match'] === '"a"'
          ? new Response(null, { status: 304 })
          : new Response('{"n": -1}', { headers: { ETag: '"a"', 'Content-Type': 'application/json' } }),
      (body) => void taken.push(body.n),
    )
    await vi.advanceTimersByTimeAsync(7000)
    expect(asked.length).toBeGreaterThanOrEqual(3)
    expect(taken).toEqual([-1])
    scope.stop()
  })

  it('waits while the tab is hidden and asks at once when it is seen again', async () => {
    const hidden = vi.spyOn(document, 'hidden', 'get').mockReturnValue(true)
    const { asked, scope } = start(() => ({ n: -1 }), () => undefined)
    await vi.advanceTimersByTimeAsync(10000)
    expect(asked.length).toBe(0)
    hidden.mockReturnValue(false)
    document.dispatchEvent(new Event('visibilitychange'))
    await vi.advanceTimersByTimeAsync(10)
    expect(asked.length).toBe(1)
    scope.stop()
  })

  it('says what failed, asks ever more seldom, and goes on when the server is back', async () => {
    let up = false
    const { asked, live, scope } = start(() => (up ? { n: -1 } : problem(503, 'Busy.')), () => undefined)
    await vi.advanceTimersByTimeAsync(13000)
    expect(live.error.value).toBe('Busy.')
    expect(asked.length).toBe(3) // at 0, 4 and 12 seconds
    up = true
    await vi.advanceTimersByTimeAsync(20000)
    expect(live.error.value).toBe('')
    scope.stop()
  })

  it('ends with what started it', async () => {
    const { asked, scope } = start(() => ({ n: -1 }), () => undefined)
    await vi.advanceTimersByTimeAsync(100)
    scope.stop()
    await vi.advanceTimersByTimeAsync(10000)
    expect(asked.length).toBe(1)
  })
})
