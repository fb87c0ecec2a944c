/** The inputs of a request, in whatever form they are written, as texts and images. */
import { invalidArgument, outOfRange } from '../errors.js'
import { maxTextLength } from './schemas/common.js'

export type Input = { kind: 'text'; text: string } | ImageInput

export interface ImageInput {
  kind: 'image'
  /** A data URI, base64, a URL, or the name of an upload. */
  image: string
  /** Its place in the request, for messages. */
  name: string
}

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

/** llama.cpp's mark for where in a prompt the image stands. */
const mediaMarker = '<__media__>'

/** One input or a list of them; `modality` says what plain strings are. */
export function readInputs(name: string, value: unknown, modality: Modality): Input[] {
  if (!Array.isArray(value)) return [readInput(name, value, modality)]
  if (value.length === 0) throw outOfRange(name, 'at least one input', value)
  return value.map((item, i) => readInput(`${name}[${i}]`, item, modality))
}

export function readInput(name: string, value: unknown, modality: Modality): Input {
  if (typeof value === 'number' || Array.isArray(value)) {
    throw invalidArgument(name, 'a text or an image (token ids are not accepted: send the text itself)', value)
  }
  if (typeof value === 'string') {
    const isImage = modality === 'image' || (modality === undefined && /^(?:data:image\/|upload:)/i.test(value))
    return isImage ? { kind: 'image', image: value, name } : readText(name, value)
  }
  return readPart(name, value as ContentPart)
}

function readText(name: string, text: string): Input {
  if (text.length > maxTextLength) throw outOfRange(name, `a text of at most ${maxTextLength} characters`, text)
  return { kind: 'text', text }
}

function readPart(name: string, part: ContentPart): Input {
  const { multimodal_data: media = [], prompt_string: prompt } = part
  const images = [part.image, urlOf(part.image_url), part.image_base64, ...media].filter(image => image !== undefined)
  const withoutMarker = prompt === mediaMarker && media.length > 0 ? undefined : prompt
  const texts = [part.text, withoutMarker].filter(text => text !== undefined)
  if (images.length + texts.length !== 1) {
    throw invalidArgument(name, 'exactly one text or one image, as this model embeds each by itself,', part)
  }
  return images.length === 1 ? { kind: 'image', image: images[0]!, name } : readText(name, texts[0]!)
}

function urlOf(value: string | { url: string } | undefined): string | undefined {
  return typeof value === 'object' ? value.url : value
}

/** The images of a call that wants nothing else, from whichever of the fields is given. */
export function readImages(fields: Readonly<Record<string, unknown>>): ImageInput[] {
  const inputs = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : readInputs(name, value, 'image')))
  if (inputs.length === 0) throw invalidArgument(Object.keys(fields).at(-1)!, 'at least one image', undefined)
  return inputs.map((input, i) => {
    if (input.kind === 'text') throw invalidArgument(`image ${i}`, 'an image', input.text)
    return input
  })
}

export function textsOf(inputs: readonly Input[]): string[] {
  return inputs.flatMap(input => (input.kind === 'text' ? [input.text] : []))
}

export function imagesOf(inputs: readonly Input[]): ImageInput[] {
  return inputs.flatMap(input => (input.kind === 'image' ? [input] : []))
}
