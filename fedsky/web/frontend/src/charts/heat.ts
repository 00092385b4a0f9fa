/** The colours of a heat map and its drawing as a file. */
import { round } from './look'
import { fitted, FONT, INKS, shape, textWidth, type Shape } from './shape'
import { tickText } from './words'

// Cividis (Nuñez, Anderton and Renslow, 2018), ten of its colours: it rises evenly in lightness and reads alike for
// the colour-blind.
const CIVIDIS = ['#00224e', '#123570', '#3b496c', '#575d6d', '#707173', '#8a8678', '#a59c74', '#c3b369', '#e1cc55', '#fee838'] // prettier-ignore

/** The colour of a share in [0, 1]. */
export function heatColor(share: number): string {
  const place = Math.max(0, Math.min(1, share)) * (CIVIDIS.length - 1)
  const low = Math.floor(place)
  const [from, to] = [CIVIDIS[low] as string, CIVIDIS[Math.min(low + 1, CIVIDIS.length - 1)] as string]
  const part = (hex: string, at: number) => parseInt(hex.slice(at, at + 2), 16)
  const mixed = [1, 3, 5].map((at) => Math.round(part(from, at) + (place - low) * (part(to, at) - part(from, at))))
  return '#' + mixed.map((value) => value.toString(16).padStart(2, '0')).join('')
}

/** What is said of a cell beside its value: a letter in it, and words. */
export interface CellState {
  letter: string
  label: string
}

export interface HeatFigure {
  title: string
  rows: readonly string[]
  columns: readonly number[]
  values: readonly (readonly (number | null)[])[]
  states?: readonly (readonly (CellState | null)[])[]
  limits: [number, number]
  xLabel: string
  percent: boolean
}

export function shareOf(value: number, [low, high]: [number, number]): number {
  return high > low ? (value - low) / (high - low) : 1
}

/** The ink of a letter on a cell: light on the dark half of the scale. */
export function letterColor(value: number | null | undefined, limits: [number, number]): string {
  return value != null && shareOf(value, limits) < 0.5 ? '#ffffff' : '#000000'
}

/** A heat map as a drawing on white, with its scale. */
export function drawHeat(figure: HeatFigure): Shape {
  const inks = INKS.light
  const names = Math.min(180, Math.max(20, ...figure.rows.map((name) => textWidth(name, 11))) + 14)
  const cell = Math.max(3, Math.min(22, (720 - names) / Math.max(1, figure.columns.length)))
  const tall = figure.rows.length > 40 ? 8 : 18
  const width = Math.max(names + cell * figure.columns.length + 16, 360)
  const bottom = 34 + tall * figure.rows.length
  const told = [...new Map((figure.states ?? []).flat().flatMap((state) => (state && cell >= 9 ? [[state.letter, state.label]] : [])))]
  const height = bottom + 84 + 15 * told.length
  const every = Math.max(1, Math.ceil(26 / cell))
  const small = { 'font-size': 11, fill: inks.muted }
  const scaled = (value: number) => tickText(figure.percent ? Math.round(1000 * value) / 10 : value)
  const cells = figure.values.flatMap((row, number) =>
    row.flatMap((value, place) =>
      value === null
        ? []
        : [shape('rect', { x: round(names + cell * place), y: 34 + tall * number, width: round(cell), height: tall, fill: heatColor(shareOf(value, figure.limits)) })],
    ),
  )
  const letters = (figure.states ?? []).flatMap((row, number) =>
    row.flatMap((state, place) =>
      state === null || cell < 9
        ? []
        : [shape('text', { x: round(names + cell * (place + 0.5)), y: 34 + tall * (number + 0.5) + 4, 'text-anchor': 'middle', 'font-size': 10, fill: letterColor(figure.values[number]?.[place], figure.limits) }, state.letter)],
    ),
  )
  const scale = Array.from({ length: 20 }, (_, step) => shape('rect', { x: names + 8 * step, y: bottom + 48, width: 8, height: 10, fill: heatColor(step / 19) }))
  return shape(
    'svg',
    { width, height, viewBox: `0 0 ${width} ${height}`, 'font-family': FONT },
    shape('rect', { width, height, fill: inks.background }),
    shape('text', { x: 8, y: 20, 'font-size': 14, 'font-weight': 600, fill: inks.text }, figure.title),
    ...figure.rows.flatMap((name, number) =>
      tall < 11 && number % 2 ? [] : [shape('text', { x: names - 6, y: 34 + tall * (number + 0.5) + 4, 'text-anchor': 'end', ...small }, fitted(name, 11, names - 10))],
    ),
    ...cells,
    ...letters,
    ...figure.columns.flatMap((x, place) =>
      place % every ? [] : [shape('text', { x: round(names + cell * (place + 0.5)), y: bottom + 14, 'text-anchor': 'middle', ...small }, tickText(x))],
    ),
    shape('text', { x: names, y: bottom + 34, 'font-size': 12, fill: inks.text }, figure.xLabel),
    ...scale,
    shape('text', { x: names, y: bottom + 73, ...small }, scaled(figure.limits[0])),
    shape('text', { x: names + 160, y: bottom + 73, 'text-anchor': 'end', ...small }, scaled(figure.limits[1])),
    ...told.map(([letter, label], place) => shape('text', { x: names, y: bottom + 94 + 15 * place, ...small }, `${letter}  ${label}`)),
  )
}
