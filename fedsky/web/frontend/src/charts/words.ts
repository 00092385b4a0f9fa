/** Numbers as a reader sees them, worded as the report words them. */
import { fill, formatNumber, formatPercent, language, words } from '../i18n'
import en from '../locale/en/charts'
import zh from '../locale/zh/charts'
import type { Cell, Column } from './exports'
import type { Estimate } from './types'

export const t = words({ en, zh })

/** "95.8 % (85.1 to 100.0)", cut at 0 and 100 %, which a t-interval does not know; no interval: the value alone. */
export function percentInterval(estimate: Estimate | null | undefined): string {
  if (!estimate || estimate.value === null) return '–'
  const { value, low, high } = estimate
  if (low === null || high === null) return formatPercent(value)
  return spread(formatPercent(value), formatNumber(100 * Math.max(low, 0), 1), formatNumber(100 * Math.min(high, 1), 1))
}

export function numberInterval(estimate: Estimate | null | undefined, digits = 3): string {
  if (!estimate || estimate.value === null) return '–'
  const { value, low, high } = estimate
  if (low === null || high === null) return formatNumber(value, digits)
  return spread(formatNumber(value, digits), formatNumber(low, digits), formatNumber(high, digits))
}

/** A difference of fractions in percentage points, signed: "+5.0 (-2.9 to +12.8)". */
export function pointsInterval(estimate: Estimate | null | undefined): string {
  if (!estimate || estimate.value === null) return '–'
  const { value, low, high } = estimate
  if (low === null || high === null) return points(value)
  return spread(points(value), points(low), points(high))
}

/** A difference of fractions as signed percentage points; a small one other than 0 does not become 0.0. */
export function points(value: number): string {
  if (Math.abs(value) < 1e-9) return formatNumber(0, 1)
  const shown = 100 * value
  const text = Math.abs(shown) < 0.05 ? tickText(Number(shown.toPrecision(1))) : formatNumber(shown, 1)
  return value > 0 ? `+${text}` : text
}

function spread(value: string, low: string, high: string): string {
  return fill(language.value === 'zh' ? zh.interval : en.interval, { value, low, high })
}

/** A number of any size with about four significant digits. */
export function plain(value: number): string {
  if (Number.isInteger(value)) return formatNumber(value, 0)
  const size = Math.abs(value)
  return formatNumber(value, size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 4)
}

/** A number at an axis: no more digits than it needs. */
export function tickText(value: number): string {
  return value.toLocaleString(language.value === 'zh' ? 'zh-CN' : 'en-GB', { maximumSignificantDigits: 4 })
}

/** A cell of a table as text. */
export function cellText(value: Cell, column: Column): string {
  if (value === null || value === undefined || value === '') return '–'
  if (typeof value === 'string') return value
  if (column.kind === 'percent') return formatPercent(value)
  return column.kind === 'count' ? formatNumber(value, 0) : plain(value)
}
