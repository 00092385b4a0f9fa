import { afterEach, expect, it } from 'vitest'
import { language } from '../i18n'
import { cellText, numberInterval, percentInterval, plain, points, pointsInterval, tickText } from './words'

afterEach(() => (language.value = 'en'))

it('words intervals as the report does, cut at 0 and 100 %', () => {
  expect(percentInterval({ value: 0.958, low: 0.851, high: 1.02, n: 3 })).toBe('95.8 % (85.1 to 100.0)')
  expect(percentInterval({ value: 0.02, low: -0.1, high: 0.1, n: 3 })).toBe('2.0 % (0.0 to 10.0)')
  expect(percentInterval({ value: 0.958, low: null, high: null, n: 1 })).toBe('95.8 %')
  expect(percentInterval({ value: null, low: null, high: null, n: 0 })).toBe('–')
  expect(numberInterval({ value: 0.1344, low: 0.08, high: 0.2, n: 3 })).toBe('0.134 (0.080 to 0.200)')
  language.value = 'zh'
  expect(percentInterval({ value: 0.958, low: 0.851, high: 1, n: 3 })).toBe('95.8 %（85.1 至 100.0）')
})

it('signs differences, and never says -0.0', () => {
  expect(pointsInterval({ value: 0.05, low: -0.029, high: 0.128, n: 3 })).toBe('+5.0 (-2.9 to +12.8)')
  expect(points(0)).toBe('0.0')
  expect(points(-0.0003)).toBe('-0.03')
  expect(points(0.00004)).toBe('+0.004')
  expect(points(1e-12)).toBe('0.0')
})

it('gives numbers as many digits as they need', () => {
  expect([1234567, 1234.5, 123.45, 1.234, 0.01234].map(plain)).toEqual(['1,234,567', '1,235', '123.5', '1.23', '0.0123'])
  expect([0.7, 20, 0.25].map(tickText)).toEqual(['0.7', '20', '0.25'])
  expect(cellText(0.5, { name: 'x', kind: 'percent' })).toBe('50.0 %')
  expect(cellText(null, { name: 'x', kind: 'percent' })).toBe('–')
  expect(cellText(15, { name: 'x', kind: 'count' })).toBe('15')
})
