/** The site's pages, from the table that the server reads too: where each is, who may see it, and its name in a menu. */
import table from '../../pages.json'
import { language, type Language } from './i18n'
import { may } from './session'
import type { Role } from './types'

/** file: of src/pages. needs: the least role; 'public' pages follow the site's setting, others are for anyone. */
export interface Page extends Partial<Record<Language, string>> {
  path: string
  file: string
  needs?: Role | 'public'
  menu?: 'main' | 'admin'
}

export const pages = table as Page[]

/** The name and address of each page of a menu that the reader may see; public ones stand there for all. */
export function menu(which: 'main' | 'admin'): { to: string; label: string }[] {
  const shown = pages.filter(({ menu, needs }) => menu === which && (!needs || needs === 'public' || may(needs)))
  return shown.map((page) => ({ to: page.path, label: page[language.value] ?? page.path }))
}
