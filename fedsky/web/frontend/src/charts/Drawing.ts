/** A drawing on the page. */
import type { FunctionalComponent } from 'vue'
import { toNode, type Shape } from './shape'

export const Drawing: FunctionalComponent<{ shape: Shape; label: string }> = ({ shape, label }) =>
  toNode({ ...shape, attributes: { ...shape.attributes, role: 'img', 'aria-label': label, class: 'd-block' } })
Drawing.props = ['shape', 'label']
