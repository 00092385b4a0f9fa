/** Light or dark: the system's wish, unless the reader chose. */
import { ref } from 'vue'

export type Theme = 'light' | 'dark'
export type ThemeChoice = Theme | 'auto'

const KEY = 'fedsky.theme'
const wish = window.matchMedia('(prefers-color-scheme: dark)')

function remembered(): ThemeChoice {
  const kept = localStorage.getItem(KEY)
  return kept === 'light' || kept === 'dark' ? kept : 'auto'
}

export const themeChoice = ref<ThemeChoice>(remembered())
/** What is shown now; charts watch it to take new colours. */
export const theme = ref<Theme>('light')

function apply(): void {
  theme.value = themeChoice.value === 'auto' ? (wish.matches ? 'dark' : 'light') : themeChoice.value
  document.documentElement.setAttribute('data-bs-theme', theme.value)
}

export function setTheme(chosen: ThemeChoice): void {
  themeChoice.value = chosen
  if (chosen === 'auto') localStorage.removeItem(KEY)
  else localStorage.setItem(KEY, chosen)
  apply()
}

wish.addEventListener('change', apply)
apply()
