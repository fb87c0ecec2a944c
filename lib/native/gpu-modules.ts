/**
 * Where ggml's GPU backends are: none is part of the package. A user adds the npm package of node-llama-cpp for his
 * platform, from the same release as the binary's ggml (vendor/ggml.json), or names a build of his own.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

import { ClipError } from '../errors.js'

type Kind = 'metal' | 'cuda' | 'vulkan'

/** In the order in which `auto` prefers them. */
const kinds: Kind[] = ['metal', 'cuda', 'vulkan']

const platforms: Partial<Record<NodeJS.Platform, { name: string; library: (kind: Kind) => string }>> = {
  linux: { name: 'linux', library: kind => `libggml-${kind}.so` },
  darwin: { name: 'mac', library: kind => `libggml-${kind}.so` },
  win32: { name: 'win', library: kind => `ggml-${kind}.dll` },
}

/** The npm package with the backend for this platform; undefined if there is none. */
function gpuPackage(kind: Kind): string | undefined {
  const platform = platforms[process.platform]
  if (platform === undefined || (kind === 'metal') !== (process.platform === 'darwin')) return undefined
  return `@node-llama-cpp/${platform.name}-${process.arch}-${kind}`
}

/**
 * The modules to try for a device: those of `GGCLIP_BACKENDS` (paths, separated as in PATH) if it is set, else those of
 * the installed packages. A module that does not fit is refused when it is loaded, with the reason in
 * ERR_CLIP_DEVICE_UNAVAILABLE and in `ggclip info`.
 */
export function findGpuModules(device: 'auto' | 'cpu' | Kind): string[] {
  if (device === 'cpu') return []
  const own = process.env.GGCLIP_BACKENDS
  if (own !== undefined) return own.split(path.delimiter).filter(file => file !== '').map(file => path.resolve(file))
  return kinds.filter(kind => device === 'auto' || device === kind).flatMap(installed)
}

function installed(kind: Kind): string[] {
  const name = gpuPackage(kind)
  const root = name && packageFolder(name)
  if (root === undefined) return []
  const file = path.join(root, 'bins', path.basename(name!), platforms[process.platform]!.library(kind))
  return existsSync(file) ? [file] : []
}

/**
 * As seen from this package, or from the program that was started: package managers may keep the two apart. Not from the
 * working directory, which may hold anything: a module is code.
 */
function packageFolder(name: string): string | undefined {
  const program = process.argv[1]
  for (const from of [__filename, ...(program !== undefined && path.isAbsolute(program) ? [program] : [])]) {
    try {
      return path.join(createRequire(from).resolve(name), '..', '..') // its entry is dist/index.js
    } catch {
      // not installed there
    }
  }
  return undefined
}

/** The error of a device that is not there says which package adds it, unless one was tried. */
export function withPackageHint(error: Error, device: 'auto' | 'cpu' | Kind, tried: string[]): Error {
  if (!(error instanceof ClipError) || error.code !== 'ERR_CLIP_DEVICE_UNAVAILABLE' || tried.length > 0) return error
  const name = device === 'auto' || device === 'cpu' ? undefined : gpuPackage(device)
  if (name === undefined) return error
  const { version } = require('../../vendor/ggml.json') as { version: string } // bundlers and tracers follow require()
  const hint = `${error.message}; "npm install ${name}@${version}" adds it where its driver is installed`
  return new ClipError(error.code, hint, { cause: error.cause })
}
