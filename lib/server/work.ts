/** From the inputs of a request to vectors: admission, bytes, encoding. */
import type { FastifyRequest } from 'fastify'

import { outOfRange } from '../errors.js'
import type { CallOptions, Clip } from '../index.js'
import type { Context } from './context.js'
import { imageBytes } from './image-bytes.js'
import { type ImageInput, imagesOf, type Input, textsOf } from './inputs.js'
import type { ModelSlot } from './model-slot.js'
import type { Timing } from './timing.js'

/** What a handler knows of its request. */
export interface Call {
  signal: AbortSignal
  /** Whose share of the queue it is. */
  client: string
  /** Files that came with a form. */
  uploads: readonly Buffer[]
  timing: Timing
}

/** Of a request on a route with `access: 'compute'`. */
export function callOf({ scope: { signal, client, uploads, timing } }: FastifyRequest): Call {
  return { signal: signal!, client, uploads, timing: timing! }
}

/** What the calls to the model are told of the request. */
export function callOptions({ signal, client, timing }: Call): CallOptions {
  return { signal, client, onTrace: timing.onTrace }
}

/** Runs `work` with the model, once `count` inputs are admitted. */
export async function withModel<T>(
  context: Context, call: Call, model: string | undefined, count: number, work: (clip: Clip, slot: ModelSlot) => Promise<T>,
): Promise<T> {
  const { maxInputs } = context.settings
  if (count > maxInputs) throw outOfRange('the request', `at most ${maxInputs} inputs (maxInputs)`, count)
  const slot = context.pool.get(model)
  context.requests.arrived(call.signal)
  const leave = slot.admission.enter(call.client, count)
  try {
    return await slot.use(call.signal, clip => work(clip, slot))
  } finally {
    leave()
  }
}

/** The bytes of each image, in order. */
export async function fetchImages(context: Context, call: Call, images: readonly ImageInput[]): Promise<Buffer[]> {
  const { maxImageBytes } = context.settings
  const { fetch } = context
  const timed = fetch && (async (url: string, signal: AbortSignal) => {
    const began = performance.now()
    const bytes = await fetch(url, signal)
    call.timing.fetched(performance.now() - began)
    return bytes
  })
  const sources = { uploads: call.uploads, maxBytes: maxImageBytes, fetch: timed, signal: call.signal }
  return Promise.all(images.map(({ name, image }) => imageBytes(name, image, sources)))
}

/** One vector an input, in order. */
export async function encodeInputs(
  context: Context, call: Call, clip: Clip, inputs: readonly Input[], { normalize = true } = {},
): Promise<Float32Array[]> {
  const [texts, images] = [textsOf(inputs), imagesOf(inputs)]
  const files = await fetchImages(context, call, images)
  const options = { normalize, ...callOptions(call) }
  // both are waited for, also when one fails: nothing of a request goes on after its answer
  const [imageVectors, textVectors] = await settleAll([
    files.length > 0 ? withNames(images, clip.encodeImage(files, options)) : Promise.resolve([]),
    texts.length > 0 ? clip.encodeText(texts, options) : Promise.resolve([]),
  ])
  let [image, text] = [0, 0]
  return inputs.map(({ kind }) => (kind === 'image' ? imageVectors![image++]! : textVectors![text++]!))
}

/** What a call to the model names 'images[1]' is 'input[3].image' of the request. */
export async function withNames<T>(images: readonly ImageInput[], result: Promise<T>): Promise<T> {
  try {
    return await result
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const message = error.message.replace(/\bimages\[(\d+)\]/, (word, i) => images[Number(i)]?.name ?? word)
    throw message === error.message ? error : Object.assign(Object.create(error) as Error, { message })
  }
}

async function settleAll<T>(promises: Promise<T>[]): Promise<T[]> {
  const outcomes = await Promise.allSettled(promises)
  return outcomes.map(outcome => {
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  })
}
