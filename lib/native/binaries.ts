/**
 * The published binaries, each an optional package that npm installs for its own platform only. Each has a call of
 * require() with its full name: bundlers and file tracers (@vercel/nft) follow nothing else. The list is that of
 * scripts/platforms.cjs.
 */
import { createRequire } from 'node:module'
import path from 'node:path'

import { packageRoot } from '../package.js'

const binaries: Readonly<Record<string, () => unknown>> = {
  'linux-x64-glibc': () => require('@ggclip/linux-x64-glibc'),
  'linux-x64-musl': () => require('@ggclip/linux-x64-musl'),
  'linux-arm64-glibc': () => require('@ggclip/linux-arm64-glibc'),
  'linux-arm64-musl': () => require('@ggclip/linux-arm64-musl'),
  'linux-arm-glibc': () => require('@ggclip/linux-arm-glibc'),
  'darwin-x64': () => require('@ggclip/darwin-x64'),
  'darwin-arm64': () => require('@ggclip/darwin-arm64'),
  'win32-x64': () => require('@ggclip/win32-x64'),
  'win32-arm64': () => require('@ggclip/win32-arm64'),
}

/** The published binaries that may suit this machine, the likeliest first; none for a platform without any. */
export function suitableBinaries(): string[] {
  const platform = `${process.platform}-${process.arch}`
  const names = process.platform === 'linux' ? libcs().map(libc => `${platform}-${libc}`) : [platform]
  return names.filter(name => name in binaries)
}

/** The file of a binary's package; undefined where Node finds none, as in a bundle. */
export function binaryFile(name: string): string | undefined {
  try {
    return createRequire(path.join(packageRoot, 'package.json')).resolve(`@ggclip/${name}`)
  } catch {
    return undefined
  }
}

/** Loads the package of a binary. Throws what require() throws. */
export function requireBinary(name: string): unknown {
  return binaries[name]!()
}

/**
 * Node's report names the version of glibc, or musl's loader among the libraries, without reading a file. In a runtime
 * whose report names neither, musl is tried first: its binary does not load where glibc is, whereas the other may load by
 * chance where musl is.
 */
function libcs(): string[] {
  const { header, sharedObjects = [] } = report()
  if (header?.glibcVersionRuntime !== undefined) return ['glibc']
  return sharedObjects.some(file => /\/(ld-|libc\.)musl-/.test(file)) ? ['musl'] : ['musl', 'glibc']
}

interface Report {
  header?: { glibcVersionRuntime?: string }
  sharedObjects?: string[]
}

function report(): Report {
  const { report: own } = process as { report?: NodeJS.ProcessReport }
  if (own === undefined) return {}
  // the report looks up the names of open connections unless told otherwise
  const settings = own as { excludeNetwork?: boolean }
  const { excludeNetwork } = settings
  settings.excludeNetwork = true
  try {
    return own.getReport()
  } finally {
    if (excludeNetwork !== undefined) settings.excludeNetwork = excludeNetwork
  }
}
