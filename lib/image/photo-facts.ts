/** What a camera wrote into a picture (EXIF): when, with what and where it was taken. */
import type exifReader from 'exif-reader'
import type { Exif } from 'exif-reader'

import { loadSharp } from './decode.js'

/** What is known of a photo; nothing of most pictures that no camera made. */
export interface PhotoFacts {
  /** Milliseconds since 1970 of the camera's clock, as if it showed UTC. */
  taken?: number
  /** Maker and model, such as `NIKON D90`. */
  camera?: string
  /** Degrees, north positive. */
  latitude?: number
  /** Degrees, east positive. */
  longitude?: number
}

/** Bytes of EXIF data, at most: what is larger holds something else. */
const maxBytes = 1 << 20
/** Entries of a directory, at most. The reader makes an array of each, of up to the data's size. */
const maxEntries = 256
const maxValues = 1 << 20

/** Never fails: a picture without readable facts has none. */
export async function readPhotoFacts(bytes: Uint8Array): Promise<PhotoFacts> {
  const readExif = require('exif-reader') as typeof exifReader // at first use: most programs index nothing
  try {
    const { exif } = await loadSharp()(bytes, { limitInputPixels: false }).metadata()
    if (!exif || exif.length > maxBytes) return {}
    const data = exif.toString('latin1', 0, 6) === 'Exif\0\0' ? exif.subarray(6) : exif
    if (!isModest(data)) return {}
    return factsOf(readExif(data))
  } catch {
    return {}
  }
}

function factsOf({ Image, Photo, GPSInfo }: Exif): PhotoFacts {
  const facts: PhotoFacts = {}
  const taken = timeOf(Photo?.DateTimeOriginal) ?? timeOf(Photo?.DateTimeDigitized)
  if (taken !== undefined) facts.taken = taken
  const [maker, model] = [wordsOf(Image?.Make), wordsOf(Image?.Model)]
  const camera = model.toLowerCase().startsWith(maker.toLowerCase()) ? model : `${maker} ${model}`.trim()
  if (camera !== '') facts.camera = camera
  const latitude = degreesOf(GPSInfo?.GPSLatitude, GPSInfo?.GPSLatitudeRef, { negative: 'S', most: 90 })
  const longitude = degreesOf(GPSInfo?.GPSLongitude, GPSInfo?.GPSLongitudeRef, { negative: 'W', most: 180 })
  // cameras without reception write zeros
  if (latitude !== undefined && longitude !== undefined && (latitude !== 0 || longitude !== 0))
    Object.assign(facts, { latitude, longitude })
  return facts
}

/** 0000:00:00 and the like become dates before 1900, or none. */
function timeOf(value: unknown): number | undefined {
  const time = value instanceof Date ? value.getTime() : NaN
  return time > Date.UTC(1900) ? time : undefined
}

/** Printable, without what pads it; bytes are of makers that write other than ASCII. */
function wordsOf(value: unknown): string {
  const text = typeof value === 'string' ? value : Buffer.isBuffer(value) ? value.toString() : ''
  return text.replace(/\0.*$/s, '').replace(/[\p{C}\s]+/gu, ' ').trim().slice(0, 100)
}

function degreesOf(
  value: unknown,
  side: unknown,
  { negative, most }: { negative: string; most: number },
): number | undefined {
  if (!Array.isArray(value)) return undefined
  const [degrees = NaN, minutes = 0, seconds = 0] = value as number[]
  const sum = degrees + (minutes || 0) / 60 + (seconds || 0) / 3600 // 0/0: not given
  if (!(sum >= 0 && sum <= most)) return undefined
  return wordsOf(side).toUpperCase() === negative ? -sum : sum
}

/** Whether reading it makes no more than some megabytes: the counts in a hostile file may ask for gigabytes. */
function isModest(data: Buffer): boolean {
  const little = data[0] === 0x49
  const u16 = (at: number): number => little ? data.readUInt16LE(at) : data.readUInt16BE(at)
  const u32 = (at: number): number => little ? data.readUInt32LE(at) : data.readUInt32BE(at)
  const directories = [u32(4)]
  let values = 0
  for (let i = 0; i < directories.length && i < 8; i++) {
    const at = directories[i]!
    if (at === 0 || at + 2 > data.length) continue
    const entries = u16(at)
    if (entries > maxEntries) return false
    const end = at + 2 + 12 * entries
    for (let entry = at + 2; entry + 12 <= Math.min(end, data.length); entry += 12) {
      if ([0x8769, 0x8825, 0xa005].includes(u16(entry))) directories.push(u32(entry + 8)) // EXIF, GPS, interoperability
      else if (u16(entry + 2) !== 2 && u16(entry + 2) !== 7) values += Math.min(u32(entry + 4), data.length)
    }
    if (i === 0 && end + 4 <= data.length) directories.push(u32(end)) // the thumbnail's
  }
  return values <= maxValues
}
