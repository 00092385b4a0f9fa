import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { effectScope } from 'vue'
import { whileSeen } from './seen'

let hidden = false
beforeEach(() => {
  vi.useFakeTimers()
  hidden = false
  vi.spyOn(document, 'hidden', 'get').mockImplementation(() => hidden)
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

function turn(away: boolean): void {
  hidden = away
  document.dispatchEvent(new Event('visibilitychange'))
}

it('asks again and again while the page is seen, not while it is hidden, at once on return, and no more after its end', async () => {
  const act = vi.fn(() => Promise.resolve())
  const scope = effectScope()
  scope.run(() => whileSeen(act, () => 5))
  expect(act).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(10_500)
  expect(act).toHaveBeenCalledTimes(2)
  turn(true)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(act).toHaveBeenCalledTimes(2)
  turn(false)
  await vi.advanceTimersByTimeAsync(1)
  expect(act).toHaveBeenCalledTimes(3)
  scope.stop()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(act).toHaveBeenCalledTimes(3)
})
