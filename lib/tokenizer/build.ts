import { ClipError } from '../errors.js'
import { impliedMerges, ranksOfMerges, wordEnd, type RankOf } from './bpe.js'
import { byteChars } from './bytes.js'
import { ClipBpeEncoder, type ClipVocabulary } from './clip-bpe.js'
import { type Frame, frameOf, paddingOf } from './frame.js'
import { LibraryEncoder } from './library.js'
import type { SpecialTokens, TextCleaning, TextEncoder, TokenizerSource } from './types.js'

/** Ids that the caller has fixed. */
export interface FixedIds {
  bosId?: number
  eosId?: number
}

/** An encoder and the ids of its special tokens; undefined when the vocabulary has no such token. */
export interface BuiltTokenizer {
  encoder: TextEncoder
  bosId?: number
  eosId?: number
  padId?: number
  /** What a tokenizer.json of another family than CLIP's puts around a text. */
  frame?: Frame
  paddingSide?: 'left' | 'right'
}

/** The added_tokens of a tokenizer.json. */
interface AddedToken {
  id: number
  content: string
  normalized?: boolean
}

/** A checked vocabulary. */
interface Ids {
  highest: number
  get(token: string): number | undefined
  forEach(visit: (token: string, id: number) => void): void
}

const usualBos = ['<|startoftext|>', '<start_of_text>', '<s>', '<bos>', '[CLS]']
const usualEos = ['<|endoftext|>', '<end_of_text>', '</s>', '<eos>', '[SEP]']

const libraryModels: readonly unknown[] = ['BPE', 'Unigram', 'WordPiece']

// an id beyond this is a broken file, and would make arrays of that size
const maxId = 2 ** 22 - 1

/** Parses `source`: this is where the time goes that {@link createTokenizer} saves until the first text. */
export function buildTokenizer(source: TokenizerSource, cleaning: TextCleaning, fixed: FixedIds): BuiltTokenizer {
  if ('json' in source) {
    const built = fromJson(source.json, source.specials ?? {}, cleaning, fixed)
    const { paddingSide = built.paddingSide ?? (source.leftByDefault ? 'left' : 'right') } = source
    return { ...built, paddingSide }
  }
  if ('tokens' in source) {
    const ids = idsOfTokens(source.tokens)
    const merges = source.merges && mergeLines(source.merges)
    return clipTokenizer({ ids, tokens: source.tokens, merges, specials: source.specials ?? {}, cleaning, fixed })
  }
  const ids = typeof source.vocab === 'string' ? parseJson(source.vocab, 'vocab.json') : source.vocab
  const merges = mergeLines(source.merges)
  return clipTokenizer({ ids: checkedIds(ids, 'vocab.json'), merges, specials: source.specials ?? {}, cleaning, fixed })
}

function fromJson(text: string, specials: SpecialTokens, cleaning: TextCleaning, fixed: FixedIds): BuiltTokenizer {
  const json = parseJson(text, 'tokenizer.json')
  const model = recordOf(json.model, 'tokenizer.json: model')
  const added = addedTokens(json.added_tokens)
  if (model.end_of_word_suffix === wordEnd && model.merges !== undefined) {
    const ids = checkedIds(model.vocab, 'tokenizer.json: model.vocab')
    const unk = typeof model.unk_token === 'string' ? model.unk_token : undefined
    const names = { unk, ...specialsOf(specials, json.post_processor) }
    return clipTokenizer({ ids, merges: mergeLines(model.merges), specials: names, added, cleaning, fixed })
  }
  if (model.vocab === undefined) throw invalid('tokenizer.json: model.vocab', 'an object or an array', model.vocab)
  if (model.type !== undefined && !libraryModels.includes(model.type)) {
    throw invalid('tokenizer.json: model.type', `one of ${libraryModels.join(', ')}`, model.type)
  }
  let encoder: LibraryEncoder
  try {
    // the library wants the three parts that are optional in the format
    const parts = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null }
    encoder = new LibraryEncoder({ ...parts, ...json, added_tokens: added }, cleaning)
  } catch (cause) {
    throw new ClipError('ERR_CLIP_TOKENIZER_INVALID', `tokenizer.json cannot be used: ${messageOf(cause)}`, { cause })
  }
  const padding = paddingOf(json.padding)
  const names = { ...specialsOf(specials, json.post_processor), pad: specials.pad ?? padding.token }
  return {
    encoder, ...specialIds((token) => encoder.idOf(token), names, fixed), frame: frameOf(json.post_processor), paddingSide: padding.side,
  }
}

interface ClipParts {
  ids: Ids
  tokens?: readonly string[]
  merges?: readonly string[]
  specials: SpecialTokens
  added?: readonly AddedToken[]
  cleaning: TextCleaning
  fixed: FixedIds
}

function clipTokenizer(parts: ClipParts): BuiltTokenizer {
  const { ids, specials, cleaning } = parts
  const added = parts.added ?? []
  const extra = new Map(added.map(({ content, id }) => [content, id]))
  const idOf = extra.size === 0 ? ids.get : (token: string) => extra.get(token) ?? ids.get(token)
  let known: (string | undefined)[] | undefined
  const tokens = (): (string | undefined)[] => (known ??= tokensById(ids, added))
  const found = specialIds(idOf, specials, parts.fixed)
  const nameOf = (id: number | undefined): string => {
    if (id === undefined) return ''
    const likely = [specials.bos, specials.eos, ...usualBos, ...usualEos]
    return likely.find((name) => name && idOf(name) === id) ?? tokens()[id] ?? ''
  }
  const vocabulary: ClipVocabulary = {
    tokenCount: Math.max(ids.highest, ...extra.values()) + 1,
    idOf,
    tokens,
    rankOf: rankOfParts(parts, idOf, found),
    unknownId: specials.unk === undefined ? found.eosId : idOf(specials.unk) ?? found.eosId,
    bos: nameOf(found.bosId),
    eos: nameOf(found.eosId),
    literals: (parts.added ?? literalsOf(idOf, specials, [nameOf(found.bosId), nameOf(found.eosId)]))
      .map(({ content, id, normalized }) => ({ content, id, normalized: normalized ?? false })),
  }
  if (vocabulary.unknownId === undefined) checkBytes(idOf)
  return { encoder: new ClipBpeEncoder(vocabulary, cleaning), ...found }
}

function rankOfParts(parts: ClipParts, idOf: (token: string) => number | undefined, found: FixedIds): RankOf {
  if (parts.merges !== undefined) return ranksOfMerges(parts.merges)
  const special = new Set([found.bosId, found.eosId])
  return impliedMerges(parts.tokens ?? [], idOf, (id) => special.has(id)).rankOf
}

/** transformers takes these literally from the text: the special tokens that the configuration names. */
function literalsOf(
  idOf: (token: string) => number | undefined,
  specials: SpecialTokens,
  ends: string[],
): AddedToken[] {
  const names = new Set([...ends, ...Object.values(specials) as (string | undefined)[]])
  return [...names].flatMap((content) => {
    const id = content ? idOf(content) : undefined
    return content && id !== undefined ? [{ content, id }] : []
  })
}

function specialIds(
  idOf: (token: string) => number | undefined,
  specials: SpecialTokens,
  fixed: FixedIds,
): Omit<BuiltTokenizer, 'encoder'> {
  const first = (names: (string | undefined)[]): number | undefined => {
    for (const name of names) {
      const id = name === undefined ? undefined : idOf(name)
      if (id !== undefined) return id
    }
    return undefined
  }
  const eosId = fixed.eosId ?? first([specials.eos, ...usualEos])
  return { bosId: fixed.bosId ?? first([specials.bos, ...usualBos]), eosId, padId: first([specials.pad]) ?? eosId }
}

/** Fills in start and end from the post-processor: RobertaProcessing names them. */
function specialsOf(specials: SpecialTokens, postProcessor: unknown): SpecialTokens {
  const { cls, sep } = (postProcessor ?? {}) as { cls?: unknown; sep?: unknown }
  const name = (pair: unknown): string | undefined =>
    Array.isArray(pair) && typeof pair[0] === 'string' ? pair[0] : undefined
  return { ...specials, bos: specials.bos ?? name(cls), eos: specials.eos ?? name(sep) }
}

function tokensById(ids: Ids, added: readonly AddedToken[]): (string | undefined)[] {
  const tokens = new Array<string | undefined>(ids.highest + 1).fill(undefined)
  ids.forEach((token, id) => {
    tokens[id] = token
  })
  for (const { content, id } of added) tokens[id] = content
  return tokens
}

function idsOfTokens(tokens: unknown): Ids {
  if (!Array.isArray(tokens) || tokens.length === 0) throw invalid('tokens', 'a list of strings', tokens)
  const ids = new Map<string, number>()
  tokens.forEach((token: unknown, id) => {
    if (typeof token !== 'string') throw invalid(`tokens[${id}]`, 'a string', token)
    if (!ids.has(token)) ids.set(token, id)
  })
  return {
    highest: tokens.length - 1,
    get: (token) => ids.get(token),
    forEach: (visit) => ids.forEach((id, token) => visit(token, id)),
  }
}

function checkedIds(vocab: unknown, what: string): Ids {
  const record = recordOf(vocab, what) as Record<string, number>
  let highest = -1
  for (const token in record) {
    const id = record[token]!
    if (!Number.isInteger(id) || id < 0 || id > maxId) {
      throw invalid(`${what}: ${JSON.stringify(token)}`, `an id from 0 to ${maxId}`, id)
    }
    if (id > highest) highest = id
  }
  if (highest < 0) throw invalid(what, 'tokens with their ids', record)
  return {
    highest,
    // what an object inherits is no number, so 'constructor' is found only when it is a token
    get: (token) => {
      const id: unknown = record[token]
      return typeof id === 'number' ? id : undefined
    },
    forEach: (visit) => Object.entries(record).forEach(([token, id]) => visit(token, id)),
  }
}

/** Lines 'left right'; a merges.txt may start with a '#version' line, a tokenizer.json may hold pairs. */
function mergeLines(merges: unknown): string[] {
  const list: unknown = typeof merges === 'string' ? merges.split(/\r?\n/) : merges
  if (!Array.isArray(list)) throw invalid('merges', 'a list of pairs', merges)
  const lines: string[] = []
  list.forEach((entry: unknown, index) => {
    const line = Array.isArray(entry) && entry.length === 2 ? entry.join(' ') : entry
    if (typeof line === 'string' && (line === '' || (index === 0 && line.startsWith('#version')))) return
    const space = typeof line === 'string' ? line.indexOf(' ') : -1
    if (typeof line !== 'string' || space <= 0 || space === line.length - 1 || line.includes(' ', space + 1)) {
      throw invalid(`merges[${index}]`, "two pieces, 'left right'", entry)
    }
    lines.push(line)
  })
  return lines
}

function addedTokens(added: unknown): AddedToken[] {
  if (added === undefined || added === null) return []
  if (!Array.isArray(added)) throw invalid('tokenizer.json: added_tokens', 'a list', added)
  added.forEach((token: unknown, index) => {
    const { id, content } = (token ?? {}) as Partial<AddedToken>
    const valid = typeof content === 'string' && content !== '' && Number.isInteger(id) && id! >= 0 && id! <= maxId
    if (!valid) throw invalid(`tokenizer.json: added_tokens[${index}]`, 'an id and a content', token)
  })
  return added as AddedToken[]
}

function checkBytes(idOf: (token: string) => number | undefined): void {
  const missing = byteChars.find((char) => idOf(char) === undefined || idOf(char + wordEnd) === undefined)
  if (missing !== undefined) {
    throw new ClipError('ERR_CLIP_TOKENIZER_INVALID', `the vocabulary lacks the byte token ${JSON.stringify(missing)}` +
      ' and has no token for what is unknown')
  }
}

function parseJson(text: string, what: string): Record<string, unknown> {
  try {
    return recordOf(JSON.parse(text), what)
  } catch (cause) {
    if (cause instanceof ClipError) throw cause
    const hint = text.startsWith('version https://git-lfs') ? ', it is a Git LFS pointer' : ''
    throw new ClipError('ERR_CLIP_TOKENIZER_INVALID', `${what} is no JSON${hint}: ${messageOf(cause)}`, { cause })
  }
}

function recordOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(what, 'an object', value)
  return value as Record<string, unknown>
}

function invalid(what: string, expected: string, found: unknown): ClipError {
  const text = found === undefined ? 'nothing' : JSON.stringify(found) ?? typeof found
  const shown = text.length > 60 ? `${text.slice(0, 60)}...` : text
  return new ClipError('ERR_CLIP_TOKENIZER_INVALID', `${what}: expected ${expected}, found ${shown}`)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
