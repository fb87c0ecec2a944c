/** Downloads a model into the hub's cache. */
import { ClipError } from '../errors.js'
import { checkOptions, checkString } from '../validate.js'
import type { PullResult } from './fetch-model.js'
import { type HubId, hubIdForm, hubPrefix, parseHubId } from './hub-id.js'
import { checkHubOptions, type HubOptions, hubSettings } from './hub-settings.js'
import { findModel, hubIdOf, suggestModels } from './registry.js'

const keys = ['cacheDir', 'offline', 'onProgress', 'signal'] as const

/**
 * Downloads the missing files of a model into the hub's own cache folder. Only what ggclip loads: configuration,
 * tokenizer and one form of the weights (preferably safetensors), each checked against its size and hash. docs/hub.md
 * has the details and the environment variables.
 *
 * @param id `hf:owner/name[@revision][:file]`, with or without `hf:`, or a name in the registry ({@link models}).
 *   `file`: a file or folder of the repository, or a part of the name of one of its GGUF files, such as `q8_0`
 * @returns its location (`path` is what {@link Clip.load} accepts) and what was downloaded
 * @throws {TypeError|RangeError} bad arguments; {ClipError} ERR_CLIP_MODEL_UNKNOWN, ERR_CLIP_HUB_*, ERR_CLIP_FILE_WRITE;
 *   the signal's reason
 *
 * @example
 * const { path, downloadedBytes } = await pull('clip-vit-b-32', { onProgress: ({ file, fileLoaded }) => process.stderr.write(`${file} ${fileLoaded}\r`) })
 * console.log(downloadedBytes > 0, (await pull('clip-vit-b-32')).downloadedBytes) // true 0
 *
 * // Clip.load(path) and Clip.load('clip-vit-b-32') now load the same files
 */
export async function pull(id: string, options?: HubOptions): Promise<PullResult> {
  const settings = checkHubOptions(checkOptions('options', options, keys))
  return pullModel(pullId(checkString('id', id)), settings)
}

/** For callers that have checked the options: {@link checkHubOptions}. */
export async function pullModel(id: HubId, { cacheDir, offline, onProgress, signal }: HubOptions): Promise<PullResult> {
  const { fetchModel } = require('./fetch-model.js') as typeof import('./fetch-model.js') // unused for cached files
  return fetchModel(id, await hubSettings({ cacheDir, offline }), { onProgress, signal })
}

function pullId(id: string): HubId {
  const model = findModel(id)
  if (model) return hubIdOf(model, id)
  if (id.startsWith(hubPrefix) || id.includes('/')) return parseHubId('id', id)
  throw unknownModel(id, `expected '${hubIdForm}' or a name of the registry`)
}

/** The error for an unknown name, with suggestions. */
export function unknownModel(name: string, expected: string): ClipError {
  const near = suggestModels(name)
  const hint = near.length > 0
    ? `did you mean ${near.map(one => `'${one}'`).join(', ')}?`
    : '`ggclip models` lists them'
  return new ClipError('ERR_CLIP_MODEL_UNKNOWN', `no model at '${name}': ${expected}; ${hint}`)
}
