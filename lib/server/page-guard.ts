/** The web page, where this build has it. */
import { existsSync } from 'node:fs'
import path from 'node:path'

import type { FastifyInstance } from 'fastify'

interface Page {
  registerPage(app: FastifyInstance, options: { folder?: string }): Promise<void> | void
}

export async function addPage(app: FastifyInstance, folder: string | undefined): Promise<void> {
  const folderOfPage = path.join(__dirname, 'page')
  if (!['index.js', 'index.ts'].some(file => existsSync(path.join(folderOfPage, file)))) return
  const page = await import(path.join(folderOfPage, 'index')) as Page
  await page.registerPage(app, { folder })
}
