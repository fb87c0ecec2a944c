/** Conversion of any model that ggclip opens into one GGUF file. */
import { statSync } from 'node:fs'
import path from 'node:path'

import { withAbort } from './abort.js'
import { locateModel } from './model-path.js'
import { loadAddon } from './native/load.js'
import { fileTokenizer } from './tokenizer/for-file.js'
import { type WeightType, weightTypes } from './types.js'
import { checkOneOf, checkOptions, checkSignal, checkString } from './validate.js'

export interface ConvertOptions {
  /** Weight type of the matrices. Default: each as it is. docs/gguf-layout.md tells which tensors keep more bits. */
  dtype?: WeightType
  /** Types by tensor name: patterns with `*` and `?`; the first match decides. */
  overrides?: Readonly<Record<string, WeightType>>
  /** Metadata for the file; default: what the source says. */
  name?: string
  license?: string
  /** Where the weights come from, e.g. a hub id. */
  source?: string
  revision?: string
  signal?: AbortSignal
}

export interface ConvertResult {
  /** Size of the file. */
  bytes: number
  /** Number of tensors by type. */
  tensors: Record<string, number>
}

const keys = ['dtype', 'overrides', 'name', 'license', 'source', 'revision', 'signal'] as const

/**
 * Writes `source` (a checkpoint's directory or a GGUF file) to the GGUF file `output`, with its tokenizer. The file
 * appears under its name only when it is complete; an existing one is replaced.
 *
 * @throws {ClipError} ERR_CLIP_MODEL_UNKNOWN, ERR_CLIP_FILE_*, ERR_CLIP_TENSOR_*, ...; the signal's reason
 */
export async function convert(source: string, output: string, options?: ConvertOptions): Promise<ConvertResult> {
  const given = checkOptions('options', options, keys)
  const signal = checkSignal('signal', given.signal)
  const location = await locateModel(checkString('source', source), { signal })
  const input = location.path
  const text = (key: 'name' | 'license' | 'source' | 'revision') => (given[key] === undefined ? '' : checkString(key, given[key]))
  const native = {
    type: given.dtype === undefined ? '' : checkOneOf('dtype', given.dtype, weightTypes),
    overrides: Object.entries(given.overrides ?? {}).map(([pattern, type]): [string, string] => [
      pattern, checkOneOf(`overrides['${pattern}']`, type, weightTypes),
    ]),
    name: text('name'),
    license: text('license'),
    source: text('source') || location.source,
    revision: text('revision') || location.revision,
    tokenizer: statSync(input).isDirectory() ? await fileTokenizer(input) : null,
  }
  const target = path.resolve(checkString('output', output))
  return withAbort(signal, () => loadAddon().convert(input, target, native))
}
