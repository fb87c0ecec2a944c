/** From the inputs of a request to vectors: admission, bytes, encoding. */
import type { FastifyRequest } from 'fastify'

import { forEachAtOnce } from '../../async/pipeline.js'
import { errorCodeOf, outOfRange } from '../../errors.js'
import type { CallOptions, Clip } from '../../library.js'
import type { Context } from '../context.js'
import { imageBytes } from '../input/image-bytes.js'
import { type ImageInput, imagesOf, type Input, textsOf, type Uploads } from '../input/read-inputs.js'
import type { ModelSlot } from '../models/model-slot.js'
import type { Timing } from '../observe/timing.js'
import { about } from '../output/failures.js'
import type { PictureSize } from './usage.js'

/** Images of a request that are fetched and queued together, two such slices at a time. Fewer where each may come from elsewhere, of any size. */
const imageSlice = 32
const remoteSlice = 8
/** Most inputs that a request has in work or waiting at a time: two slices of images, and two of texts (the library's, of 64). */
const mostHeld = 192

/** What a handler knows of its request. */
export interface Call {
  signal: AbortSignal
  /** Whose share of the queue it is. */
  client: string
  /** Files that came with a form. */
  uploads: Uploads
  timing: Timing
  /** Those decoded so far. */
  pictures: PictureSize[]
}

/** Of a request on a route with `access: 'compute'`. */
export function callOf({ scope: { signal, client, uploads, timing } }: FastifyRequest): Call {
  return { signal: signal!, client, uploads, timing: timing!, pictures: [] }
}

/** What the calls to the model are told of the request. */
export function callOptions({ signal, client, timing, pictures }: Call): CallOptions {
  return {
    signal,
    client,
    onTrace: event => {
      if (event.type === 'decode') pictures.push({ width: event.width ?? 0, height: event.height ?? 0 })
      timing.onTrace(event)
    },
  }
}

/** Runs `work` with the model, once `count` inputs are admitted. */
export async function withModel<T>(
  context: Context,
  call: Call,
  model: string | undefined,
  count: number,
  work: (clip: Clip, slot: ModelSlot) => Promise<T>,
): Promise<T> {
  const { maxInputs } = context.settings
  if (count > maxInputs) throw outOfRange('the request', `at most ${maxInputs} inputs (maxInputs)`, count)
  const slot = context.pool.get(model)
  context.requests.arrived(call.signal)
  const leave = slot.admission.enter(call.client, Math.min(count, mostHeld))
  try {
    return await slot.use(call.signal, clip => work(clip, slot))
  } finally {
    leave()
  }
}

/**
 * What `encode` makes of each image, in order. It is given a slice of them at a time, so that however many a request
 * names, few are fetched, decoded and waiting.
 */
export async function eachImage<T>(
  context: Context,
  call: Call,
  images: readonly ImageInput[],
  encode: (files: Buffer[]) => Promise<T[]>,
): Promise<T[]> {
  const results: T[] = []
  const size = context.fetch ? remoteSlice : imageSlice
  const starts = Array.from({ length: Math.ceil(images.length / size) }, (_, i) => i * size)
  await forEachAtOnce(starts, { limit: 2 }, async from => {
    const slice = images.slice(from, from + size)
    const made = await withNames(slice, fetchImages(context, call, slice).then(encode))
    made.forEach((result, i) => {
      results[from + i] = result
    })
  })
  return results
}

/** The bytes of each image, in order. */
async function fetchImages({ settings, fetch }: Context, call: Call, images: readonly ImageInput[]): Promise<Buffer[]> {
  const timed = fetch && (async (url: string, signal: AbortSignal) => {
    const began = performance.now()
    const bytes = await fetch(url, signal)
    call.timing.fetched(performance.now() - began)
    return bytes
  })
  const sources = { maxBytes: settings.maxImageBytes, fetch: timed, signal: call.signal }
  return settleAll(images.map(({ name, image }) =>
    imageBytes(name, image, sources).catch((error: unknown) => {
      throw isOfImage(error) ? about(name, error) : error
    })
  ))
}

/** One vector an input, in order. */
export async function encodeInputs(
  context: Context,
  call: Call,
  clip: Clip,
  inputs: readonly Input[],
  { normalize = true } = {},
): Promise<Float32Array[]> {
  const [texts, images] = [textsOf(inputs), imagesOf(inputs)]
  const options = { normalize, ...callOptions(call) }
  // both are waited for, also when one fails: nothing of a request goes on after its answer
  const [imageVectors, textVectors] = await settleAll([
    eachImage(context, call, images, files => clip.encodeImage(files, options)),
    texts.length > 0 ? clip.encodeText(texts, options) : Promise.resolve([]),
  ])
  let [image, text] = [0, 0]
  return inputs.map(({ kind }) => (kind === 'image' ? imageVectors![image++]! : textVectors![text++]!))
}

/** What a call to the model names 'images[1]' is 'input[3].image' of the request. */
async function withNames<T>(images: readonly ImageInput[], result: Promise<T>): Promise<T> {
  try {
    return await result
  } catch (error) {
    if (!(error instanceof Error)) throw error
    let name: string | undefined
    const message = error.message.replace(/\bimages\[(\d+)\]/, (word, i) => (name = images[Number(i)]?.name) ?? word)
    throw name === undefined ? error : about(name, Object.assign(Object.create(error) as Error, { message }))
  }
}

/** Not the end of the whole request, which may come meanwhile. */
function isOfImage(error: unknown): error is Error {
  return /^ERR_CLIP_(?:IMAGE|URL)_/.test(errorCodeOf(error) ?? '')
}

async function settleAll<T>(promises: Promise<T>[]): Promise<T[]> {
  const outcomes = await Promise.allSettled(promises)
  return outcomes.map(outcome => {
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  })
}
