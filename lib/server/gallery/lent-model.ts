/** The server's model for the index: loaded when something is encoded, and free to be unloaded afterwards. */
import type { CallOptions, Clip, IndexModel } from '../../library.js'
import type { GalleryModel } from './types.js'

/** @param signal ends what is encoded without a signal of its own */
export async function lentModel(model: GalleryModel, signal: AbortSignal): Promise<IndexModel> {
  const info = await model.use(signal, clip => Promise.resolve(clip.info))
  const lend =
    <I, R>(encode: (clip: Clip, inputs: I, options?: CallOptions) => Promise<R>) =>
    (inputs: I, options?: CallOptions): Promise<R> =>
      model.use(options?.signal ?? signal, clip => encode(clip, inputs, options))
  return {
    info,
    encodeImage: lend((clip, images: never, options) => clip.encodeImage(images, options)) as Clip['encodeImage'],
    encodeText: lend((clip, texts: never, options) => clip.encodeText(texts, options)) as Clip['encodeText'],
  }
}
