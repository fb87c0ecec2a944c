/** How far the index of the gallery is. */

/** 'opening': the model is loaded; 'updating': folders are looked through; 'ready'; 'failed': see the message. */
export type GalleryState = 'opening' | 'updating' | 'ready' | 'failed'

export interface Progress {
  state: GalleryState
  /** Files that can be found. */
  files: number
  /** Different pictures that they show. */
  pictures: number
  /** Files that cannot be read or decoded. */
  failed: number
  /** Folders that could not be read at the last look. */
  unreadable: number
  /** Files looked at, of `total` found so far, while updating. */
  done: number
  total: number
  /** Estimate, once all are counted. */
  secondsLeft?: number
  /** Why the state is 'failed'. */
  message?: string
}
