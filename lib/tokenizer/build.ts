import { ClipError } from '../errors.js'
import { AddedTokens } from './stages/added-tokens.js'
import { impliedMerges, ranksOfMerges, wordEnd, type RankOf } from './words/bpe.js'
import { byteChars } from './words/bytes.js'
import { lowerLikeTransformers } from './text/clean.js'
import { ClipBpeEncoder, type ClipVocabulary } from './words/clip-bpe.js'
import { describe, type Description } from './files/describe.js'
import { FileEncoder } from './file-encoder.js'
import { type Frame, frameOf, paddingOf } from './stages/frame.js'
import { failing, invalidPart } from './files/parts.js'
import { languagesOf } from './stages/languages.js'
import type { AddedToken, SpecialTokens, TextCleaning, TextEncoder, TokenizerSource, TokenListSource } from './types.js'
import { usualBos, usualEos } from './special-tokens.js'
import { mergeLines } from './words/word-model.js'

/** Ids that the caller has set. */
interface FixedIds {
  bosId?: number
  eosId?: number
}

/** An encoder and the ids of its special tokens; undefined if the vocabulary has no such token. */
export interface BuiltTokenizer {
  encoder: TextEncoder
  bosId?: number
  eosId?: number
  padId?: number
  /** The tokens that a tokenizer.json of a family other than CLIP puts around a text. */
  frame?: Frame
  /** Ids of the tokens for languages, if the frame has one. */
  languages?: ReadonlyMap<string, number> | undefined
  paddingSide?: 'left' | 'right'
}

/** Parses `source`, which {@link createTokenizer} postpones until the first text. */
export function buildTokenizer(source: TokenizerSource, cleaning: TextCleaning, fixed: FixedIds): BuiltTokenizer {
  if ('tokens' in source) return failing('', () => fromTokens(source, cleaning, fixed))
  const description = describe(source)
  if (!('json' in source)) return failing('', () => clipTokenizer(description, cleaning, fixed))
  return failing('tokenizer.json', () => {
    const padding = paddingOf(description.json.padding)
    const paddingSide = source.paddingSide ?? padding.side ?? (source.leftByDefault ? 'left' : 'right')
    if (description.clip) {
      const built = clipTokenizer(description, cleaning, fixed)
      return { ...built, ...unusualFrame(description.json.post_processor, built, cleaning), paddingSide }
    }
    const { json, added, specials, model } = description
    const encoder = new FileEncoder(json, model!, added, cleaning)
    const names = { ...specials, pad: specials.pad ?? padding.token }
    const ids = specialIds(token => encoder.idOf(token), names, fixed)
    const frame = frameOf(json.post_processor)
    return { encoder, ...ids, frame, languages: languagesOf(frame, added), paddingSide }
  })
}

/** The tokens that a CLIP tokenizer.json puts around a text, if not the start and end tokens. Unused by open_clip. */
function unusualFrame(
  postProcessor: unknown,
  { bosId, eosId }: BuiltTokenizer,
  cleaning: TextCleaning,
): { frame?: Frame } {
  if (postProcessor === undefined || cleaning === 'open_clip' || cleaning === 'canonicalize') return {}
  const frame = frameOf(postProcessor)
  return JSON.stringify(frame) === JSON.stringify({ before: [bosId], after: [eosId] }) ? {} : { frame }
}

function clipTokenizer(
  { json, added, specials, ids }: Description,
  cleaning: TextCleaning,
  fixed: FixedIds,
): BuiltTokenizer {
  const rankOf = ranksOfMerges(mergeLines(json.model.merges, 'model.merges'))
  return clipEncoder({ ids, added, specials, rankOf, cleaning, fixed })
}

function fromTokens(
  { tokens, merges, specials = {} }: TokenListSource,
  cleaning: TextCleaning,
  fixed: FixedIds,
): BuiltTokenizer {
  const ids = idsOfTokens(tokens)
  const idOf = (token: string): number | undefined => ids.get(token)
  const { bosId, eosId } = specialIds(idOf, specials, fixed)
  const special = new Set([bosId, eosId])
  const rankOf = merges === undefined
    ? impliedMerges(tokens, idOf, id => special.has(id)).rankOf
    : ranksOfMerges(mergeLines(merges))
  const names = new Set([...Object.values(specials) as (string | undefined)[],
    ...[bosId, eosId].map(id => (id === undefined ? undefined : tokens[id]))])
  const added = [...names].flatMap((content): AddedToken[] => {
    const id = content ? ids.get(content) : undefined
    return id === undefined
      ? []
      : [{ id, content: content!, special: true, normalized: false, singleWord: false, lstrip: false, rstrip: false }]
  })
  return clipEncoder({ ids, added, specials, rankOf, cleaning, fixed, tokenCount: tokens.length })
}

interface ClipParts {
  ids: ReadonlyMap<string, number>
  added: readonly AddedToken[]
  specials: SpecialTokens
  rankOf: RankOf
  cleaning: TextCleaning
  fixed: FixedIds
  tokenCount?: number
}

function clipEncoder({ ids, added, specials, rankOf, cleaning, fixed, ...known }: ClipParts): BuiltTokenizer {
  const extra = new Map(added.map(({ content, id }) => [content, id]))
  const idOf = (token: string): number | undefined => ids.get(token) ?? extra.get(token)
  const found = specialIds(idOf, specials, fixed)
  let tokenCount = known.tokenCount ?? 0
  for (const id of [...ids.values(), ...extra.values()]) tokenCount = Math.max(tokenCount, id + 1)
  let byId: (string | undefined)[] | undefined
  const tokens = (): (string | undefined)[] => (byId ??= tokensById(ids, added, tokenCount))
  const vocabulary: ClipVocabulary = {
    tokenCount,
    idOf,
    tokens,
    rankOf,
    unknownId: specials.unk === undefined ? found.eosId : idOf(specials.unk) ?? found.eosId,
    bosId: found.bosId,
    eosId: found.eosId,
    added: new AddedTokens(added, cleaning === 'none' ? text => text : lowerLikeTransformers),
  }
  if (vocabulary.unknownId === undefined) checkBytes(idOf)
  return { encoder: new ClipBpeEncoder(vocabulary, cleaning), ...found }
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

function tokensById(
  ids: ReadonlyMap<string, number>,
  added: readonly AddedToken[],
  count: number,
): (string | undefined)[] {
  const tokens = new Array<string | undefined>(count).fill(undefined)
  for (const [token, id] of ids) tokens[id] = token
  for (const { content, id } of added) tokens[id] = content
  return tokens
}

function idsOfTokens(tokens: unknown): Map<string, number> {
  if (!Array.isArray(tokens) || tokens.length === 0) throw invalidPart('tokens', 'a list of strings', tokens)
  const ids = new Map<string, number>()
  tokens.forEach((token: unknown, id) => {
    if (typeof token !== 'string') throw invalidPart(`tokens[${id}]`, 'a string', token)
    if (!ids.has(token)) ids.set(token, id)
  })
  return ids
}

function checkBytes(idOf: (token: string) => number | undefined): void {
  const missing = byteChars.find(char => idOf(char) === undefined || idOf(char + wordEnd) === undefined)
  if (missing !== undefined) {
    throw new ClipError(
      'ERR_CLIP_TOKENIZER_INVALID',
      `the vocabulary lacks the byte token ${JSON.stringify(missing)}` +
        ' and has no unknown token',
    )
  }
}
