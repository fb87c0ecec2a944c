/** From what the caller names to a path that exists. */
import { existsSync } from 'node:fs'
import path from 'node:path'

import { ClipError } from './errors.js'
import { packageRoot } from './native/load.js'
import { checkString } from './validate.js'

/** The embedded model, used when none is named: see models/README.md. */
export const defaultModelPath = path.join(packageRoot, 'models', 'emoji-clip.gguf')

/**
 * @param source a `.gguf` file or a checkpoint's directory; undefined: the embedded default model.
 * @throws {ClipError} ERR_CLIP_MODEL_UNKNOWN when nothing is there.
 */
export function modelPath(source: string | undefined): string {
  if (source === undefined) return defaultModelPath
  const name = checkString('source', source)
  if (existsSync(name)) return path.resolve(name)
  const hint = name.startsWith('hf:')
    ? 'this version does not download from the hub: download the files and give their directory'
    : 'expected the path of a .gguf file or of a directory with config.json and safetensors files'
  throw new ClipError('ERR_CLIP_MODEL_UNKNOWN', `no model at '${name}': ${hint}`)
}
