import { afterEach, describe, expect, it, vi } from 'vitest'
import { fit, isLarge, prepare } from './photo'

afterEach(() => vi.unstubAllGlobals())

describe('a photograph before it is sent', () => {
  it('is made to fit, never larger, never nothing', () => {
    expect(fit(4000, 3000, 2048)).toEqual([2048, 1536])
    expect(fit(640, 480, 2048)).toEqual([640, 480])
    expect(fit(10000, 1, 2048)).toEqual([2048, 1])
  })

  it('is large by bytes or by its longer side', () => {
    expect(isLarge(7_000_000, 100, 100)).toBe(true)
    expect(isLarge(1000, 100, 3001)).toBe(true)
    expect(isLarge(1000, 3000, 3000)).toBe(false)
  })

  it('is refused if it is none, or cannot be read', async () => {
    await expect(prepare(new File(['<svg/>'], 'a.svg', { type: 'image/svg+xml' }))).rejects.toBe('notImage')
    vi.stubGlobal('createImageBitmap', () => Promise.reject(new Error('no picture')))
    await expect(prepare(new File(['x'], 'a.jpg', { type: 'image/jpeg' }))).rejects.toBe('notReadable')
  })

  it('goes as it is when it is small', async () => {
    const close = vi.fn()
    vi.stubGlobal('createImageBitmap', () => Promise.resolve({ width: 640, height: 480, close }))
    const file = new File(['x'], 'a.jpg', { type: 'image/jpeg' })
    const chosen = await prepare(file)
    expect(chosen.file).toBe(file)
    expect(close).toHaveBeenCalledOnce()
  })
})
