/** Between the scheduler and a native session: one batch of prepared inputs in, one embedding each out. */
import { throwIfAborted, withAbort } from '../async/abort.js'
import { fromNative } from '../errors.js'
import { isFiniteVector, notFinite } from '../vectors/finite.js'
import type { NativeImage, NativeModel, NativePixels, NativeSession, NativeTask } from '../native/contract.js'
import { loadAddon } from '../native/load.js'
import { ownRealm } from '../native/own-realm.js'
import type { BatchRunner } from '../scheduler/types.js'
import type { Rgb } from '../types.js'

interface ImageItem {
  image: NativeImage
  background: Rgb | undefined
  /** Its name in messages. */
  name: string
}

interface TextItem {
  /** Unpadded if the tower is causal. */
  ids: Int32Array
  name: string
}

export type EncodeItem = ImageItem | TextItem

export class SessionRunner implements BatchRunner<EncodeItem, Float32Array> {
  readonly session: NativeSession
  readonly #model: NativeModel
  readonly #dim: number
  readonly #modelName: string

  constructor(model: NativeModel, session: NativeSession, dim: number, modelName: string) {
    this.#model = model
    this.session = session
    this.#dim = dim
    this.#modelName = modelName
  }

  async run(kind: string, items: EncodeItem[], signal: AbortSignal): Promise<(Float32Array | Error)[]> {
    throwIfAborted(signal)
    if (kind.startsWith('preprocess')) return this.#preprocess(items as ImageItem[], signal)
    const flat = ownRealm(
      kind.startsWith('image')
        ? await this.#images(items as ImageItem[], signal)
        : await withAbort(signal, () => this.#texts(items as TextItem[])),
    )
    return items.map(({ name }, i) => {
      // each caller gets its own copy and cannot change another's result
      const vector = flat.slice(i * this.#dim, (i + 1) * this.#dim)
      return isFiniteVector(vector) ? vector : notFinite(this.#modelName, name, 'embedding')
    })
  }

  /** One after another: each takes milliseconds on a thread of its own. */
  async #preprocess(items: ImageItem[], signal: AbortSignal): Promise<(Float32Array | Error)[]> {
    const tensors: (Float32Array | Error)[] = []
    for (const { image, background } of items) {
      throwIfAborted(signal)
      const tensor = this.#model.preprocess(image as NativePixels, background ? [...background] : null)
      tensors.push(await tensor.then(ownRealm, fromNative))
    }
    return tensors
  }

  async #images(items: ImageItem[], signal: AbortSignal): Promise<Float32Array> {
    const background = items[0]?.background
    const flat = await withAbort(
      signal,
      () => this.session.encodeImages(items.map(item => item.image), background ? [...background] : null),
    )
    // a megabyte each, used by nobody else (lib/image/image.ts) and no longer needed: they would pile up until a full
    // garbage collection
    for (const { image } of items) loadAddon().detach('tensor' in image ? image.tensor : image.data)
    return flat
  }

  #texts(items: TextItem[]): NativeTask<Float32Array> {
    const lengths = Int32Array.from(items, ({ ids }) => ids.length)
    const ids = new Int32Array(lengths.reduce((sum, length) => sum + length, 0))
    let at = 0
    for (const item of items) {
      ids.set(item.ids, at)
      at += item.ids.length
    }
    return this.session.encodeTexts(ids, lengths)
  }
}

/** Runs one call in a session made for it: others batch and queue as before. */
export async function onOwnSession<T>(
  model: NativeModel,
  { threads, maxBatch, signal }: { threads: number; maxBatch: number; signal?: AbortSignal },
  run: (session: NativeSession) => NativeTask<T>,
): Promise<T> {
  throwIfAborted(signal)
  const session = model.createSession(threads, maxBatch)
  try {
    return ownRealm(await withAbort(signal, () => run(session)))
  } finally {
    await session.dispose()
  }
}

/** All inputs of a batch are of one kind: texts, or images with the same background colour. */
export const textKind = 'text'
export function imageKind(background: Rgb | undefined): string {
  return background === undefined ? 'image' : `image ${background.join(',')}`
}
/** Images to be preprocessed only. */
export const preprocessKind = 'preprocess'
