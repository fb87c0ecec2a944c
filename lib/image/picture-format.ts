/** Recognises files by their first bytes: the supported formats, and the names of others. */
import { TextDecoder } from 'node:util'

export type PictureFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif' | 'svg' | 'bmp' | 'pnm' | 'heic'

/** For messages. */
export const formatsRead = 'JPEG, PNG, WebP, AVIF, GIF, TIFF, BMP, PNM and SVG'

/** `foreign`: the name of an unsupported format, with its article. */
type Recognised = { format: PictureFormat } | { foreign: string }

/** Bytes at the start of a file, in Latin-1; `at`: their offset if not 0. */
interface Mark {
  is: PictureFormat | `${'a' | 'an'} ${string}`
  starts: string
  at?: number
}

const marks: readonly Mark[] = [
  { is: 'jpeg', starts: '\xff\xd8\xff' },
  { is: 'png', starts: '\x89PNG\r\n\x1a\n' },
  { is: 'gif', starts: 'GIF87a' },
  { is: 'gif', starts: 'GIF89a' },
  { is: 'webp', starts: 'WEBP', at: 8 },
  { is: 'tiff', starts: 'II*\0' },
  { is: 'tiff', starts: 'MM\0*' },
  { is: 'tiff', starts: 'II+\0' },
  { is: 'tiff', starts: 'MM\0+' },
  { is: 'a Canon raw image', starts: 'CR\x02\0', at: 8 },
  { is: 'a Panasonic raw image', starts: 'IIU\0' },
  { is: 'a Fujifilm raw image', starts: 'FUJIFILM' },
  { is: 'a JPEG XL image', starts: '\xff\x0a' },
  { is: 'a JPEG XL image', starts: '\0\0\0\x0cJXL ' },
  { is: 'a JPEG 2000 image', starts: '\0\0\0\x0cjP  ' },
  { is: 'a JPEG 2000 image', starts: '\xff\x4f\xff\x51' },
  { is: 'a JPEG XR image', starts: 'II\xbc\x01' },
  { is: 'a Photoshop document', starts: '8BPS' },
  { is: 'an OpenEXR image', starts: 'v/1\x01' },
  { is: 'a Radiance HDR image', starts: '#?RADIANCE' },
  { is: 'a QOI image', starts: 'qoif' },
  { is: 'a DDS texture', starts: 'DDS ' },
  { is: 'a Windows icon (ICO)', starts: '\0\0\x01\0' },
  { is: 'a Windows cursor (CUR)', starts: '\0\0\x02\0' },
  { is: 'a GIMP document', starts: 'gimp xcf' },
  { is: 'a PAM image', starts: 'P7\n' },
  { is: 'a PFM image', starts: 'PF\n' },
  { is: 'a PFM image', starts: 'Pf\n' },
  { is: 'a FLIF image', starts: 'FLIF' },
  { is: 'a BPG image', starts: 'BPG\xfb' },
  { is: 'a PDF', starts: '%PDF' },
  { is: 'a PostScript file', starts: '%!PS' },
  { is: 'an AVI video', starts: 'AVI ', at: 8 },
  { is: 'a WAV sound', starts: 'WAVE', at: 8 },
  { is: 'a Matroska or WebM video', starts: '\x1a\x45\xdf\xa3' },
  { is: 'an MPEG video', starts: '\0\0\x01\xba' },
  { is: 'an MPEG video', starts: '\0\0\x01\xb3' },
  { is: 'a Flash video', starts: 'FLV\x01' },
  { is: 'an Ogg file', starts: 'OggS' },
  { is: 'an MP3 sound', starts: 'ID3' },
  { is: 'a FLAC sound', starts: 'fLaC' },
  { is: 'a ZIP archive', starts: 'PK\x03\x04' },
  { is: 'an empty ZIP archive', starts: 'PK\x05\x06' },
  { is: 'a RAR archive', starts: 'Rar!' },
  { is: 'a 7-Zip archive', starts: '7z\xbc\xaf\x27\x1c' },
  { is: 'an XZ archive', starts: '\xfd7zXZ\0' },
  { is: 'a Zstandard archive', starts: '\x28\xb5\x2f\xfd' },
  { is: 'a bzip2 archive', starts: 'BZh' },
  { is: 'a program', starts: '\x7fELF' },
  { is: 'a GGUF model', starts: 'GGUF' },
  { is: 'a NumPy array', starts: '\x93NUMPY' },
  { is: 'an HDF5 file', starts: '\x89HDF' },
  { is: 'an SQLite database', starts: 'SQLite format 3' },
  { is: 'an Apple double file (metadata of another file)', starts: '\0\x05\x16\x07' },
  {
    is: 'a Git LFS pointer instead of the file: "git lfs pull" fetches it',
    starts: 'version https://git-lfs',
  },
]

const heifBrands = new Set(['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'mif1', 'msf1', 'heif'])
const videoBrands = /^(?:isom|iso\d|mp4\d|avc1|M4V |M4A |qt {2}|3g|dash|f4v|mmp4|MSNV)/

/** @param bytes a whole file, or at least its first kilobyte */
export function recognise(bytes: Buffer): Recognised {
  const head = bytes.toString('latin1', 0, 4096)
  for (const { is, starts, at = 0 } of marks) {
    if (head.startsWith(starts, at) && (at === 0 || /^(?:RIFF|II\*\0|MM\0\*)/.test(head))) {
      if (is === 'tiff' && head.startsWith('CR', 8)) continue
      return known(is)
    }
  }
  if (head.startsWith('ftyp', 4)) return ofBrands(head)
  if (/^P[1-6][\s#]/.test(head)) return { format: 'pnm' }
  if (isBmp(bytes)) return { format: 'bmp' }
  // compressed SVG and other gzip files differ only in their content, which the decoder examines
  if (head.startsWith('\x1f\x8b')) return { format: 'svg' }
  return ofText(bytes, head)
}

function known(is: Mark['is']): Recognised {
  return is.includes(' ') ? { foreign: is } : { format: is as PictureFormat }
}

/** ISO base media files list their brand and compatible ones. */
function ofBrands(head: string): Recognised {
  const end = Math.min(head.length, head.charCodeAt(2) * 256 + head.charCodeAt(3))
  const brands: string[] = []
  for (let at = 8; at + 4 <= end; at += 4) if (at !== 12) brands.push(head.slice(at, at + 4))
  if (brands.some(brand => brand === 'avif' || brand === 'avis')) return { format: 'avif' }
  if (brands.some(brand => heifBrands.has(brand))) return { format: 'heic' }
  if (brands[0] === 'crx ') return { foreign: 'a Canon raw image' }
  if (brands.some(brand => videoBrands.test(brand))) return { foreign: 'a video or sound file (MP4 or QuickTime)' }
  return { foreign: 'a media file of an unknown kind' }
}

/** Many texts begin with 'BM': the size of the header must be a valid one. */
function isBmp(bytes: Buffer): boolean {
  if (bytes.length < 18 || bytes.toString('latin1', 0, 2) !== 'BM') return false
  return [12, 16, 40, 52, 56, 64, 108, 124].includes(bytes.readUInt32LE(14))
}

function ofText(bytes: Buffer, head: string): Recognised {
  const text = decodeHead(bytes)
  if (/<svg[\s>]/i.test(text) || /<\w+:svg[\s>]/i.test(text)) return { format: 'svg' }
  const start = text.trimStart()
  if (/^<!doctype html|^<html|^<head|^<body/i.test(start)) return { foreign: 'a web page (HTML)' }
  if (/^<\?xml|^<[a-z!]/i.test(start)) return { foreign: 'an XML file without an <svg> element' }
  if (/^data:/i.test(start)) return { foreign: 'the text of a data URI: pass its decoded bytes' }
  if (/^https?:\/\//i.test(start)) return { foreign: 'the text of a URL: pass the contents of that file' }
  if (/^[{[]/.test(start)) return { foreign: 'a JSON text' }
  if (/^(?:\/9j\/|iVBORw0KGgo|R0lGOD|UklGR)/.test(start))
    return { foreign: 'the text of an image in base64: pass its decoded bytes' }
  if (/^\0+$/.test(head)) return { foreign: 'a file of zeros' }
  if (!/[\0-\x08\x0e-\x1a\x1c-\x1f\ufffd]/.test(text)) return { foreign: 'a text' }
  if (isTga(bytes)) return { foreign: 'a TGA image' }
  return { foreign: 'a file of an unknown kind (unsupported image format)' }
}

/** The beginning as text: UTF-16 if marked, else UTF-8, without an incomplete character at the end. */
function decodeHead(bytes: Buffer): string {
  const head = bytes.subarray(0, 4096)
  const encoding = head[0] === 0xff && head[1] === 0xfe
    ? 'utf-16le'
    : head[0] === 0xfe && head[1] === 0xff
    ? 'utf-16be'
    : 'utf-8'
  return new TextDecoder(encoding).decode(head, { stream: true })
}

/** The old format has no signature, the new one only at its end. */
function isTga(bytes: Buffer): boolean {
  return bytes.length >= 26 && bytes.toString('latin1', bytes.length - 18, bytes.length - 2) === 'TRUEVISION-XFILE'
}
