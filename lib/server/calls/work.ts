/** From a request's inputs to vectors: admission, bytes, encoding. */
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

/**
 * Images of a request that are fetched and queued together, two such slices at a time; fewer if they come from URLs and
 * may have any size.
 */
const imageSlice = 32
const remoteSlice = 8
/**
 * Most inputs of a request that are running or waiting at a time: two slices of images, and two of texts (the
 * library's, of 64).
 */
const mostHeld = 192

/** A handler's view of its request. */
export interface Call {
  signal: AbortSignal
  /** The client whose share of the queue it uses. */
  client: string
  /** Files uploaded with a form. */
  uploads: Uploads
  timing: Timing
  /** Images decoded so far. */
  pictures: PictureSize[]
}

/** For a request on a route with `access: 'compute'`. */
export function callOf({ scope: { signal, client, uploads, timing } }: FastifyRequest): Call {
  return { signal: signal!, client, uploads, timing: timing!, pictures: [] }
}

/** Options for the calls to the model. */
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
 * The results of `encode` for all images, in order. It gets one slice at a time, so that few images are fetched,
 * decoded and waiting, however many a request has.
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

/** One vector per input, in order. `language` is that of the texts, for models that are told it. */
export async function encodeInputs(
  context: Context,
  call: Call,
  clip: Clip,
  inputs: readonly Input[],
  { normalize = true, language }: { normalize?: boolean; language?: string | undefined } = {},
): Promise<Float32Array[]> {
  const [texts, images] = [textsOf(inputs), imagesOf(inputs)]
  const options = { normalize, ...callOptions(call) }
  // wait for both, even if one fails: no work of a request continues after its answer
  const [imageVectors, textVectors] = await settleAll([
    eachImage(context, call, images, files => clip.encodeImage(files, options)),
    texts.length > 0 ? clip.encodeText(texts, { ...options, language }) : Promise.resolve([]),
  ])
  let [image, text] = [0, 0]
  return inputs.map(({ kind }) => (kind === 'image' ? imageVectors![image++]! : textVectors![text++]!))
}

/** Translates the library's names of inputs: 'images[1]' is 'input[3].image' of the request. */
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

/** True for errors of one image, not for the end of the whole request, which may come meanwhile. */
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
