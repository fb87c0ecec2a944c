/** Describes a model file: keys, tensors, family, and the reasons if it does not load. */
import { existsSync, statSync } from 'node:fs'
import path from 'node:path'

import { ClipError, type ClipErrorCode, errorCodeOf, fromNative } from '../errors.js'
import { localLayout, type LocalLayout } from '../models/layout.js'
import type { NativeInspection } from '../native/contract.js'
import type { NativeHparams } from '../native/hparams.js'
import { loadAddon } from '../native/load.js'
import { ownRealm } from '../native/own-realm.js'
import { hasPublicVocabulary } from '../tokenizer/files/public-clip.js'
import { readTokenizerSource } from '../tokenizer/tokenizer.js'
import { checkString } from '../validate.js'

/** A tensor of a model file. */
export interface InspectedTensor {
  /** As in the file. */
  name: string
  /** Its element type as ggml names it, or as the file does for types that weights cannot have. */
  type: string
  /** Rows first, as in PyTorch. */
  shape: number[]
  /** Size of its values in the file. */
  bytes: number
  /** The file that contains it. */
  file: string
}

/** Result of {@link inspect}. */
export interface Inspection {
  /** Absolute. */
  path: string
  /** Format of the weights' file. */
  format: 'gguf' | 'safetensors' | 'torch' | 'unknown'
  /** For people: the source that its names suggest, e.g. 'OpenAI or OpenCLIP'. */
  family: string
  /** Whether `Clip.load` accepts it. */
  loadable: boolean
  /** The towers that load. With the option `towers`, one may load although the other is broken or unsupported. */
  towers: ('image' | 'text')[]
  /** The files that were read, with sizes. */
  files: { path: string; bytes: number }[]
  /** A GGUF file's keys, or a configuration's with dots between levels; long values are shortened. */
  keys: { name: string; kind: string; value: string }[]
  /** In the order of the file. */
  tensors: InspectedTensor[]
  /** Number of tensors and bytes by type. */
  types: Record<string, { tensors: number; bytes: number }>
  /** Its hyper-parameters, named as in `Clip.info`; null if it does not load. */
  model: (Omit<NativeHparams, 'logitScale'> & {
    /** Factor of the cosine in the logits, as in `Clip.info`. */
    logitScale: number
  }) | null
  /** Tensors that the configuration requires but the file lacks. */
  missing: string[]
  /** Tensors that no tower uses. */
  ignored: string[]
  /** All problems, in the order of reading. A model without problems loads and encodes texts. */
  problems: { code: ClipErrorCode; message: string }[]
}

/**
 * Describes a model file or folder without refusing it: damage and unsupported parts are reported in `problems`, along
 * with everything that could be read.
 *
 * @param source a GGUF, safetensors or PyTorch file, or a checkpoint's directory
 * @throws {TypeError} not a path; {ClipError} ERR_CLIP_FILE_NOT_FOUND: it does not exist or is not readable
 *
 * @example
 * const { loadable, format, towers, problems } = await inspect('models/emoji-clip.gguf')
 * console.log(loadable, format, towers.join(), problems.length) // true gguf image,text 0
 */
export async function inspect(source: string): Promise<Inspection> {
  const target = path.resolve(checkString('source', source))
  if (!existsSync(target)) throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', `${source}: no such file or directory`)
  let found: NativeInspection
  let layout: LocalLayout
  try {
    layout = await layoutFor(target)
    found = ownRealm(await loadAddon().inspect(layout.path, layout))
  } catch (error) {
    throw fromNative(error)
  }
  const problems = found.problems as Inspection['problems']
  if (found.model?.text) problems.push(...await tokenizerProblems(layout, found))
  return {
    ...found,
    model: found.model && { ...found.model, logitScale: Math.exp(found.model.logitScale) },
    files: found.files.map(file => ({ path: file, bytes: statSync(file).size })),
    types: countTypes(found.tensors),
    problems,
  }
}

/** A folder with several models is inspected as it is, and that is reported as a problem. */
async function layoutFor(target: string): Promise<LocalLayout> {
  try {
    return await localLayout(target)
  } catch (error) {
    if (errorCodeOf(error) !== 'ERR_CLIP_HUB_FILES') throw error
    return { path: target, tokenizerFolder: '', processorFolder: '' }
  }
}

async function tokenizerProblems(
  { path: target, tokenizerFolder }: LocalLayout,
  { format, keys, model }: NativeInspection,
): Promise<Inspection['problems']> {
  const isPublic = hasPublicVocabulary(model!.text!)
  if (format === 'gguf') {
    const names = new Set(keys.map(({ name }) => name))
    if (isPublic || names.has('tokenizer.huggingface.json') || names.has('tokenizer.ggml.tokens')) return []
    return [{
      code: 'ERR_CLIP_TOKENIZER_MISSING',
      message: `${target}: expected a tokenizer in the file, found none: texts cannot be encoded`,
    }]
  }
  try {
    await readTokenizerSource(tokenizerFolder || (statSync(target).isDirectory() ? target : path.dirname(target)))
    return []
  } catch (error) {
    const code = errorCodeOf(error)
    if (code === undefined) throw error
    if (code === 'ERR_CLIP_TOKENIZER_MISSING' && isPublic) return []
    return [{ code, message: (error as Error).message }]
  }
}

function countTypes(tensors: readonly InspectedTensor[]): Inspection['types'] {
  const types: Inspection['types'] = {}
  for (const { type, bytes } of tensors) {
    const entry = (types[type] ??= { tensors: 0, bytes: 0 })
    entry.tensors++
    entry.bytes += bytes
  }
  return types
}
