/** What the parts of the gallery share. */
import type { CallOptions, EncodeImageOptions, ImageInput } from '../../../library.js'
import type { Call } from '../../calls/work.js'

/** The part of {@link Clip} that the gallery uses. */
export interface GalleryEncoder {
  readonly info: { readonly dim: number }
  encodeImage(image: ImageInput, options?: EncodeImageOptions): Promise<Float32Array>
  encodeText(text: string, options?: CallOptions): Promise<Float32Array>
}

/** Lends the model for as long as `work` takes; it may be loaded first. */
export interface GalleryModel {
  use<T>(signal: AbortSignal, work: (clip: GalleryEncoder) => Promise<T>): Promise<T>
  /** The same for a request, which takes a place in the queue like any other. @throws {ClipError} ERR_CLIP_QUEUE_FULL */
  serve<T>(call: Call, work: (clip: GalleryEncoder) => Promise<T>): Promise<T>
}

/** A picture file as the folder has it. */
export interface FoundFile {
  /** Relative to the folder, with slashes. */
  path: string
  bytes: number
  /** Time of the last change. */
  changedMs: number
}

/** A picture that can be found. */
export interface Entry extends FoundFile {
  /** Stands for the path in addresses: 16 hexadecimal digits of its hash. */
  id: string
  /** As it is shown, after EXIF orientation. */
  width: number
  height: number
}

export interface GalleryLimits {
  rescanMs: number
  maxPictures: number
  maxFileBytes: number
  maxPixels: number
}

/** 'scanning': the folder is looked through; 'indexing': pictures are read; 'ready'; 'failed': the folder is gone. */
export type IndexState = 'scanning' | 'indexing' | 'ready' | 'failed'

export interface Progress {
  state: IndexState
  /** Pictures in the folder. */
  pictures: number
  /** Of them those that can be found already. */
  indexed: number
  /** Of them those that cannot be read. */
  failed: number
  /** Pictures beyond `maxPictures`. */
  leftOut: number
  /** Why the state is 'failed'. */
  message?: string
}
