/** Immich's machine learning: `POST /predict` and `GET /ping`, for its smart search. */
import { ClipError, invalidArgument, outOfRange } from '../../errors.js'
import { storedSize } from '../../image/pixel-size.js'
import type { Clip } from '../../library.js'
import { failuresOf, image, success } from '../calls/schemas.js'
import { type Call, callOptions, eachImage, encodeInputs, withModel } from '../calls/work.js'
import type { Context } from '../context.js'
import { type ImageInput, type Input, readImages, readText } from '../input/read-inputs.js'
import { flatBody, flatFailure } from '../output/failures.js'
import { closingError } from '../requests.js'
import { languageFor } from './languages.js'

interface PredictBody {
  entries: string | object
  image?: unknown
  text?: string
}

/** What `entries` asks for: `{ "clip": { "visual": { "modelName" } } }`. */
interface Entry {
  modelName: string
  tower: 'visual' | 'textual'
  /** Of the user who searches: 'de', 'pt-BR'. */
  language: string | undefined
}

const longestEntries = 4096

/** FastAPI's field. */
export const immichFailures = flatBody('detail')

export const predictSchema = {
  operationId: 'immichPredict',
  tags: ['dialects'],
  summary: "Immich: a text or an image to a vector, for Immich's smart search",
  description: 'Faces and texts in images (OCR) are refused: leave these to a server of Immich, or turn them off.',
  consumes: ['multipart/form-data', 'application/json'],
  body: {
    type: 'object',
    required: ['entries'],
    // as Immich's own server, which ignores what it does not know
    additionalProperties: true,
    properties: {
      entries: {
        anyOf: [{ type: 'string' }, { type: 'object' }],
        description:
          'JSON: {"clip": {"visual": {"modelName": "..."}}} with an image, {"clip": {"textual": {"modelName": "..."}}} with a text.',
      },
      image: { ...image, description: 'An image file.' },
      text: { type: 'string', description: 'A text; the model truncates it to its context length.' },
    },
  },
  response: {
    200: success('The vector, and the size of the image.', {
      type: 'object',
      required: ['clip'],
      properties: {
        clip: { type: 'string', description: 'The vector as a JSON list of numbers, L2-normalised.' },
        imageHeight: { type: 'integer' },
        imageWidth: { type: 'integer' },
      },
    }),
    ...failuresOf(flatFailure('detail')),
  },
} as const

export const pingSchema = {
  operationId: 'immichPing',
  tags: ['dialects'],
  summary: 'Immich: is the server there?',
  security: [],
  response: { 200: { description: "'pong'", content: { 'text/plain': { schema: { const: 'pong' } } } } },
} as const

/** GET /ping @throws {ClipError} ERR_CLIP_SERVER_CLOSING */
export function ping({ requests }: Context): string {
  if (requests.closing) throw closingError()
  return 'pong'
}

/** POST /predict */
export async function predict(context: Context, body: PredictBody, call: Call) {
  const { modelName, tower, language } = readEntries(body.entries)
  const input = readPayload(body, tower, call)
  return withModel(context, call, modelName, 1, async clip => {
    if (input.kind === 'image') return visual(context, call, clip, input)
    const [vector] = await encodeInputs(context, call, clip, [input], { language: languageFor(clip, language) })
    return { clip: listOf(vector!) }
  })
}

async function visual(context: Context, call: Call, clip: Clip, input: ImageInput) {
  let stored: ReturnType<typeof storedSize>
  const [vector] = await eachImage(context, call, [input], files => {
    stored = storedSize(files[0]!)
    return clip.encodeImage(files, callOptions(call))
  })
  const { width, height } = stored ?? call.pictures[0]!
  return { clip: listOf(vector!), imageHeight: height, imageWidth: width }
}

function listOf(vector: Float32Array): string {
  return JSON.stringify(Array.from(vector))
}

/** @throws {TypeError|RangeError|ClipError} unless there is exactly one entry, of the task 'clip' */
function readEntries(entries: string | object): Entry {
  const tasks = Object.entries(asObject('entries', typeof entries === 'string' ? parsed(entries) : entries))
  const other = tasks.find(([task]) => task !== 'clip')?.[0]
  if (other !== undefined) {
    throw new ClipError(
      'ERR_CLIP_MODEL_UNKNOWN',
      `entries: expected the task 'clip' but received '${other.slice(0, 40)}': ggclip has no models for other tasks`,
    )
  }
  const types = tasks.flatMap(([, types]) => Object.entries(asObject('entries.clip', types)))
  const [first] = types
  if (first === undefined || types.length > 1)
    throw invalidArgument('entries', 'one entry, clip.visual or clip.textual,', entries)
  const [tower, entry] = first
  if (tower !== 'visual' && tower !== 'textual')
    throw outOfRange('entries.clip', "'visual' or 'textual'", tower)
  const { modelName, options } = asObject(`entries.clip.${tower}`, entry)
  if (typeof modelName !== 'string' || modelName === '')
    throw invalidArgument(`entries.clip.${tower}.modelName`, 'the name of a model', modelName)
  const { language } = asObject(`entries.clip.${tower}.options`, options ?? {})
  if (language !== undefined && language !== null && typeof language !== 'string')
    throw invalidArgument(`entries.clip.${tower}.options.language`, 'a language', language)
  return { modelName, tower, language: language ?? undefined }
}

function parsed(entries: string): unknown {
  // JSON.parse cannot be interrupted
  if (entries.length > longestEntries) throw outOfRange('entries', `at most ${longestEntries} characters`, entries)
  try {
    return JSON.parse(entries)
  } catch {
    throw invalidArgument('entries', 'JSON', entries)
  }
}

function asObject(name: string, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidArgument(name, 'an object', value)
  return value as Record<string, unknown>
}

/** The image or the text that the entry is about; both at once would leave open which one was meant. */
function readPayload({ image, text }: PredictBody, tower: Entry['tower'], { uploads }: Call): Input {
  if (image !== undefined && text !== undefined)
    throw invalidArgument('image', 'an image or a text, not both,', image)
  if (tower === 'textual') {
    if (text === undefined) throw invalidArgument('text', 'a text for clip.textual', undefined)
    return readText('text', text)
  }
  if (image === undefined) throw invalidArgument('image', 'an image for clip.visual', undefined)
  return readImages({ image }, uploads)[0]!
}
