/** The tokenizer that belongs to a loaded model: from its GGUF file, or from the files beside its weights. */
import { ClipError, errorCodeOf } from './errors.js'
import type { NativeModel, NativeModelInfo } from './native/contract.js'
import { type ClipTokenizer, createTokenizer, readTokenizerSource, type TokenizerSource } from './tokenizer.js'

/**
 * Reads text only; nothing is parsed before the first text. A model without a usable tokenizer loads all the same,
 * since images need none: its text calls then fail with what was wrong.
 */
export async function modelTokenizer(model: NativeModel, info: NativeModelInfo): Promise<ClipTokenizer | undefined> {
  const { text } = info
  if (text === null) return undefined
  const source = info.format === 'gguf' ? fromFile(model, info.path) : await fromDirectory(info.path)
  // CLIP frames a text with both tokens, SigLIP only ends it; a tokenizer.json of another family says it by itself
  const { bosId, eosId, padId, pooling } = text
  const fixesBos = bosId >= 0 || pooling === 'eot'
  return createTokenizer(source, {
    contextLength: text.contextLength,
    bosId: bosId >= 0 ? bosId : undefined,
    eosId: eosId >= 0 ? eosId : undefined,
    padId: padId >= 0 ? padId : undefined,
    cleaning: text.cleaning,
    addBos: fixesBos,
    addEos: eosId >= 0 || pooling === 'eot',
  })
}

function fromFile(model: NativeModel, path: string): () => TokenizerSource {
  return () => {
    const source = model.tokenizer()
    if (source) return source
    throw new ClipError('ERR_CLIP_TOKENIZER_MISSING', `${path}: expected a tokenizer in the file, found none`)
  }
}

async function fromDirectory(path: string): Promise<TokenizerSource | (() => TokenizerSource)> {
  try {
    return (await readTokenizerSource(path)).source
  } catch (error) {
    if (errorCodeOf(error) === undefined) throw error
    return () => { throw error }
  }
}
