/** Conversion of any model that ggclip opens into one GGUF file. */
import { lstatSync, readlinkSync, statSync } from 'node:fs'
import path from 'node:path'

import { ClipError, invalidArgument } from '../errors.js'
import { locateModel, type ModelLocation } from '../models/model-path.js'
import { checkHubOptions, type HubOptions } from '../models/hub-settings.js'
import { type WeightType, weightTypes } from '../types.js'
import { checkFunction, checkInteger, checkOneOf, checkOptions, checkSignal, checkString,
  isPlainObject } from '../validate.js'
import { type ConvertProgress, type ConvertResult, type WriteSettings, writeModel } from './write-model.js'

/** Options of {@link convert}. */
export interface ConvertOptions extends Pick<HubOptions, 'cacheDir' | 'offline'> {
  /** Weight type of the matrices. Default: each as it is. docs/quantization.md says which tensors keep more bits. */
  dtype?: WeightType
  /** Types by tensor name: patterns with `*` and `?`; the first match decides. Default: none. */
  overrides?: Readonly<Record<string, WeightType>>
  /** The model's name in the file. Default: as the source says. */
  name?: string
  /** SPDX identifier of the weights' licence. Default: as the source says. */
  license?: string
  /** Origin of the weights, such as a hub id. Default: as the source says. */
  source?: string
  /** Commit or version of `source`. Default: as the source says. */
  revision?: string
  /** Threads for the conversion. Default: the machine's cores, at most 16. */
  threads?: number
  /** Called about twenty times a second and at the end. An exception in it ends the conversion. */
  onProgress?: (progress: ConvertProgress) => void
  /** Cancels the conversion; it leaves no file. */
  signal?: AbortSignal
}

/** The options that convert and quantize share. */
export const convertKeys = [
  'dtype',
  'overrides',
  'name',
  'license',
  'source',
  'revision',
  'threads',
  'onProgress',
  'signal',
  'cacheDir',
  'offline',
] as const satisfies readonly (keyof ConvertOptions)[]

/**
 * Writes `source` (a checkpoint's directory or file, a GGUF file, a model of the hub or a name in the registry) to the
 * GGUF file `output`, including its tokenizer.
 *
 * The file is written under a temporary name, opened again, compared with what it should contain, and then renamed to
 * `output`, replacing an existing file. A conversion that fails or is cancelled leaves no file. Memory: about the
 * largest tensor.
 *
 * @param source anything that {@link Clip.load} accepts
 * @param output path of the file; its folder must exist
 * @throws {TypeError|RangeError} bad arguments; {ClipError} ERR_CLIP_MODEL_UNKNOWN, ERR_CLIP_FILE_*, ERR_CLIP_TENSOR_*,
 *   ERR_CLIP_CONFIG_INVALID, ERR_CLIP_MODEL_UNSUPPORTED, ERR_CLIP_HUB_*, ...; the signal's reason
 *
 * @example
 * const { bytes, tensors } = await convert('models/emoji-clip.gguf', 'emoji-f16.gguf', { dtype: 'f16', overrides: { '*.position_embd.*': 'f32' } })
 * console.log(bytes > 1e7, tensors.f16 > 0) // true true
 */
export async function convert(source: string, output: string, options?: ConvertOptions): Promise<ConvertResult> {
  const given = checkOptions('options', options, convertKeys)
  const [target, settings] = [outputPath(output), checkConvertOptions(given)]
  const location = await locateSource('source', source, given)
  return writeModel(location, target, withOrigin(settings, location))
}

/** The model to convert; one of the hub is downloaded first. `given`: checked by {@link checkConvertOptions}. */
export function locateSource(name: string, source: string, given: Partial<ConvertOptions>): Promise<ModelLocation> {
  const { cacheDir, offline, signal, onProgress } = given
  const onDownload: HubOptions['onProgress'] = onProgress
    && (({ file, loaded, total }) => onProgress({ stage: 'download', done: loaded, total, item: file }))
  return locateModel(checkString(name, source), checkHubOptions({ cacheDir, offline, signal, onProgress: onDownload }))
}

/** The hub id and commit of a downloaded model are written into the file, unless the caller sets others. */
export function withOrigin(settings: WriteSettings, { source, revision }: ModelLocation): WriteSettings {
  return { ...settings, source: settings.source || source, revision: settings.revision || revision }
}

/**
 * Absolute, with symbolic links resolved: renaming the finished file to `output` would otherwise replace a link, a pipe
 * or a device.
 */
export function outputPath(output: string): string {
  const given = path.resolve(checkString('output', output))
  let kind: string
  try {
    const found = statSync(given, { throwIfNoEntry: false })
    if (found === undefined || found.isFile()) return linkedPath(given)
    kind = found.isDirectory() ? 'a folder' : 'a device, a pipe or a socket'
  } catch (cause) {
    throw new ClipError('ERR_CLIP_FILE_WRITE', `cannot write ${given}: ${(cause as Error).message}`, { cause })
  }
  throw new ClipError('ERR_CLIP_FILE_WRITE', `cannot write ${given}: it is ${kind}, expected the path of a file`)
}

/** A link's target may not exist yet. */
function linkedPath(file: string, depth = 0): string {
  const isLink = lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() ?? false
  return isLink && depth < 40 ? linkedPath(path.resolve(path.dirname(file), readlinkSync(file)), depth + 1) : file
}

/** The checked options of a conversion; every matrix gets the requested type. */
export function checkConvertOptions(given: Partial<ConvertOptions>): WriteSettings {
  const text = (
    key: 'name' | 'license' | 'source' | 'revision',
  ) => (given[key] === undefined ? '' : checkString(key, given[key]))
  return {
    type: given.dtype === undefined ? '' : checkOneOf('dtype', given.dtype, weightTypes),
    overrides: checkOverrides(given.overrides ?? {}),
    policy: 'uniform',
    importance: null,
    threads: given.threads === undefined ? 0 : checkInteger('threads', given.threads, { min: 1, max: 1024 }),
    name: text('name'),
    license: text('license'),
    source: text('source'),
    revision: text('revision'),
    onProgress: given.onProgress && checkFunction('onProgress', given.onProgress),
    signal: checkSignal('signal', given.signal),
  }
}

function checkOverrides(value: Readonly<Record<string, WeightType>>): [string, string][] {
  if (!isPlainObject(value)) throw invalidArgument('overrides', 'an object of name patterns and weight types', value)
  return Object.entries(value).map((
    [pattern, type],
  ) => [pattern, checkOneOf(`overrides['${pattern}']`, type, weightTypes)])
}
