import { describe, expect, it } from 'vitest'
import { csvCell, fileName, toCsv } from './exports'
import { escape, fitted, shape, textWidth, toSvg } from './shape'

describe('CSV', () => {
  it('quotes what needs it and keeps numbers whole', () => {
    expect(csvCell('a,b')).toBe('"a,b"')
    expect(csvCell('say "x"')).toBe('"say ""x"""')
    expect(csvCell(0.1 + 0.2)).toBe('0.30000000000000004')
    expect(csvCell(-0.5)).toBe('-0.5')
    expect(csvCell(null)).toBe('')
    expect(csvCell(NaN)).toBe('')
  })

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx'])('lets no spreadsheet take %j for a formula', (text) => {
    expect(csvCell(text).replace(/^"/, '')).toMatch(/^'/)
  })

  it('has a head and a line for each row', () => {
    const columns = [{ name: 'owner', kind: 'text' as const }, { name: 'n', kind: 'count' as const }]
    expect(toCsv({ columns, rows: [['a', 1], ['b', 2]] })).toBe('owner,n\r\na,1\r\nb,2\r\n') // prettier-ignore
  })
})

describe('file names', () => {
  it('hold nothing that a file system stumbles over', () => {
    expect(fileName('../Accuracy: over "rounds"?', 'csv')).toBe('accuracy-over-rounds.csv')
    expect(fileName('准确率 / 轮次', 'svg')).toBe('准确率-轮次.svg')
    expect(fileName('///', 'png')).toBe('fedsky.png')
  })
})

describe('drawings', () => {
  it('escape text and drop what XML forbids', () => {
    expect(escape('<a href="x">&\u0000\u000b')).toBe('&lt;a href=&quot;x&quot;&gt;&amp;')
    expect(toSvg(shape('svg', { width: 1 }, shape('text', {}, '</svg><script>')))).toContain('<text>&lt;/svg&gt;&lt;script&gt;</text>')
  })

  it('cut a text to its width', () => {
    expect(fitted('short', 12, 200)).toBe('short')
    const cut = fitted('a very long name of a group of runs', 12, 80)
    expect(cut.endsWith('…')).toBe(true)
    expect(textWidth(cut, 12)).toBeLessThanOrEqual(80)
    expect(textWidth('准确率', 10)).toBe(30)
  })
})
