/** What leaves a page: CSV, SVG and PNG files, made in the browser from the numbers on the screen. */

export type Cell = string | number | null | undefined

export interface Column {
  name: string
  kind: 'text' | 'percent' | 'number' | 'count'
}

/** The numbers behind a chart: its table for readers and its CSV file. */
export interface Numbers {
  columns: Column[]
  rows: Cell[][]
}

/** A cell of a CSV file. Text that a spreadsheet would take for a formula gets an apostrophe in front (OWASP). */
export function csvCell(value: Cell): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : ''
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

export function toCsv(numbers: Numbers): string {
  const lines = [numbers.columns.map((column) => column.name), ...numbers.rows]
  return lines.map((line) => line.map(csvCell).join(',') + '\r\n').join('')
}

/** A file name without anything that a file system would stumble over. */
export function fileName(name: string, ending: string): string {
  const plain = name.toLowerCase().normalize('NFKD').replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '') // prettier-ignore
  return `${plain.slice(0, 80) || 'fedsky'}.${ending}`
}

/** Hands a file to the reader. */
export function save(name: string, content: Blob): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(content)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}

export function saveText(name: string, text: string, type: string): void {
  save(name, new Blob([text], { type: `${type};charset=utf-8` }))
}

/** Draws an SVG file as PNG, three pixels to each of its own, which is 300 dots per inch at 96 pixels per inch. */
export async function svgToPng(svg: string, width: number, height: number, scale = 3.125): Promise<Blob> {
  const address = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }))
  try {
    const image = new Image()
    image.src = address
    await image.decode()
    const canvas = document.createElement('canvas')
    canvas.width = Math.round(width * scale)
    canvas.height = Math.round(height * scale)
    canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height)
    return await new Promise<Blob>((resolve, reject) =>
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('PNG'))), 'image/png'),
    )
  } finally {
    URL.revokeObjectURL(address)
  }
}
