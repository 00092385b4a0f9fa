/** A drawing as a tree: one drawing function serves the screen (Vue nodes) and the exported file (SVG text). */
import { h, type VNode } from 'vue'

export interface Shape {
  tag: string
  attributes: Record<string, string | number>
  children: (Shape | string)[]
}

export function shape(tag: string, attributes: Shape['attributes'] = {}, ...children: (Shape | string)[]): Shape {
  return { tag, attributes, children }
}

/** The inks of a drawing: those of --sky-surface in styles/base.css. An exported file is always drawn on white. */
export interface Inks {
  background: string
  text: string
  muted: string
  grid: string
}

export const INKS: Record<'light' | 'dark', Inks> = {
  light: { background: '#ffffff', text: '#15222e', muted: '#4a5d6e', grid: '#dbe3ea' },
  dark: { background: '#142130', text: '#e4ecf3', muted: '#a6b7c6', grid: '#2f4255' },
}

export const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Noto Sans SC", sans-serif'

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
// Control characters have no place in XML 1.0, escaped or not.
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g

/** Text made safe for an SVG file. */
export function escape(text: string): string {
  return text.replace(CONTROL, '').replace(/[&<>"]/g, (sign) => ESCAPES[sign] ?? sign)
}

function markup(node: Shape | string): string {
  if (typeof node === 'string') return escape(node)
  const attributes = Object.entries(node.attributes).map(([name, value]) => ` ${name}="${escape(String(value))}"`)
  const open = `<${node.tag}${attributes.join('')}`
  return node.children.length ? `${open}>${node.children.map(markup).join('')}</${node.tag}>` : `${open}/>`
}

/** A drawing as a file of its own; the width and height are those of its root. */
export function toSvg(root: Shape): string {
  const attributes = { xmlns: 'http://www.w3.org/2000/svg', ...root.attributes }
  return `<?xml version="1.0" encoding="UTF-8"?>\n${markup({ ...root, attributes })}\n`
}

/** A drawing as a Vue node. */
export function toNode(node: Shape): VNode {
  return h(
    node.tag,
    node.attributes,
    node.children.map((child) => (typeof child === 'string' ? child : toNode(child))),
  )
}

/** About how wide a text is, in pixels: ideographs are square, other letters a little over half. */
export function textWidth(text: string, size: number): number {
  let width = 0
  for (const sign of text) width += /[\u2e80-\u9fff\uff00-\uffef]/u.test(sign) ? 1 : 0.56
  return width * size
}

/** A text cut to a width, with an ellipsis where something is missing. */
export function fitted(text: string, size: number, width: number): string {
  if (textWidth(text, size) <= width) return text
  let kept = ''
  for (const sign of text) {
    if (textWidth(`${kept}${sign}…`, size) > width) break
    kept += sign
  }
  return `${kept.trimEnd()}…`
}
