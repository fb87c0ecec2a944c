/** Converts a source of any kind to one form: a complete tokenizer.json. */
import { ClipError } from '../../errors.js'
import { nllbClass, nllbFrame, nllbNames, nllbStages } from './nllb.js'
import { failing, invalidPart, isRecord } from './parts.js'
import { addedTokensOf, withIds } from '../special-tokens.js'
import type { AddedToken, BesideFiles, SpecialTokens, TokenizerJsonSource, VocabularySource } from '../types.js'
import { makeWordModel, mergeLines, vocabularyOf, type WordModel } from '../words/word-model.js'

/** A complete description of a tokenizer, including added tokens and their ids. */
export interface Description {
  json: Record<string, unknown> & { model: Record<string, unknown> }
  added: AddedToken[]
  specials: SpecialTokens
  /** CLIP's byte-level BPE, with `</w>` at the end of a word. */
  clip: boolean
  ids: ReadonlyMap<string, number>
  /** A tokenizer other than CLIP's. */
  model?: WordModel
}

const wordEnd = '</w>'
const clipNames = { bos: '<|startoftext|>', eos: '<|endoftext|>', unk: '<|endoftext|>', pad: '<|endoftext|>' }
const bertNames = { unk: '[UNK]', sep: '[SEP]', pad: '[PAD]', cls: '[CLS]', mask: '[MASK]' }
const clipClass = /^CLIPTokenizer(?:Fast)?$/
const framingClass = /^(?:PreTrainedTokenizerFast|TokenizersBackend|(?:Gemma|Siglip2)Tokenizer(?:Fast)?)$/
const bertClass = /^(?:Bert|DistilBert)Tokenizer(?:Fast)?$/

// as transformers' CLIPTokenizer builds it; patterns of earlier versions lack the special tokens
const clipWords = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"
const clipNormalizer = {
  type: 'Sequence',
  normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' }, { type: 'Lowercase' }],
}
const clipSplitter = {
  type: 'Sequence',
  pretokenizers: [
    {
      type: 'Split',
      pattern: { Regex: `<\\|startoftext\\|>|<\\|endoftext\\|>|${clipWords}` },
      behavior: 'Removed',
      invert: true,
    },
    { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  ],
}

/** @throws ClipError ERR_CLIP_TOKENIZER_INVALID */
export function describe(source: TokenizerJsonSource | VocabularySource): Description {
  return 'json' in source ? describeJson(source) : describeVocabulary(source)
}

function describeJson({ json: text, specials = {}, beside = {} }: TokenizerJsonSource): Description {
  const json = parseRecord(text, 'tokenizer.json')
  const what = 'tokenizer.json'
  return failing(what, () => {
    const { model } = json
    if (!isRecord(model)) throw invalidPart('model', 'an object', model)
    if (model.vocab === undefined) throw invalidPart('model.vocab', 'an object or an array', model.vocab)
    const name = className(beside)
    if (isClip(json, model, name)) return describeClip({ ...json, model }, specials, beside, name)
    const patched = patchedByClass(json, beside, name)
    const made = makeWordModel(model)
    const isNllb = nllbClass.test(name)
    const defaults = isNllb ? nllbNames : bertClass.test(name) ? bertNames : undefined
    const added = withIds(addedTokensOf(json.added_tokens, beside, defaults !== undefined, defaults ?? {}), made.ids)
    const names = namesOf(specials, json)
    const described = {
      ...patched,
      model,
      added_tokens: added.map(listed),
      ...framedByFlags(beside, name, names, added),
      ...(isNllb ? { post_processor: nllbFrame(beside.config ?? {}, added) } : {}),
    }
    return { json: described, added, specials: names, clip: false, ids: made.ids, model: made }
  })
}

function describeVocabulary({ vocab, merges, specials = {}, beside = {} }: VocabularySource): Description {
  const record: unknown = typeof vocab === 'string' ? parseRecord(vocab, 'vocab.json') : vocab
  return failing('', () => {
    vocabularyOf(record, 'vocab.json')
    const model = {
      type: 'BPE',
      unk_token: specials.unk,
      end_of_word_suffix: wordEnd,
      vocab: record,
      merges: mergeLines(merges),
    }
    // names without their files
    const own = Object.keys(beside).length > 0 ? beside : { config: specialsAsConfig(specials) }
    return describeClip({ model }, specials, own, 'CLIPTokenizer')
  })
}

function specialsAsConfig(specials: SpecialTokens): Record<string, unknown> {
  return Object.fromEntries(Object.entries(specials).map(([role, token]) => [`${role}_token`, token as unknown]))
}

function describeClip(
  json: Record<string, unknown> & { model: Record<string, unknown> },
  specials: SpecialTokens,
  beside: BesideFiles,
  name: string,
): Description {
  const { model } = json
  const ids = vocabularyOf(model.vocab)
  mergeLines(model.merges, 'model.merges')
  const rebuilds = clipClass.test(name)
  const { cls, sep } = isRecord(json.post_processor) ? json.post_processor : {}
  const frame = rebuilds ? {} : { bos: nameOf(cls), eos: nameOf(sep) }
  const first = (...candidates: (string | undefined)[]): string | undefined =>
    candidates.find(candidate => candidate !== undefined)
  // open_clip's vocabularies spell the two differently
  const usual = (role: 'bos' | 'eos', other: string): string | undefined =>
    [clipNames[role], other].find(token => ids.has(token) || listedContents(json.added_tokens).has(token))
  const names: SpecialTokens = {
    bos: first(rebuilds ? specials.bos : frame.bos, specials.bos, usual('bos', '<start_of_text>')),
    eos: first(rebuilds ? specials.eos : frame.eos, specials.eos, usual('eos', '<end_of_text>')),
    pad: specials.pad,
    unk: first(specials.unk, nameOf([model.unk_token])),
  }
  const defaults = {
    ...(names.bos === undefined ? {} : { bos: names.bos }),
    ...(names.eos === undefined ? {} : { eos: names.eos }),
  }
  const added = withIds(addedTokensOf(json.added_tokens, beside, rebuilds, defaults), ids)
  const described = {
    normalizer: clipNormalizer,
    pre_tokenizer: clipSplitter,
    decoder: { type: 'ByteLevel' },
    ...json,
    added_tokens: added.map(listed),
  }
  if (rebuilds) Object.assign(described, { normalizer: clipNormalizer, pre_tokenizer: clipSplitter })
  if (rebuilds || json.post_processor === undefined) {
    const idOf = (token: string | undefined): number | undefined => added.find(({ content }) => content === token)?.id
    const pair = (token: string | undefined): unknown[] => [token, idOf(token)]
    if (names.bos !== undefined && names.eos !== undefined) {
      Object.assign(described, {
        post_processor: {
          type: 'RobertaProcessing',
          sep: pair(names.eos),
          cls: pair(names.bos),
          trim_offsets: false,
          add_prefix_space: false,
        },
      })
    }
  }
  return { json: described, added, specials: names, clip: true, ids }
}

function isClip(json: Record<string, unknown>, model: Record<string, unknown>, name: string): boolean {
  if (model.end_of_word_suffix !== wordEnd || model.merges === undefined || (model.type ?? 'BPE') !== 'BPE')
    return false
  if (clipClass.test(name)) return true
  const { normalizer, pre_tokenizer: splitter } = json
  if (normalizer === undefined && splitter === undefined) return true
  const first = isRecord(splitter) && Array.isArray(splitter.pretokenizers)
    ? (splitter.pretokenizers as unknown[])[0]
    : undefined
  const pattern = isRecord(first) && isRecord(first.pattern) && typeof first.pattern.Regex === 'string'
    ? first.pattern.Regex
    : ''
  return JSON.stringify(normalizer) === JSON.stringify(clipNormalizer) && pattern.endsWith(clipWords)
}

/**
 * BERT's classes take these three from the configuration, even if the tokenizer.json differs; others the start and end
 * tokens.
 */
function patchedByClass(json: Record<string, unknown>, beside: BesideFiles, name: string): Record<string, unknown> {
  const { config = {} } = beside
  if (bertClass.test(name) && isRecord(json.normalizer) && json.normalizer.type === 'BertNormalizer') {
    const { do_lower_case: lower, tokenize_chinese_chars: chinese, strip_accents: accents } = config
    return {
      ...json,
      normalizer: {
        type: 'BertNormalizer',
        clean_text: true,
        handle_chinese_chars: chinese !== false,
        strip_accents: typeof accents === 'boolean' ? accents : null,
        lowercase: lower !== false,
      },
    }
  }
  return nllbClass.test(name) ? { ...json, ...nllbStages(json) } : json
}

/** If the configuration says whether the two tokens are added, transformers derives the frame from that. */
function framedByFlags(
  { config = {} }: BesideFiles,
  name: string,
  { bos, eos }: SpecialTokens,
  added: readonly AddedToken[],
): { post_processor?: object } {
  const { add_bos_token: addsBos, add_eos_token: addsEos } = config
  if ((typeof addsBos !== 'boolean' && typeof addsEos !== 'boolean') || !framingClass.test(name)) return {}
  const part = (adds: unknown, content: string | undefined): [string, number][] => {
    const token = adds === true ? added.find(one => one.content === content) : undefined
    return token === undefined ? [] : [[token.content, token.id]]
  }
  const [before, after] = [part(addsBos, bos), part(addsEos, eos)]
  const special = (tokens: [string, number][]) => tokens.map(([id]) => ({ SpecialToken: { id, type_id: 0 } }))
  return {
    post_processor: {
      type: 'TemplateProcessing',
      single: [...special(before), { Sequence: { id: 'A', type_id: 0 } }, ...special(after)],
      pair: [],
      special_tokens: Object.fromEntries(
        [...before, ...after].map(([id, value]) => [id, { id, ids: [value], tokens: [id] }]),
      ),
    },
  }
}

function className({ config = {} }: BesideFiles): string {
  return typeof config.tokenizer_class === 'string' ? config.tokenizer_class : ''
}

function listedContents(added: unknown): ReadonlySet<unknown> {
  return new Set(
    Array.isArray(added) ? added.map((token: unknown) => (isRecord(token) ? token.content : undefined)) : [],
  )
}

function namesOf(specials: SpecialTokens, json: Record<string, unknown>): SpecialTokens {
  const { cls, sep } = isRecord(json.post_processor) ? json.post_processor : {}
  return { ...specials, bos: specials.bos ?? nameOf(cls), eos: specials.eos ?? nameOf(sep) }
}

function nameOf(pair: unknown): string | undefined {
  return Array.isArray(pair) && typeof pair[0] === 'string' ? pair[0] : undefined
}

/** In the format of a tokenizer.json. */
function listed({ singleWord, ...token }: AddedToken): Record<string, unknown> {
  return { ...token, single_word: singleWord }
}

function parseRecord(text: string, what: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    const hint = text.startsWith('version https://git-lfs') ? ', it is a Git LFS pointer' : ''
    throw new ClipError('ERR_CLIP_TOKENIZER_INVALID', `${what} is not JSON${hint}: ${(cause as Error).message}`, {
      cause,
    })
  }
  if (!isRecord(value)) throw new ClipError('ERR_CLIP_TOKENIZER_INVALID', invalidPart(what, 'an object', value).message)
  return value
}
