/** One component on its own, for tests: its element, new props, and what a reader does with it. */
import { createApp, h, nextTick, reactive, type Component } from 'vue'

export interface Shown {
  element: HTMLElement
  set: (props: object) => Promise<void>
  end: () => void
}

export function show(component: Component, props: object): Shown {
  const element = document.createElement('div')
  document.body.replaceChildren(element)
  const given = reactive({ props })
  const app = createApp({ render: () => h(component, given.props) })
  app.mount(element)
  const set = async (next: object) => {
    given.props = { ...given.props, ...next }
    await nextTick()
  }
  return { element, set, end: () => app.unmount() }
}

/** The text of an element without doubled spaces. */
export function textOf(root: ParentNode, selector: string): string {
  const found = root.querySelector(selector)
  if (!found) throw new Error(`nothing matches ${selector}`)
  return found.textContent.replace(/\s+/g, ' ').trim()
}

export async function press(root: ParentNode, selector: string, key: string): Promise<void> {
  root.querySelector(selector)?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))
  await nextTick()
}

export async function click(target: Element | null | undefined): Promise<void> {
  target?.dispatchEvent(new MouseEvent('click', { bubbles: true }))
  await nextTick()
}

export async function unfold(root: ParentNode): Promise<void> {
  const details = root.querySelector('details')
  if (!details) throw new Error('nothing to unfold')
  details.open = true
  details.dispatchEvent(new Event('toggle'))
  await nextTick()
}

/** The cells of a table's body as text, row by row. */
export function cellsOf(root: ParentNode): string[][] {
  return [...root.querySelectorAll('tbody tr')].map((row) =>
    [...row.querySelectorAll('th, td')].map((cell) => cell.textContent.replace(/\s+/g, ' ').trim()),
  )
}
