/**
 * The packages that only serving needs: Fastify and others. They are optional peer dependencies, installed by those who
 * serve and loaded when a server starts.
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
      `serving needs packages that ggclip does not bring: npm install ${serverPackages().join(' ')}`,
      { cause: error },
    )
  }
}

const names = ['@fastify/compress', '@fastify/cors', '@fastify/rate-limit', '@fastify/swagger', 'fastify', 'ipaddr.js',
  'light-my-request', 'pino', 'prom-client']

/** In the format of `npm install`; deploy/Dockerfile installs them. */
export function serverPackages(): string[] {
  const { peerDependencies } = packageFile()
  return names.map(name => `${name}@${peerDependencies[name]}`)
}
