/** What the parts of the gallery share. */
import type { Clip } from '../../library.js'
import type { Call } from '../calls/work.js'

/** Lends the model for as long as `work` takes; it may be loaded first. */
export interface GalleryModel {
  use<T>(signal: AbortSignal, work: (clip: Clip) => Promise<T>): Promise<T>
  /** The same for a request, whose `count` inputs take places in the queue like any others. @throws {ClipError} ERR_CLIP_QUEUE_FULL */
  serve<T>(call: Call, count: number, work: () => Promise<T>): Promise<T>
}

export interface GalleryOptions {
  /** Folders of pictures. Default: those of the index. */
  folders: readonly string[]
  /** Folder of the index. Default: `.ggclip` in the first of the folders. */
  index: string | undefined
  /** Look when the system tells of changes. Default: at regular times. */
  watch: boolean
  /** Milliseconds between regular looks; 0: only when asked to. */
  rescanMs: number
  /** Most bytes of a picture that is shown. */
  maxFileBytes: number
  /** Most pixels of a picture that is shown. */
  maxPixels: number
  /** Called after each look that changed something or failed, and once for an index that is read only. */
  report(event: UpdateEvent): void
}

export type UpdateEvent =
  | { type: 'updated'; embedded: number; known: number; removed: number; failed: number; unreadable: number }
  | { type: 'failed'; error: unknown }
  | { type: 'served as it is: it cannot be written' }
