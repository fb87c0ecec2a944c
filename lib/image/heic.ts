/** HEIC, whose codec is patented in some countries: read if the user has added a library for it. */
import { ClipError } from '../errors.js'
import type { NativePixels } from '../native/contract.js'
import { formatsRead } from './picture-format.js'
import { checkPixelCount, type DecodeContext } from './decode-context.js'

/** The part of heic-decode 2 that is used. `data` is RGBA; the orientation is applied. */
interface HeicImage {
  width: number
  height: number
  decode(): Promise<{ width: number; height: number; data: Uint8ClampedArray }>
}
type HeicDecode = { all(options: { buffer: Buffer }): Promise<HeicImage[] & { dispose(): void }> }

export async function decodeHeic(bytes: Buffer, context: DecodeContext): Promise<NativePixels> {
  const library = findLibrary()
  if (!library) {
    throw new ClipError(
      'ERR_CLIP_IMAGE_DECODE',
      `${context.label} cannot be decoded: it is a HEIC (HEIF) image, which needs a library beside ggclip: `
        + `"npm install heic-decode"; ${formatsRead} can be read without it`,
    )
  }
  const images = await library.all({ buffer: bytes })
  try {
    const [first] = images
    if (!first) throw new Error('it has no image')
    checkPixelCount(context, first.width, first.height)
    const { width, height, data } = await first.decode()
    return { data: new Uint8Array(data), width, height, channels: 4 }
  } finally {
    images.dispose()
  }
}

/** Beside this package, or in the program's folder. */
function findLibrary(): HeicDecode | undefined {
  for (const paths of [[__dirname], [process.cwd()]]) {
    try {
      return require(require.resolve('heic-decode', { paths })) as HeicDecode
    } catch { /* not there */ }
  }
  return undefined
}
