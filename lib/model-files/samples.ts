/** Images and texts for measuring a model: from a folder of the user's, or this package's samples. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'

import { ClipError } from '../errors.js'
import { unreadable } from '../files.js'
import { samplesFolder } from '../package.js'
import { decodeText, NotText } from '../text-bytes.js'
import { checkString } from '../validate.js'

export interface Samples {
  /** Paths of image files. */
  images: string[]
  texts: string[]
}

const pictures = new Set(['.jpg', '.jpeg', '.png', '.webp', '.avif', '.gif', '.tif', '.tiff', '.svg'])
/** Enough for stable sums; more only take longer. */
const most = { images: 128, texts: 512 }

/**
 * The images below `folder`, and the lines of its `.txt` files as texts: an even selection of at most 128 images and
 * 512 texts. Without a folder: this package's samples and their labels.
 *
 * @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND if there is neither an image nor a text
 */
export function readSamples(folder?: string): Samples {
  if (folder === undefined) return ownSamples()
  const root = checkString('samples', folder)
  const files = list(root)
  const images = files.filter(file => pictures.has(path.extname(file).toLowerCase()))
  const texts = files.filter(file => path.extname(file).toLowerCase() === '.txt').flatMap(file => lines(file))
  if (images.length === 0 && texts.length === 0) {
    throw new ClipError(
      'ERR_CLIP_FILE_NOT_FOUND',
      `samples '${root}': expected images, or .txt files with one text per line, found neither`,
    )
  }
  return { images: even(images, most.images), texts: even([...new Set(texts)], most.texts) }
}

function ownSamples(): Samples {
  const entries = JSON.parse(readFileSync(path.join(samplesFolder, 'samples.json'), 'utf8')) as Record<
    string,
    { label: string }
  >
  const labels = [...new Set(Object.values(entries).map(({ label }) => label))]
  return {
    images: Object.keys(entries).map(name => path.join(samplesFolder, name)),
    texts: labels.flatMap(label => [label, `a photo of a ${label}`, `a drawing of a ${label} on a white background`]),
  }
}

function list(root: string): string[] {
  try {
    const entries = readdirSync(root, { recursive: true, withFileTypes: true })
    const paths = entries.filter(entry => !entry.isDirectory()).map(entry => path.join(entry.parentPath, entry.name))
      .sort()
    // links to files count, broken ones do not
    return paths.filter(file => statSync(file, { throwIfNoEntry: false })?.isFile())
  } catch (cause) {
    throw unreadable(`samples '${root}'`, cause as Error)
  }
}

function lines(file: string): string[] {
  let text: string
  try {
    text = decodeText(readFileSync(file))
  } catch (cause) {
    if (!(cause instanceof NotText)) throw cause
    throw new ClipError('ERR_CLIP_FILE_FORMAT', `samples '${file}': expected UTF-8 text, but ${cause.message}`, {
      cause,
    })
  }
  return text.split(/\r\n|\n|\r/).map(line => line.trim()).filter(line => line !== '')
}

function even<T>(items: T[], count: number): T[] {
  if (items.length <= count) return items
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]!)
}
