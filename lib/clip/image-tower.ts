/** Images to embeddings: decoding, then the queue; of one, of a list, of a stream. */
import { throwIfAborted, underBoth } from '../async/abort.js'
import { withDeadline } from '../async/deadline.js'
import { mapInOrder } from '../async/pipeline.js'
import { ClipError } from '../errors.js'
import { type DecodeSettings, decodeImage } from '../image/image.js'
import type { NativeImage } from '../native/contract.js'
import type { EncodeImageOptions, ImageInput, ImageOptions } from '../types.js'
import { finish } from './call-options.js'
import type { LoadSettings } from './load-options.js'
import type { RunningModel } from './running-model.js'
import { imageKind, preprocessKind } from './session-runner.js'
import { batchListener } from './trace.js'

export class ImageTower {
  readonly #model: RunningModel
  readonly #decoding: DecodeSettings

  constructor(model: RunningModel, { decode, maxPixels, maxDecodeMs, svg }: LoadSettings) {
    this.#model = model
    // as whole patches, images are decoded exactly: their size after resizing depends on their aspect ratio
    const { cropSize: size = 0, resizeMode } = model.info.vision ?? {}
    const mode = resizeMode === 'patches' || resizeMode === 'none' ? undefined : resizeMode
    this.#decoding = { decode, maxPixels, maxDecodeMs, svg, size: mode ? size : 0, mode }
  }

  async embed(input: ImageInput, settings: EncodeImageOptions, name = 'image'): Promise<Float32Array> {
    this.#model.needOpen()
    if (this.#model.needTower('vision').pooling === 'none') {
      throw new ClipError(
        'ERR_CLIP_MODEL_UNSUPPORTED',
        `${this.#model.name}: the image encoder was saved without its pooling head and has no embedding: use hiddenStates`,
      )
    }
    const vector = await withDeadline(
      settings,
      async ({ signal, priority, client, onTrace, orient, decode, background }) => {
        const image = await this.decode(input, { orient, decode, signal, onTrace }, name)
        const item = { image, background, name: imageName(name, input) }
        return this.#model.scheduler.submit(imageKind(background), item, {
          signal,
          priority,
          client,
          onBatch: batchListener(onTrace),
        })
      },
    )
    return finish(vector, settings)
  }

  /** Embeds the images of a list or a stream, with one signal for all of them. */
  embedderOfMany(settings: EncodeImageOptions) {
    return (image: ImageInput, index: number, signal: AbortSignal): Promise<Float32Array> =>
      this.embed(image, { ...settings, signal }, `images[${index}]`)
  }

  embedAll(images: readonly ImageInput[], settings: EncodeImageOptions): Promise<Float32Array[]> {
    return withDeadline(settings, async limited => {
      const vectors: Float32Array[] = []
      for await (const vector of mapInOrder(images, this.#model.streaming(limited), this.embedderOfMany(limited)))
        vectors.push(vector)
      return vectors
    })
  }

  preprocess(image: ImageInput, settings: ImageOptions): Promise<Float32Array> {
    return withDeadline(settings, async ({ signal, priority, client, onTrace, orient, decode, background }) => {
      const name = imageName('image', image)
      const decoded = await this.decode(image, { orient, decode, signal, onTrace })
      if ('tensor' in decoded) return decoded.tensor
      const item = { image: decoded, background, name }
      return this.#model.scheduler.submit(preprocessKind, item, { signal, priority, client })
    })
  }

  async decode(
    input: ImageInput,
    { orient, decode, signal, onTrace }: ImageOptions,
    name = 'image',
  ): Promise<NativeImage> {
    throwIfAborted(signal)
    const image = await this.#model.tracer.decode(
      () =>
        underBoth(signal, this.#model.closing, stop =>
          decodeImage(input, {
            ...this.#decoding,
            orient,
            ...(decode === undefined ? {} : { decode }),
            signal: stop,
            name,
          })),
      onTrace,
    )
    throwIfAborted(signal)
    return image
  }
}

/** An image's name in messages: its path if it has one, else its position. */
export function imageName(name: string, input: ImageInput): string {
  return typeof input === 'string' ? `${name} '${input}'` : name
}
