/** The web page at `/` and, when the server has a folder, the search of its pictures. */
import type { FastifyInstance } from 'fastify'

import { registerAssets } from './assets.js'
import { Gallery } from './gallery/gallery.js'
import { registerGallery } from './gallery/routes.js'
import type { GalleryModel } from './gallery/types.js'

export type { GalleryModel } from './gallery/types.js'

export interface PageOptions {
  /** A folder of pictures to search. Default: none. */
  folder?: string
  /** What makes vectors of the folder's pictures and of what is searched for. Needed with `folder`. */
  model?: GalleryModel
  /** The folder is looked through again after so many milliseconds; 0: only when asked to. Default 60000. */
  rescanMs?: number
  /** Most pictures of the folder; what is beyond is left out, and the page says so. Default 100000. */
  maxPictures?: number
  /** Most bytes of a picture of the folder, or of one to search with. Default 32 MiB. */
  maxFileBytes?: number
  /** Most pixels of a picture that is shown. Default 2^26. */
  maxPixels?: number
}

/**
 * Registers the page and its routes; the index of the folder is made in the background from `onReady` on.
 *
 * @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND when `folder` is no folder that can be read
 */
export async function registerPage(app: FastifyInstance, options: PageOptions = {}): Promise<void> {
  registerAssets(app)
  const { folder, model, ...limits } = options
  const gallery = folder === undefined || model === undefined ? undefined : await Gallery.open(folder, model, limits)
  registerGallery(app, gallery)
  if (!gallery) return
  app.addHook('onReady', () => {
    gallery.start()
    return Promise.resolve()
  })
  app.addHook('preClose', () => gallery.close())
}
