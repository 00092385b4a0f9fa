/** The classes of the photographs in the reader's language; a class of another data set stays as it is. */
import { words } from './i18n'
import en from './locale/en/sky'
import zh from './locale/zh/sky'

const t = words({ en, zh })
export const CLASSES = Object.keys(en) as (keyof typeof en)[]

export const skyWord = (label: string): string => (label in en ? t(label as keyof typeof en) : label)
