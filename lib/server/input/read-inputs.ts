/** Turns the inputs of a request, in any accepted format, into texts and images. */
import { invalidArgument, outOfRange } from '../../errors.js'

/** `name`: its place in the request, for messages. */
export type Input = { kind: 'text'; text: string; name: string } | ImageInput

export interface ImageInput {
  kind: 'image'
  /** A data URI, base64 or a URL; or the bytes of an uploaded file. */
  image: string | Buffer
  name: string
}

/** Parts of a body that represent files of a form: matched by identity, so that no text can name one. */
export type Uploads = ReadonlyMap<unknown, Buffer>

export type Modality = 'text' | 'image' | undefined

interface ContentPart {
  type?: string
  text?: string
  image?: string
  image_url?: string | { url: string }
  image_base64?: string
  prompt_string?: string
  multimodal_data?: string[]
}

/**
 * Characters of a text that are read: far more than the tokens of any context. Tokenizers of the BERT family examine a
 * whole text before they truncate it, which takes seconds for millions of characters and delays others.
 */
export const longestText = 16_384

/** llama.cpp's marker for the image in a prompt; Frigate adds a line break. */
export const mediaMarker = '<__media__>'

/** One input or a list; `modality` gives the kind of plain strings. */
export function readInputs(name: string, value: unknown, modality: Modality, uploads: Uploads): Input[] {
  if (!Array.isArray(value)) return [readInput(name, value, modality, uploads)]
  if (value.length === 0) throw outOfRange(name, 'at least one input', value)
  return value.map((item, i) => readInput(`${name}[${i}]`, item, modality, uploads))
}

export function readInput(name: string, value: unknown, modality: Modality, uploads: Uploads): Input {
  const upload = uploads.get(value)
  if (upload) return { kind: 'image', image: upload, name }
  if (typeof value !== 'string') return readPart(name, value as ContentPart)
  const isImage = modality === 'image' || (modality === undefined && isDataUri(value))
  return isImage ? { kind: 'image', image: value, name } : readText(name, value)
}

/**
 * Cohere's and Voyage's inputs: lists of parts that their models embed together.
 *
 * @throws {TypeError} unless each content has one part: this model embeds each text and each image separately
 */
export function readContents(name: string, inputs: readonly { content: unknown[] }[], uploads: Uploads): Input[] {
  return inputs.map(({ content }, i) => {
    const at = `${name}[${i}].content`
    if (content.length !== 1) {
      throw invalidArgument(
        at,
        'exactly one text or one image, since this model embeds each separately,',
        content,
      )
    }
    return readInput(`${at}[0]`, content[0], undefined, uploads)
  })
}

/** @throws {TypeError|RangeError} if the text is not one: see {@link checkText} */
export function readText(name: string, text: string): Input {
  checkText(name, text)
  // not half of a surrogate pair
  const end = /[\ud800-\udbff]/.test(text.charAt(longestText - 1)) ? longestText - 1 : longestText
  return { kind: 'text', text: text.slice(0, end), name }
}

/** An image or a text in the wrong encoding would also get a vector, but a meaningless one. */
export function checkText(name: string, text: string): void {
  if (isDataUri(text))
    throw invalidArgument(name, 'a text, not a data URI (of an image, for calls that accept images)', text)
  if (isPictureBase64(text)) {
    throw invalidArgument(
      name,
      'a text, not base64 of an image (send a data URI, or set "modality": "image")',
      text,
    )
  }
  if (text.includes('\0'))
    throw outOfRange(name, 'a text without NUL characters (is it UTF-16 in another encoding?)', text)
}

/** `data:image/png;base64,...`, of any type: the bytes decide. "data: a cat" is a text. */
function isDataUri(text: string): boolean {
  if (!/^\s{0,16}data:/i.test(text)) return false
  return /^\s{0,16}data:(?:[^\s,;]{0,127}(?:;[^\s,;]{0,127}){0,8};\s?base64|[\w.+-]{1,64}\/[\w.+-]{1,64}(?:;[^,;]{0,127}){0,8}|(?:;[^\s,;]{1,127}){0,8}),/i
    .test(text.slice(0, 2048))
}

/** How the base64 of PNG, JPEG, GIF, WebP, TIFF, AVIF and HEIC begins. */
const pictureBase64 =
  /^\s{0,16}(?:iVBORw0KGgo|\/9j\/[2-7w/]|R0lGODdh|R0lGODlh|UklGR.{6}XRUJQ|SUkqA|TU0AK|AAAA.GZ0eXB)[\w+/=-]{64}/

function isPictureBase64(text: string): boolean {
  return pictureBase64.test(text.slice(0, 128))
}

function readPart(name: string, part: ContentPart): Input {
  const { type, multimodal_data: media = [], prompt_string: prompt } = part
  const images = [part.image, urlOf(part.image_url), part.image_base64, ...media].filter(image => image !== undefined)
  const withoutMarker = prompt?.trim() === mediaMarker && media.length > 0 ? undefined : prompt
  if (withoutMarker !== undefined && withoutMarker.includes(mediaMarker) && images.length === 0) {
    throw invalidArgument(`${name}.multimodal_data`, `one image for the marker '${mediaMarker}'`, undefined)
  }
  const texts = [part.text, withoutMarker].filter(text => text !== undefined)
  if (images.length + texts.length !== 1) {
    throw invalidArgument(name, 'exactly one text or one image, since this model embeds each separately,', part)
  }
  if (type !== undefined && type.includes('image') !== (images.length === 1)) {
    throw invalidArgument(
      `${name}.type`,
      `the type of the part's content, ${images.length === 1 ? 'an image' : 'a text'},`,
      type,
    )
  }
  return images.length === 1 ? { kind: 'image', image: images[0]!, name } : readText(name, texts[0]!)
}

function urlOf(value: string | { url: string } | undefined): string | undefined {
  return typeof value === 'object' ? value.url : value
}

/** The images of a call without texts, from whichever field is present. */
export function readImages(fields: Readonly<Record<string, unknown>>, uploads: Uploads): ImageInput[] {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  if (given.length === 0) throw invalidArgument(Object.keys(fields).at(-1)!, 'at least one image', undefined)
  return given.flatMap(([name, value]) => readInputs(name, value, 'image', uploads)).map(input => {
    if (input.kind === 'text') throw invalidArgument(input.name, 'an image', input.text)
    return input
  })
}

export function textsOf(inputs: readonly Input[]): string[] {
  return inputs.flatMap(input => (input.kind === 'text' ? [input.text] : []))
}

export function imagesOf(inputs: readonly Input[]): ImageInput[] {
  return inputs.flatMap(input => (input.kind === 'image' ? [input] : []))
}
