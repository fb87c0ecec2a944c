/** Search of the server's folders. */
import type { FastifyInstance } from 'fastify'

import { withModel } from '../calls/work.js'
import type { Context } from '../context.js'
import { Gallery } from './gallery.js'
import { registerGallery, registerNoGallery } from './routes.js'
import type { GalleryOptions, UpdateEvent } from './types.js'

/** Milliseconds between regular looks at the folders. */
const rescanMs = 60_000
const maxFileBytes = 32 * 2 ** 20

/**
 * Registers the gallery's calls, if the settings name folders or an index; the index is opened and brought up to date in
 * the background from `onReady` on.
 *
 * @param limits other than the usual ones, in tests
 * @throws {ClipError} as {@link Gallery.open}
 */
export async function addGallery(
  app: FastifyInstance,
  context: Context,
  limits: Partial<Pick<GalleryOptions, 'rescanMs'>> = {},
): Promise<void> {
  const { folder: folders, index, watch, maxPixels, page } = context.settings
  if (folders.length === 0 && index === undefined) {
    if (page) registerNoGallery(app)
    return
  }
  // the first model's
  const slot = context.pool.get(undefined)
  const gallery = await Gallery.open({
    use: (signal, work) => slot.use(signal, work),
    serve: (call, count, work) => withModel(context, call, undefined, count, work),
  }, { folders, index, watch, rescanMs, maxFileBytes, maxPixels, report: event => log(context, event), ...limits })
  registerGallery(app, context, gallery)
  context.metrics.watchIndex(() => gallery.progress)
  app.addHook('onReady', () => {
    gallery.start()
    return Promise.resolve()
  })
  app.addHook('preClose', () => gallery.stop())
  app.addHook('onClose', () => gallery.close())
}

function log({ log: logger }: Context, event: UpdateEvent): void {
  const { type, ...rest } = event
  if (event.type === 'failed') logger.error({ err: event.error }, 'the index cannot be updated')
  else logger.info(rest, `index ${type}`)
}
