/** Colours, dashes and markers: the report's, made legible on the page's background. */
import type { Look } from './types'

type Rgb = [number, number, number]

/** WCAG 2.2, 1.4.11: the contrast that a line needs. */
const MIN_CONTRAST = 3

function parse(color: string): Rgb {
  const hex = /^#([0-9a-f]{6})$/i.exec(color)?.[1]
  if (hex === undefined) return [128, 128, 128]
  return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)) as Rgb
}

function toHex(rgb: Rgb): string {
  return '#' + rgb.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')
}

function luminance(rgb: Rgb): number {
  const [red, green, blue] = rgb.map((part) => {
    const share = part / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }) as Rgb
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** The contrast of two colours, 1 to 21 (WCAG 2.2). */
export function contrast(first: string, second: string): number {
  const [high, low] = [luminance(parse(first)), luminance(parse(second))].sort((a, b) => b - a) as [number, number]
  return (high + 0.05) / (low + 0.05)
}

/** The colour, mixed with as little white or black as makes it legible on the background; a grey turns to its end. */
export function legible(color: string, background: string): string {
  const target = luminance(parse(background)) > 0.5 ? 0 : 255
  const start = parse(color)
  const isGrey = Math.max(...start) - Math.min(...start) < 12
  if (isGrey && contrast(color, background) < MIN_CONTRAST) return target === 0 ? '#000000' : '#f2f7fb'
  for (let share = 0; share <= 1; share += 0.04) {
    const mixed = toHex(start.map((part) => part * (1 - share) + target * share) as Rgb)
    if (contrast(mixed, background) >= MIN_CONTRAST) return mixed
  }
  return target === 0 ? '#000000' : '#ffffff'
}

/** The width of a mean's line in pixels; dashes are told in widths. */
export const LINE_WIDTH = 2
const NAMED: Record<string, readonly number[]> = { '-': [], '--': [4, 2], ':': [1, 1.5], '-.': [4, 1.5, 1, 1.5] }

/** A look's dash as lengths in pixels; empty for a solid line. */
export function dashOf(look: Look): number[] {
  const dash = look.dash ?? []
  const widths = typeof dash === 'string' ? (NAMED[dash] ?? dash.split(/[\s,]+/).map(Number)) : dash.map(Number)
  return widths.every((width) => width > 0) ? widths.map((width) => width * LINE_WIDTH) : []
}

function polygon(corners: number, radius: number, turn: number, inner = 1): [number, number][] {
  const count = inner === 1 ? corners : 2 * corners
  return Array.from({ length: count }, (_, number) => {
    const angle = turn + (2 * Math.PI * number) / count
    const reach = inner !== 1 && number % 2 === 1 ? radius * inner : radius
    return [reach * Math.cos(angle), reach * Math.sin(angle)]
  })
}

const UP = -Math.PI / 2
const RIGHT = 0

function cross(radius: number, turn: number): [number, number][] {
  const arm = radius / 2.4
  const corners: [number, number][] = [
    [-arm, -radius], [arm, -radius], [arm, -arm], [radius, -arm], [radius, arm], [arm, arm],
    [arm, radius], [-arm, radius], [-arm, arm], [-radius, arm], [-radius, -arm], [-arm, -arm],
  ] // prettier-ignore
  return corners.map(([x, y]) => [
    x * Math.cos(turn) - y * Math.sin(turn),
    x * Math.sin(turn) + y * Math.cos(turn),
  ])
}

/** The outline of a marker around 0, 0 by matplotlib's letter; null for a circle. */
export function outline(marker: string | null | undefined, radius: number): [number, number][] | null {
  switch (marker) {
    case 's': return polygon(4, 1.3 * radius, Math.PI / 4)
    case 'D': return polygon(4, 1.3 * radius, 0)
    case 'd': return polygon(4, 1.4 * radius, UP).map(([x, y]) => [0.65 * x, y])
    case '^': return polygon(3, 1.35 * radius, UP)
    case 'v': return polygon(3, 1.35 * radius, -UP)
    case '>': return polygon(3, 1.35 * radius, RIGHT)
    case '<': return polygon(3, 1.35 * radius, Math.PI)
    case 'h': return polygon(6, 1.15 * radius, UP)
    case 'p': return polygon(5, 1.2 * radius, UP)
    case '*': return polygon(5, 1.5 * radius, UP, 0.42)
    case 'P': return cross(1.15 * radius, 0)
    case 'X': return cross(1.2 * radius, Math.PI / 4)
    default: return null
  } // prettier-ignore
}

/** A marker as an SVG path around x, y. */
export function markerPath(marker: string | null | undefined, x: number, y: number, radius: number): string {
  const corners = outline(marker, radius)
  if (corners === null) {
    return `M${round(x - radius)} ${round(y)}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0Z`
  }
  return `M${corners.map(([dx, dy]) => `${round(x + dx)} ${round(y + dy)}`).join('L')}Z`
}

/** A coordinate to a hundredth of a pixel. */
export function round(value: number): number {
  return Math.round(value * 100) / 100
}
