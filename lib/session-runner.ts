/** Between the scheduler and a native session: one batch of prepared inputs in, one embedding each out. */
import { fromNative } from './errors.js'
import { onAbort } from './abort.js'
import type { NativeImage, NativeSession } from './native/contract.js'
import { loadAddon } from './native/load.js'
import type { BatchRunner } from './scheduler/index.js'
import type { Rgb } from './types.js'

export interface ImageItem {
  image: NativeImage
  background: Rgb | undefined
}

/** Token ids of one text, unpadded where the tower is causal. */
export type TextItem = Int32Array

export type EncodeItem = ImageItem | TextItem

export class SessionRunner implements BatchRunner<EncodeItem, Float32Array> {
  readonly session: NativeSession
  readonly #dim: number

  constructor(session: NativeSession, dim: number) {
    this.session = session
    this.#dim = dim
  }

  async run(kind: string, items: EncodeItem[], signal: AbortSignal): Promise<Float32Array[]> {
    const stopListening = onAbort(signal, () => this.session.abort())
    try {
      const flat = await (kind.startsWith('image') ? this.#images(items as ImageItem[]) : this.#texts(items as TextItem[]))
      // every caller gets a copy of its own: nobody can change another's result
      return items.map((_, i) => flat.slice(i * this.#dim, (i + 1) * this.#dim))
    } catch (error) {
      throw fromNative(error)
    } finally {
      stopListening()
    }
  }

  async #images(items: ImageItem[]): Promise<Float32Array> {
    const background = items[0]?.background
    const flat = await this.session.encodeImages(items.map(item => item.image), background ? [...background] : null)
    // a megabyte each, ours alone (lib/image.ts) and of no more use: else they pile up until a full garbage collection
    for (const { image } of items) loadAddon().detach('tensor' in image ? image.tensor : image.data)
    return flat
  }

  #texts(items: TextItem[]): Promise<Float32Array> {
    const lengths = Int32Array.from(items, ids => ids.length)
    const ids = new Int32Array(lengths.reduce((sum, length) => sum + length, 0))
    let at = 0
    for (const item of items) {
      ids.set(item, at)
      at += item.length
    }
    return this.session.encodeTexts(ids, lengths)
  }
}

/** Batches are of one kind: texts, or images over one background colour. */
export const textKind = 'text'
export function imageKind(background: Rgb | undefined): string {
  return background === undefined ? 'image' : `image ${background.join(',')}`
}
