/**
 * What serving needs and encoding does not: Fastify and the packages beside it. They are optional peers of this package,
 * installed by whoever serves and loaded when a server is started.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'

import { ClipError } from '../errors.js'

const packageFolder = path.join(__dirname, '..', '..')

export async function loadParts(): Promise<typeof import('./start.js')> {
  try {
    return await import('./start.js')
  } catch (error) {
    if ((error as { code?: string }).code !== 'MODULE_NOT_FOUND') throw error
    throw new ClipError(
      'ERR_CLIP_SERVER_PARTS',
      `serving needs packages that ggclip does not bring: npm install ${peers().join(' ')}`,
      { cause: error },
    )
  }
}

/** As `npm install` takes them. */
function peers(): string[] {
  const { peerDependencies } = JSON.parse(readFileSync(path.join(packageFolder, 'package.json'), 'utf8')) as {
    peerDependencies: Record<string, string>
  }
  return Object.entries(peerDependencies).map(([name, range]) => `${name}@${range}`)
}
