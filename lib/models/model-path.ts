/** From the caller's source to an existing path. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'

import { outsideArchive } from './archive.js'
import { hubPrefix, parseHubId } from './hub-id.js'
import type { HubOptions } from './hub-settings.js'
import { localLayout, type Towers } from './layout.js'
import { pullModel, unknownModel } from './pull.js'
import { findModel, hubIdOf } from './registry.js'
import { checkString } from '../validate.js'

/**
 * The embedded model, used by default: see models/README.md. By `join` of `__dirname`, which file tracers follow
 * (@vercel/nft, Turbopack); they follow no constant of another module, Turbopack no default import (`path.join`) either.
 */
export const defaultModelPath = join(__dirname, '..', '..', 'models', 'emoji-clip.gguf')

export interface ModelLocation {
  /** Absolute; a file or a folder. */
  path: string
  /** `hf:owner/name` and commit of a model of the hub; else ''. */
  source: string
  revision: string
  /** Folders of these files if they are not beside the weights; else ''. */
  tokenizerFolder: string
  processorFolder: string
}

/**
 * Finds a model; downloads one of the hub that is not in the cache.
 *
 * @param source a `.gguf` file or a checkpoint's directory; `hf:owner/name[@revision][:file]`; a name in the registry;
 *   undefined: the embedded default model. An existing path takes precedence over a name.
 * @param options.towers for a folder with one encoder per folder (diffusers), which one; `both`: the text encoder
 * @throws {ClipError} ERR_CLIP_MODEL_UNKNOWN if nothing is found, ERR_CLIP_HUB_*
 */
export async function locateModel(
  source: string | undefined,
  options: HubOptions & { towers?: Towers } = {},
): Promise<ModelLocation> {
  if (source === undefined) return local(defaultModelPath)
  const name = checkString('source', source)
  if (name.startsWith(hubPrefix)) return fromHub(parseHubId('source', name), options)
  if (existsSync(name)) return local(resolve(name), options.towers)
  const model = findModel(name)
  if (model) return fromHub(hubIdOf(model, name), options)
  const isId = /^[\w.-]+\/[\w.-]+(?:@[\w./-]+)?$/.test(name) && !/^\.|\.(?:gguf|safetensors)$/.test(name)
  const expected = "expected the path of a .gguf file or of a checkpoint's directory, a name of the registry, or "
    + (isId ? `'hf:${name}' if it is on the hub` : 'hf:owner/name')
  throw unknownModel(name, expected)
}

async function local(file: string, towers?: Towers): Promise<ModelLocation> {
  return { ...await localLayout(outsideArchive(file), towers), source: '', revision: '' }
}

async function fromHub(
  id: Parameters<typeof pullModel>[0],
  options: HubOptions & { towers?: Towers },
): Promise<ModelLocation> {
  const { path: folder, revision } = await pullModel(id, options)
  return { ...await localLayout(folder, options.towers), source: `${hubPrefix}${id.repo}`, revision }
}
