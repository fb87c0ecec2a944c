/** Chooses and loads the addon: the only module that loads a `.node` file. */
import { existsSync } from 'node:fs'
import path from 'node:path'

import { ClipError } from '../errors.js'
import { packageRoot } from '../package.js'
import type { NativeAddon } from './contract.js'

let addon: NativeAddon | undefined

/**
 * The addon, loaded at first use. Order: `GGCLIP_ADDON` (a path), the build of a checkout (`build/cmake`), then the
 * prebuilt or locally compiled binary of an installed package, found by node-gyp-build.
 *
 * @throws {ClipError} ERR_CLIP_ADDON_MISSING: no binary for this platform; ERR_CLIP_ADDON_INVALID: it cannot be loaded.
 */
export function loadAddon(): NativeAddon {
  addon ??= load()
  return addon
}

function load(): NativeAddon {
  const file = findAddon()
  try {
    return require(file) as NativeAddon
  } catch (error) {
    throw new ClipError(
      'ERR_CLIP_ADDON_INVALID',
      `${file} was found but could not be loaded: ${(error as Error).message}`,
      { cause: error },
    )
  }
}

function findAddon(): string {
  const own = process.env.GGCLIP_ADDON
  if (own !== undefined && own !== '') return path.resolve(own)
  const checkout = path.join(packageRoot, 'build', 'cmake', 'ggclip.node')
  if (existsSync(checkout)) return checkout
  try {
    const { resolve } = require('node-gyp-build/node-gyp-build.js') as { resolve(directory: string): string }
    return resolve(packageRoot)
  } catch (error) {
    const platform = `${process.platform}-${process.arch}`
    throw new ClipError(
      'ERR_CLIP_ADDON_MISSING',
      `no ggclip binary for ${platform} (Node ${process.versions.node}) in ${packageRoot}. In a checkout run "npm run build"; `
        + 'as a dependency run "npm rebuild ggclip", which compiles it and needs CMake, a C++17 compiler, git and tar',
      { cause: error },
    )
  }
}
