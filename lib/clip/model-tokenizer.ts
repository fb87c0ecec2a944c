/** The tokenizer that belongs to a loaded model: from its GGUF file, or from the files beside its weights. */
import { ClipError, errorCodeOf } from '../errors.js'
import type { NativeModel, NativeModelInfo } from '../native/contract.js'
import { hasPublicVocabulary, publicClipSource } from '../tokenizer/files/public-clip.js'
import { type ClipTokenizer, createTokenizer, hasUsualNames, readTokenizerSource,
  type TokenizerSource } from '../tokenizer/tokenizer.js'

/**
 * Reads the files, but parses nothing before the first text. A model without a usable tokenizer loads anyway, since
 * images need none: its text calls then fail with the tokenizer's error.
 *
 * @param folder of the tokenizer's files, if they are not beside the weights
 */
export async function modelTokenizer(
  model: NativeModel,
  info: NativeModelInfo,
  folder = '',
  signal?: AbortSignal,
): Promise<ClipTokenizer | undefined> {
  const { text } = info
  if (text === null) return undefined
  const found = info.format === 'gguf'
    ? fromFile(model, info.path, text)
    : await fromDirectory(folder || info.path, signal)
  const source = hasPublicVocabulary(text) ? orPublic(found) : found
  // the configuration's ids may not be the tokenizer's: enlarged vocabularies and old defaults disagree with it. Only
  // if the end token does not pool is a configured id a token that the reference itself adds (CLIPA: 0)
  const { eosId, padId, pooling } = text
  return createTokenizer(source, {
    contextLength: text.contextLength,
    eosId: pooling !== 'eot' && eosId >= 0 ? eosId : undefined,
    padId: padId >= 0 ? padId : undefined,
    cleaning: text.cleaning,
    file: folder || info.path,
  })
}

/** The padding ids as the tokenizer has them, which parses the vocabulary; for a broken one as the file says. */
export function withTokenizerIds(
  text: NativeModelInfo['text'],
  tokenizer: ClipTokenizer | undefined,
): NativeModelInfo['text'] {
  if (text === null || tokenizer === undefined) return text
  const own = (name: 'bosId' | 'eosId' | 'padId'): PropertyDescriptor => ({
    enumerable: true,
    get: () => {
      try {
        return tokenizer[name] ?? -1
      } catch (error) {
        if (errorCodeOf(error) === undefined) throw error
        return text[name]
      }
    },
  })
  return Object.defineProperties({ ...text }, { bosId: own('bosId'), eosId: own('eosId'), padId: own('padId') })
}

/** Ids for the text tower: padded only if it sees the padding. */
export function towerIds(
  tokenizer: ClipTokenizer,
  text: string,
  seesPadding: boolean,
  language?: string,
): Int32Array {
  return seesPadding ? tokenizer.encodePadded([text], language) : Int32Array.from(tokenizer.encode(text, language))
}

/** Whether `tokenize`, a model's, finds a tokenizer: a model without one is measured on images alone. */
export function canTokenize(tokenize: (text: string) => unknown): boolean {
  try {
    tokenize('a')
    return true
  } catch (error) {
    if (errorCodeOf(error) === 'ERR_CLIP_TOKENIZER_MISSING') return false
    throw error
  }
}

function fromFile(
  model: NativeModel,
  path: string,
  { bosId, eosId }: NonNullable<NativeModelInfo['text']>,
): () => TokenizerSource {
  return () => {
    const source = model.tokenizer()
    // a list of tokens with its own names for start and end: the file says which ids they are
    if (source && 'tokens' in source)
      return {
        ...source,
        ...(hasUsualNames(source.tokens) ? {} : { specials: { bos: source.tokens[bosId], eos: source.tokens[eosId] } }),
      }
    if (source) return source
    throw new ClipError('ERR_CLIP_TOKENIZER_MISSING', `${path}: expected a tokenizer in the file, found none`)
  }
}

/** A model without a tokenizer whose vocabulary is CLIP's. */
function orPublic(source: TokenizerSource | (() => TokenizerSource)): TokenizerSource | (() => TokenizerSource) {
  if (typeof source !== 'function') return source
  return () => {
    try {
      return source()
    } catch (error) {
      if (errorCodeOf(error) !== 'ERR_CLIP_TOKENIZER_MISSING') throw error
      return publicClipSource()
    }
  }
}

async function fromDirectory(
  path: string,
  signal: AbortSignal | undefined,
): Promise<TokenizerSource | (() => TokenizerSource)> {
  try {
    return (await readTokenizerSource(path, signal)).source
  } catch (error) {
    if (errorCodeOf(error) === undefined) throw error
    return () => {
      throw error
    }
  }
}
