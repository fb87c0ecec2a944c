/** What a model file is: keys, tensors, family, and why it does not load when it does not. */
import { existsSync, statSync } from 'node:fs'
import path from 'node:path'

import { ClipError, type ClipErrorCode, errorCodeOf, fromNative } from '../errors.js'
import { localLayout, type LocalLayout } from '../models/layout.js'
import type { NativeHparams, NativeInspection } from '../native/contract.js'
import { loadAddon } from '../native/load.js'
import { ownRealm } from '../native/own-realm.js'
import { readTokenizerSource } from '../tokenizer/tokenizer.js'
import { checkString } from '../validate.js'

/** A tensor of a model file. */
export interface InspectedTensor {
  /** As the file spells it. */
  name: string
  /** ggml's word for its element type, or the file's for types that no weight may have. */
  type: string
  /** Rows first, as PyTorch gives shapes. */
  shape: number[]
  /** Of its values in the file. */
  bytes: number
  /** The file that holds it. */
  file: string
}

/** What {@link inspect} found. */
export interface Inspection {
  /** Absolute. */
  path: string
  /** Of the weights' file. */
  format: 'gguf' | 'safetensors' | 'torch' | 'unknown'
  /** For people: what the names in it look like, e.g. 'OpenAI or OpenCLIP'. */
  family: string
  /** Whether `Clip.load` takes it. */
  loadable: boolean
  /** The towers that load: one of two may, with the option `towers`, when the other is broken or of an unknown kind. */
  towers: ('image' | 'text')[]
  /** What was read, with sizes. */
  files: { path: string; bytes: number }[]
  /** A GGUF file's keys, or a configuration's with dots between levels; long values are shortened. */
  keys: { name: string; kind: string; value: string }[]
  /** In the order of the file. */
  tensors: InspectedTensor[]
  /** Number of tensors and bytes by type. */
  types: Record<string, { tensors: number; bytes: number }>
  /** What it computes, named as in `Clip.info`; null when it does not load. */
  model: (Omit<NativeHparams, 'logitScale'> & {
    /** Factor of the cosine in the logits, as in `Clip.info`. */
    logitScale: number
  }) | null
  /** Tensors that the configuration calls for and that are not there. */
  missing: string[]
  /** Tensors that no tower uses. */
  ignored: string[]
  /** Everything that was found wrong, in the order of reading. Without problems it loads and takes texts. */
  problems: { code: ClipErrorCode; message: string }[]
}

/**
 * Looks at a model file or folder and never refuses it: what is damaged or of another kind is reported in `problems`, with
 * whatever could be read before.
 *
 * @param source a GGUF, safetensors or PyTorch file, or a checkpoint's directory
 * @throws {TypeError} no path; {ClipError} ERR_CLIP_FILE_NOT_FOUND: nothing is there, or it may not be read
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

/** A folder with several models is inspected as it is: its problem says so. */
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
  { format, keys }: NativeInspection,
): Promise<Inspection['problems']> {
  if (format === 'gguf') {
    const names = new Set(keys.map(({ name }) => name))
    if (names.has('tokenizer.huggingface.json') || names.has('tokenizer.ggml.tokens')) return []
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
