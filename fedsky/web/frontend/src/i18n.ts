/** Two languages without a library: each page brings its own small catalogue, English setting the keys. */
import { ref } from 'vue'

export type Language = 'en' | 'zh'
export const LANGUAGES: Record<Language, string> = { en: 'English', zh: '中文' }

const KEY = 'fedsky.language'

function remembered(): Language {
  const kept = localStorage.getItem(KEY)
  if (kept === 'en' || kept === 'zh') return kept
  return navigator.language?.toLowerCase().startsWith('zh') ? 'zh' : 'en'
}

export const language = ref<Language>(remembered())

/** Tells the document which language it is in. */
export function applyLanguage(): void {
  document.documentElement.lang = language.value === 'zh' ? 'zh-Hans' : 'en'
}

/** The reader's choice, remembered; without one the browser's languages decide. */
export function setLanguage(chosen: Language): void {
  language.value = chosen
  localStorage.setItem(KEY, chosen)
  applyLanguage()
}

type Values = Record<string, string | number>

/** `{name}` is replaced by values.name; "one run|{count} runs" is chosen by values.count. */
export function fill(text: string, values: Values = {}): string {
  const forms = text.split('|')
  const chosen = forms.length === 2 && 'count' in values ? forms[Number(values.count) === 1 ? 0 : 1] : text
  return chosen.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole))
}

/** The function t(key, values) of one catalogue; it follows the language when used in a template. */
export function words<T extends Record<string, string>>(both: { en: T; zh: Record<keyof T, string> }) {
  return (key: keyof T & string, values?: Values): string => fill(both[language.value][key] ?? key, values)
}

const locale = () => (language.value === 'zh' ? 'zh-CN' : 'en-GB')

export function formatNumber(value: number | null | undefined, digits = 2): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '–'
  return value.toLocaleString(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** A fraction in [0, 1] as a percentage. */
export function formatPercent(value: number | null | undefined, digits = 1): string {
  return value === null || value === undefined ? '–' : `${formatNumber(100 * value, digits)} %`
}

/** An ISO 8601 time in the reader's zone. */
export function formatTime(iso: string | null | undefined): string {
  if (!iso) return '–'
  const time = new Date(iso)
  return Number.isNaN(time.getTime()) ? iso : time.toLocaleString(locale(), { dateStyle: 'medium', timeStyle: 'short' })
}

/** Seconds as "42 s", "3 min 5 s" or "2 h 4 min". */
export function formatSeconds(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return '–'
  const [unitH, unitMin, unitS] = language.value === 'zh' ? ['小时', '分', '秒'] : ['h', 'min', 's']
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} ${unitS}`
  if (whole < 3600) return `${Math.floor(whole / 60)} ${unitMin} ${whole % 60} ${unitS}`
  return `${Math.floor(whole / 3600)} ${unitH} ${Math.round((whole % 3600) / 60)} ${unitMin}`
}
