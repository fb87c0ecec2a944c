/** Size and components of a JPEG file, from its frame header (ITU-T T.81, B.2.2). */
interface JpegFrame {
  /** Pixels as stored: the EXIF orientation is not applied. */
  width: number
  height: number
  /** 1: gray, 3: colour, 4: CMYK. */
  components: number
  /** The image comes in several scans. */
  progressive: boolean
}

/** Undefined unless it is an 8-bit JPEG with its size in the header: the decoder reports what else it is. */
export function jpegFrame(bytes: Buffer): JpegFrame | undefined {
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== 0xffd8) return undefined
  let at = 2
  while (at + 10 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1]!
    if (marker === 0xff) { // a fill byte
      at++
      continue
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
    if (isFrame) {
      const [precision, height, width, components] = [bytes[at + 4]!, bytes.readUInt16BE(at + 5),
        bytes.readUInt16BE(at + 7), bytes[at + 9]!]
      const progressive = [0xc2, 0xc6, 0xca, 0xce].includes(marker)
      return precision === 8 && width > 0 && height > 0 ? { width, height, components, progressive } : undefined
    }
    if (marker < 0xc0 || (marker >= 0xd0 && marker <= 0xda)) return undefined // no frame after these
    at += 2 + bytes.readUInt16BE(at + 2)
  }
  return undefined
}
