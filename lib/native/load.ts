/** Chooses and loads the addon: the only module that loads a `.node` file. */
import { createRequire } from 'node:module'
import path from 'node:path'

import { ClipError } from '../errors.js'
import { packageFile, packageRoot } from '../package.js'
import { binaryFile, requireBinary, suitableBinaries } from './binaries.js'
import { addonProblem, fileProblem, versionProblem } from './check-binary.js'
import type { NativeAddon } from './contract.js'

let addon: NativeAddon | undefined

/**
 * The addon, loaded at first use. Order: `GGCLIP_ADDON` (a path), what was compiled here (`npm run build` in a checkout,
 * `ggclip build` in an installed package), the package of this platform, then what node-gyp-build finds in this package:
 * the result of node-gyp, or `prebuilds/`.
 *
 * @throws {ClipError} ERR_CLIP_ADDON_MISSING: no binary for this platform; ERR_CLIP_ADDON_INVALID: it cannot be loaded.
 */
export function loadAddon(): NativeAddon {
  addon ??= load()
  return addon
}

function load(): NativeAddon {
  const own = process.env.GGCLIP_ADDON
  if (own !== undefined && own !== '') {
    const file = path.resolve(own)
    return open(single(file))
  }
  const compiled = path.join(packageRoot, 'build', 'cmake', 'ggclip.node')
  return tryToOpen([single(compiled)]) ?? tryToOpen(published()) ?? refuse()
}

/** A binary, how it is loaded, and what speaks against it before that. */
interface Binary {
  name: string
  load: () => unknown
  problem: () => string | undefined
}

function single(file: string): Binary {
  return { name: file, load: () => requireFile(file), problem: () => fileProblem(file) }
}

/** node-gyp-build, which looks at files, is asked only where no package suits. */
function* published(): Iterable<Binary> {
  for (const name of suitableBinaries()) yield fromPackage(name)
  const own = ownBuild()
  if (own !== undefined) yield single(own)
}

function fromPackage(platform: string): Binary {
  const name = `@ggclip/${platform}`
  const problem = (): string | undefined => {
    const file = binaryFile(platform)
    return file === undefined ? undefined : versionProblem(file, name) ?? fileProblem(file)
  }
  return { name, load: () => requireBinary(platform), problem }
}

/** What somebody built in this package by node-gyp, or put into its prebuilds/. */
function ownBuild(): string | undefined {
  try {
    const { resolve } = require('node-gyp-build/node-gyp-build.js') as { resolve(directory: string): string }
    return resolve(packageRoot)
  } catch {
    return undefined // there is none; its message advises to compile, which is not the first advice here
  }
}

/** The first that loads; undefined if there is none, an error if none of those that are there loads. */
function tryToOpen(binaries: Iterable<Binary>): NativeAddon | undefined {
  let failure: ClipError | undefined
  for (const binary of binaries) {
    try {
      return open(binary)
    } catch (error) {
      if (!isMissing((error as ClipError).cause)) failure ??= error as ClipError
    }
  }
  if (failure !== undefined) throw failure
  return undefined
}

function open({ name, load, problem }: Binary): NativeAddon {
  const found = problem()
  if (found !== undefined) throw unusable(name, found)
  let loaded: unknown
  try {
    loaded = load()
  } catch (error) {
    throw unusable(name, reason(error as AccessError), error)
  }
  const other = addonProblem(loaded)
  if (other !== undefined) throw unusable(name, other)
  return loaded as NativeAddon
}

function unusable(name: string, why: string, cause?: unknown): ClipError {
  return new ClipError('ERR_CLIP_ADDON_INVALID', `${name} was found but could not be loaded: ${why}`, { cause })
}

/** By Node's own function: bundlers do not see it, and know no file of this name. */
function requireFile(file: string): unknown {
  return createRequire(path.join(packageRoot, 'package.json'))(file)
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  return code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND'
}

/** `resource`: what may not be read. */
type AccessError = NodeJS.ErrnoException & { resource?: string }

function reason({ code, message, resource = packageRoot }: AccessError): string {
  if (code === 'ERR_DLOPEN_DISABLED') {
    return (process as { permission?: unknown }).permission === undefined
      ? 'node was started with --no-addons'
      : "Node's permission model forbids addons; start node with --allow-addons"
  }
  if (code === 'ERR_ACCESS_DENIED')
    return `Node's permission model forbids reading '${resource}'; start node with --allow-fs-read for the application's folder`
  // glibc finds its linker script where musl's binary asks for musl; musl has no file of the other's names
  if (/libc\.so: invalid ELF header/.test(message)) return `it is for musl, and this system has glibc: ${message}`
  if (/library (ld-linux|libc\.so\.6|libm\.so\.6)/.test(message))
    return `it is for glibc, and this system has another C library: ${message}`
  return message
}

function refuse(): never {
  const [name] = suitableBinaries().slice(-1)
  const platform = name ?? `${process.platform}-${process.arch}`
  const advice = name === undefined
    ? 'none is published for this platform; "npx ggclip build" compiles one (it says what it needs)'
    : `install it with "npm install @ggclip/${name}@${packageFile().version}" (npm leaves it out with --omit=optional, or `
      + 'with a lockfile made for other platforms), or compile it with "npx ggclip build"'
  throw new ClipError('ERR_CLIP_ADDON_MISSING', `no ggclip binary for ${platform} in ${packageRoot}: ${advice}`)
}
