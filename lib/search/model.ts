import type { Clip } from '../clip/clip.js'

/** What an index needs of a {@link Clip}. */
export type IndexModel = Pick<Clip, 'info' | 'encodeImage' | 'encodeText'>
