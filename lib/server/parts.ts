/**
 * What serving needs and encoding does not: Fastify and the packages beside it. They are optional peers of this package,
 * installed by whoever serves and loaded when a server is started.
 */
import { ClipError } from '../errors.js'
import { packageFile } from '../package.js'

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
  return Object.entries(packageFile().peerDependencies).map(([name, range]) => `${name}@${range}`)
}
