/** The web page, where this build has it. */
import { existsSync } from 'node:fs'
import path from 'node:path'

import type { FastifyInstance } from 'fastify'

import type { Context } from './context.js'
import type { ModelSlot } from './model-slot.js'

interface Page {
  registerPage(app: FastifyInstance, options: { folder?: string; model: Pick<ModelSlot, 'use'> }): Promise<void> | void
}

/** The gallery's pictures and queries go to the first model. */
export async function addPage(app: FastifyInstance, { pool, settings }: Context): Promise<void> {
  const folderOfPage = path.join(__dirname, 'page')
  if (!['index.js', 'index.ts'].some(file => existsSync(path.join(folderOfPage, file)))) return
  const page = await import(path.join(folderOfPage, 'index')) as Page
  await page.registerPage(app, { folder: settings.folder, model: pool.get(undefined) })
}
