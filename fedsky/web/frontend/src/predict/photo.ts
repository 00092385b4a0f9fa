/** A chosen photograph: checked and, if large, made smaller before it leaves the browser. */

export const TYPES = ['image/jpeg', 'image/png', 'image/webp']
/** Beyond these the browser sends a smaller copy; models look at far fewer pixels. */
const MAX_BYTES = 6_000_000
const MAX_SIDE = 3000
const SENT_SIDE = 2048

export interface Chosen {
  /** What is sent. */
  file: Blob
  name: string
  /** An address of the picture for this page. */
  address: string
}

export type Fault = 'notImage' | 'notReadable'

/** How large a picture is drawn so that its longer side is at most `side`; never larger than it is. */
export function fit(width: number, height: number, side: number): [number, number] {
  const scale = Math.min(1, side / Math.max(width, height))
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))]
}

/** Whether a picture must be made smaller before it is sent. */
export function isLarge(bytes: number, width: number, height: number): boolean {
  return bytes > MAX_BYTES || Math.max(width, height) > MAX_SIDE
}

/** The photograph as it will be sent; throws a Fault where there is none. */
export async function prepare(file: File): Promise<Chosen> {
  if (!TYPES.includes(file.type)) throw 'notImage' satisfies Fault
  let picture: ImageBitmap
  try {
    picture = await createImageBitmap(file, { imageOrientation: 'from-image' })
  } catch {
    throw 'notReadable' satisfies Fault
  }
  try {
    if (!isLarge(file.size, picture.width, picture.height)) {
      return { file, name: file.name, address: URL.createObjectURL(file) }
    }
    const canvas = document.createElement('canvas')
    ;[canvas.width, canvas.height] = fit(picture.width, picture.height, SENT_SIDE)
    canvas.getContext('2d')?.drawImage(picture, 0, 0, canvas.width, canvas.height)
    const smaller = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.92))
    if (!smaller) throw 'notReadable' satisfies Fault
    return { file: smaller, name: file.name, address: URL.createObjectURL(smaller) }
  } finally {
    picture.close()
  }
}
