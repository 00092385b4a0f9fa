/** Doing something again and again while the reader looks at the page, and only then. */
import { onScopeDispose } from 'vue'

/** Calls `act` after as many seconds as `pause` says (each time anew); not while the tab is hidden, at once on return. */
export function whileSeen(act: () => unknown, pause: () => number): void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let due = 0
  const tick = async () => {
    await act()
    plan()
  }
  const plan = () => {
    clearTimeout(timer)
    due = Date.now() + 1000 * pause()
    if (!document.hidden) timer = setTimeout(tick, 1000 * pause())
  }
  const changed = () => {
    clearTimeout(timer)
    if (!document.hidden) timer = setTimeout(tick, Math.max(0, due - Date.now()))
  }
  document.addEventListener('visibilitychange', changed)
  onScopeDispose(() => {
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', changed)
  })
  plan()
}
