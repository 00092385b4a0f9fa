/** The columns of a run's tables, as the server knows them. */
import { CLIENT_METRICS, COLUMNS, FINAL_METRICS, ROUND_METRICS } from './generated/columns'
import { language } from './i18n'

export { CLIENT_METRICS, FINAL_METRICS }
export type Metric = (typeof FINAL_METRICS)[number]
export type Column = keyof typeof COLUMNS

/** What a column is called in the reader's language. */
export const columnLabel = (name: Column): string => COLUMNS[name][language.value]

/** Whether it is shown as percent. */
export const isFraction = (name: Column): boolean => COLUMNS[name].isFraction

/** The columns of a round that are fractions, or losses: what is drawn together on one axis. */
export const roundFractions = ROUND_METRICS.filter(isFraction)
export const roundLosses = ROUND_METRICS.filter((name) => COLUMNS[name].unit === 'nats')
