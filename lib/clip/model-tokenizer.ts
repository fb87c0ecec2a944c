/** The tokenizer that belongs to a loaded model: from its GGUF file, or from the files beside its weights. */
import { ClipError, errorCodeOf } from '../errors.js'
import type { NativeModel, NativeModelInfo } from '../native/contract.js'
import { type ClipTokenizer, createTokenizer, hasUsualNames, readTokenizerSource,
  type TokenizerSource } from '../tokenizer/tokenizer.js'

/**
 * Reads text only; nothing is parsed before the first text. A model without a usable tokenizer loads all the same,
 * since images need none: its text calls then fail with what was wrong.
 *
 * @param folder of the tokenizer's files, where they are not beside the weights
 */
export async function modelTokenizer(
  model: NativeModel,
  info: NativeModelInfo,
  folder = '',
  signal?: AbortSignal,
): Promise<ClipTokenizer | undefined> {
  const { text } = info
  if (text === null) return undefined
  const source = info.format === 'gguf'
    ? fromFile(model, info.path, text)
    : await fromDirectory(folder || info.path, signal)
  // the ids of a configuration are not the tokenizer's: enlarged vocabularies and old defaults disagree with it. Only where
  // the end token does not pool is an id that of a token that the reference puts there itself (CLIPA: 0)
  const { eosId, padId, pooling } = text
  return createTokenizer(source, {
    contextLength: text.contextLength,
    eosId: pooling !== 'eot' && eosId >= 0 ? eosId : undefined,
    padId: padId >= 0 ? padId : undefined,
    cleaning: text.cleaning,
    file: folder || info.path,
  })
}

/** With the ids that stand in rows, as the tokenizer gives them; asked for, they parse the vocabulary. Broken: as the file says. */
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

/** What the text tower runs on: padded only where it sees the padding. */
export function towerIds(tokenizer: ClipTokenizer, text: string, seesPadding: boolean): Int32Array {
  return seesPadding ? tokenizer.encodePadded([text]) : Int32Array.from(tokenizer.encode(text))
}

/** Whether `tokenize`, a model's, finds a tokenizer: a model without one is measured on pictures alone. */
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
    // a list of tokens whose start and end have names of their own: the file says where they are
    if (source && 'tokens' in source)
      return {
        ...source,
        ...(hasUsualNames(source.tokens) ? {} : { specials: { bos: source.tokens[bosId], eos: source.tokens[eosId] } }),
      }
    if (source) return source
    throw new ClipError('ERR_CLIP_TOKENIZER_MISSING', `${path}: expected a tokenizer in the file, found none`)
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
