import { describe, expect, it } from 'vitest'
import { fill, language, words } from '../src/i18n'

type Catalogue = { default: Record<string, string> }
const english = import.meta.glob<Catalogue>('../src/locale/en/*.ts', { eager: true })
const chinese = import.meta.glob<Catalogue>('../src/locale/zh/*.ts', { eager: true })
const names = Object.keys(english).map((path) => path.split('/').pop() as string)
const places = (text: string) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort()

describe('the two languages', () => {
  it('have the same catalogues', () => {
    expect(Object.keys(chinese).map((path) => path.split('/').pop())).toEqual(names)
    expect(names.length).toBeGreaterThan(1)
  })

  it.each(names)('%s has the same keys and placeholders in both', (name) => {
    const en = english[`../src/locale/en/${name}`].default
    const zh = chinese[`../src/locale/zh/${name}`].default
    expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort())
    for (const key of Object.keys(en)) {
      expect(places(zh[key]), key).toEqual(places(en[key]))
      expect([1, en[key].split('|').length], key).toContain(zh[key].split('|').length) // Chinese needs no plural
      expect(zh[key].trim(), key).not.toBe('')
    }
  })
})

describe('fill', () => {
  it('puts values in and leaves unknown places visible', () => {
    expect(fill('{a} of {b}', { a: 3 })).toBe('3 of {b}')
  })
  it('chooses the plural by count', () => {
    expect(fill('one run|{count} runs', { count: 1 })).toBe('one run')
    expect(fill('one run|{count} runs', { count: 2 })).toBe('2 runs')
  })
})

it('follows the language', () => {
  const t = words({ en: { hello: 'Hello' }, zh: { hello: '你好' } })
  language.value = 'en'
  expect(t('hello')).toBe('Hello')
  language.value = 'zh'
  expect(t('hello')).toBe('你好')
  language.value = 'en'
})
