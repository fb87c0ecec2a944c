/** Downloading a model into the hub's cache. */
import { ClipError } from '../errors.js'
import { checkOptions, checkString } from '../validate.js'
import type { PullResult } from './fetch-model.js'
import { type HubId, hubIdForm, hubPrefix, parseHubId } from './hub-id.js'
import { checkHubOptions, type HubOptions, hubSettings } from './hub-settings.js'
import { findModel, hubIdOf, suggestModels } from './registry.js'

const keys = ['cacheDir', 'offline', 'onProgress', 'signal'] as const

/**
 * Downloads a model of the hub into the hub's own cache folder, of which it uses what is there. Only what ggclip loads:
 * configuration, tokenizer and one form of the weights (safetensors before others), each checked against its size and
 * hash. docs/hub.md has the details and the environment variables.
 *
 * @param id `hf:owner/name[@revision][:file]`, with or without `hf:`, or a name of the registry ({@link models}).
 *   `file`: a file or folder of the repository, or a part of the name of one of its GGUF files, such as `q8_0`
 * @returns where it lies (`path` is what {@link Clip.load} takes) and what was downloaded
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

/** For callers whose options are checked: {@link checkHubOptions}. */
export async function pullModel(id: HubId, { cacheDir, offline, onProgress, signal }: HubOptions): Promise<PullResult> {
  const { fetchModel } = require('./fetch-model.js') as typeof import('./fetch-model.js') // who has the file needs no hub
  return fetchModel(id, await hubSettings({ cacheDir, offline }), { onProgress, signal })
}

function pullId(id: string): HubId {
  const model = findModel(id)
  if (model) return hubIdOf(model)
  if (id.startsWith(hubPrefix) || id.includes('/')) return parseHubId('id', id)
  throw unknownModel(id, `expected '${hubIdForm}' or a name of the registry`)
}

/** Nothing is called that; with the names that it may have meant to be. */
export function unknownModel(name: string, expected: string): ClipError {
  const near = suggestModels(name)
  const hint = near.length > 0
    ? `did you mean ${near.map(one => `'${one}'`).join(', ')}?`
    : '`ggclip models` lists them'
  return new ClipError('ERR_CLIP_MODEL_UNKNOWN', `no model at '${name}': ${expected}; ${hint}`)
}
