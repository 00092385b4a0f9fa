/** Axes: limits that hold the values, and round ticks within them. */

/** About `count` round numbers (1, 2 or 5 times a power of ten apart) from low to high, both included if round. */
export function ticks(low: number, high: number, count: number): number[] {
  if (!(high > low) || count < 1) return Number.isFinite(low) ? [low] : []
  const rough = (high - low) / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough * 0.999) ?? 10)
  const first = Math.ceil(low / step - 1e-9)
  const last = Math.floor(high / step + 1e-9)
  const digits = Math.max(0, -Math.floor(Math.log10(step)) + 1)
  return Array.from({ length: last - first + 1 }, (_, number) => Number(((first + number) * step).toFixed(digits)))
}

/** Limits for fractions: from a tenth below the least value (never below 0) to 1, as the report draws them. */
export function fractionLimits(values: Iterable<number>): [number, number] {
  let low = Infinity
  for (const value of values) low = Math.min(low, value)
  if (low === Infinity) return [0, 1]
  const bottom = Math.max(0, Math.floor(low * 10 - 0.2) / 10)
  return [Math.min(bottom, 0.9), 1]
}

/** Limits for other numbers: 0 belongs to them unless values are negative; a little room above. */
export function numberLimits(values: Iterable<number>): [number, number] {
  let low = Infinity
  let high = -Infinity
  for (const value of values) {
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  if (low === Infinity) return [0, 1]
  return [Math.min(0, low), high > 0 ? high * 1.06 : 1]
}

/** Limits for differences: 0 belongs to them; a little room on both sides. */
export function differenceLimits(values: readonly number[]): [number, number] {
  const low = Math.min(0, ...values)
  const high = Math.max(0, ...values)
  const room = 0.06 * (high - low) || 0.01
  return [low - room, high + room]
}
