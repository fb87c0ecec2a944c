/** The `model` of a tokenizer.json: words to ids, as the tokenizers library 0.23 does. */
import { mergePieces, ranksOfMerges, WordCache } from './bpe.js'
import { checkedId, invalidPart, isRecord, maxId } from '../files/parts.js'
import { encodePrefix } from '../stages/prefix.js'
import { type Score, Unigram } from './unigram.js'

export interface WordModel {
  /** All ids of `word`, or at least the first `limit` of them. */
  encode(word: string, limit: number): readonly number[]
  /** Its tokens with their ids. */
  readonly ids: ReadonlyMap<string, number>
}

// words longer than this are encoded from their start
const longWord = 2048

export function makeWordModel(model: Record<string, unknown>): WordModel {
  const type = model.type ?? guessType(model)
  switch (type) {
    case 'BPE':
      return bpe(model)
    case 'Unigram':
      return unigram(model)
    case 'WordPiece':
      return wordPiece(model)
    case 'WordLevel':
      return wordLevel(model)
    default:
      throw invalidPart('model.type', 'one of BPE, Unigram, WordPiece, WordLevel', type)
  }
}

/** Old files have no type. */
function guessType(model: Record<string, unknown>): string {
  if (Array.isArray(model.vocab)) return 'Unigram'
  if (model.merges !== undefined) return 'BPE'
  return model.continuing_subword_prefix !== undefined ? 'WordPiece' : 'WordLevel'
}

/** Ids by token, checked. */
export function vocabularyOf(vocab: unknown, at = 'model.vocab'): Map<string, number> {
  if (!isRecord(vocab)) throw invalidPart(at, 'an object', vocab)
  const ids = new Map(Object.entries(vocab)) as Map<string, number>
  for (const [token, id] of ids) checkedId(id, `${at}: ${JSON.stringify(token)}`)
  if (ids.size === 0) throw invalidPart(at, 'tokens with their ids', vocab)
  return ids
}

/** Lines 'left right'; a merges.txt may start with a '#version' line, a tokenizer.json may hold pairs. */
export function mergeLines(merges: unknown, at = 'merges'): string[] {
  const list: unknown = typeof merges === 'string' ? merges.split(/\r?\n/) : merges
  if (!Array.isArray(list)) throw invalidPart(at, 'a list of pairs', merges)
  const lines: string[] = []
  list.forEach((entry: unknown, index) => {
    const line = Array.isArray(entry) && entry.length === 2 ? entry.join(' ') : entry
    if (typeof line === 'string' && (line === '' || (index === 0 && line.startsWith('#version')))) return
    const space = typeof line === 'string' ? line.indexOf(' ') : -1
    if (typeof line !== 'string' || space <= 0 || space === line.length - 1 || line.includes(' ', space + 1)) {
      throw invalidPart(`${at}[${index}]`, "two pieces, 'left right'", entry)
    }
    lines.push(line)
  })
  return lines
}

function idOfUnknown(model: Record<string, unknown>, ids: ReadonlyMap<string, number>): number | undefined {
  const { unk_token: token } = model
  if (token === undefined || token === null) return undefined
  if (typeof token !== 'string') throw invalidPart('model.unk_token', 'a string', token)
  return ids.get(token)
}

function affix(model: Record<string, unknown>, name: string): string {
  const value = model[name] ?? ''
  if (typeof value !== 'string') throw invalidPart(`model.${name}`, 'a string', value)
  return value
}

// placeholder of an unknown piece: never merged into a token
const unknown = '\ud800'

function bpe(model: Record<string, unknown>): WordModel {
  const ids = vocabularyOf(model.vocab)
  const prefix = affix(model, 'continuing_subword_prefix')
  const suffix = affix(model, 'end_of_word_suffix')
  const { fuse_unk: fuses, byte_fallback: fallsBack, ignore_merges: ignoresMerges } = model
  if (model.dropout) throw invalidPart('model.dropout', 'none, since ids would be random', model.dropout)
  const unk = idOfUnknown(model, ids)
  // when continued pieces are merged, the token drops the right one's prefix, which the pieces here do not have
  if (prefix !== '') throw invalidPart('model.continuing_subword_prefix', 'none in a BPE', prefix)
  const rankOf = ranksOfMerges(mergeLines(model.merges ?? [], 'model.merges'))
  const cache = new WordCache()

  const piecesOf = (chars: readonly string[], ends: boolean): string[] => {
    const pieces: string[] = []
    chars.forEach((char, index) => {
      const piece = char + (ends && index === chars.length - 1 ? suffix : '')
      if (ids.has(piece)) return void pieces.push(piece)
      const bytes = fallsBack === true ? bytesOf(piece) : []
      if (bytes.length > 0 && bytes.every(byte => ids.has(byte))) return void pieces.push(...bytes)
      if (unk !== undefined && !(fuses === true && pieces.at(-1) === unknown)) pieces.push(unknown)
    })
    return pieces
  }
  const idsOf = (chars: readonly string[], ends: boolean): number[] =>
    mergePieces(piecesOf(chars, ends), rankOf).map(piece => ids.get(piece) ?? unk!)

  const encode = (word: string, limit: number): readonly number[] => {
    const whole = ignoresMerges === true ? ids.get(word) : undefined
    if (whole !== undefined) return [whole]
    if (word.length > longWord) {
      const chars = [...word]
      return encodePrefix(
        chars.length,
        longest(ids),
        limit,
        end => idsOf(chars.slice(0, end), false),
        () => idsOf(chars, true),
      )
    }
    let found = cache.get(word)
    if (found === undefined) {
      found = idsOf([...word], true)
      cache.set(word, found)
    }
    return found
  }
  return { ids, encode }
}

function bytesOf(piece: string): string[] {
  return [...Buffer.from(piece, 'utf8')].map(byte => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)
}

const longestOf = new WeakMap<ReadonlyMap<string, number>, number>()

function longest(ids: ReadonlyMap<string, number>): number {
  let found = longestOf.get(ids)
  if (found === undefined) {
    found = 1
    for (const token of ids.keys()) found = Math.max(found, token.length)
    longestOf.set(ids, found)
  }
  return found
}

function unigram(model: Record<string, unknown>): WordModel {
  const { vocab, unk_id: unk, byte_fallback: fallsBack } = model
  if (!Array.isArray(vocab) || vocab.length === 0 || vocab.length > maxId)
    throw invalidPart('model.vocab', 'a list of tokens with their scores', vocab)
  const ids = new Map<string, number>()
  const scores = vocab.map((entry: unknown, id): Score => {
    const [token, score] = Array.isArray(entry) ? entry as unknown[] : []
    if (typeof token !== 'string' || typeof score !== 'number')
      throw invalidPart(`model.vocab[${id}]`, 'a token and its score', entry)
    ids.set(token, id)
    return [token, score]
  })
  if (
    unk !== undefined && unk !== null &&
    !(Number.isInteger(unk) && (unk as number) >= 0 && (unk as number) < vocab.length)
  ) {
    throw invalidPart('model.unk_id', `an id from 0 to ${vocab.length - 1}`, unk)
  }
  const unkId = typeof unk === 'number' ? unk : undefined
  const search = new Unigram(scores, unkId)
  const idsOf = (word: string): number[] =>
    search.pieces(word).flatMap(piece => {
      const id = ids.get(piece)
      const bytes = id === undefined && fallsBack === true ? bytesOf(piece).map(byte => ids.get(byte)) : []
      if (bytes.length > 0 && bytes.every(byte => byte !== undefined)) return bytes
      return [id ?? unkId!]
    })
  const encode = (word: string, limit: number): number[] => {
    if (word.length <= longWord) return idsOf(word)
    return encodePrefix(word.length, search.longest, limit, end => idsOf(word.slice(0, end)), () => idsOf(word))
  }
  return { ids, encode }
}

function wordPiece(model: Record<string, unknown>): WordModel {
  const ids = vocabularyOf(model.vocab)
  const prefix = model.continuing_subword_prefix === undefined ? '##' : affix(model, 'continuing_subword_prefix')
  const { max_input_chars_per_word: most = 100 } = model
  if (typeof most !== 'number') throw invalidPart('model.max_input_chars_per_word', 'a number', most)
  const unk = idOfUnknown({ unk_token: '[UNK]', ...model }, ids)
  const encode = (word: string): number[] => {
    const chars = [...word]
    const found: number[] = []
    const failed = (): number[] => {
      if (unk === undefined) throw new Error('the vocabulary has no unknown token')
      return [unk]
    }
    if (chars.length > most) return failed()
    for (let start = 0; start < chars.length;) {
      let end = chars.length
      let id: number | undefined
      for (; end > start; end--) {
        id = ids.get((start > 0 ? prefix : '') + chars.slice(start, end).join(''))
        if (id !== undefined) break
      }
      if (id === undefined) return failed()
      found.push(id)
      start = end
    }
    return found
  }
  return { ids, encode }
}

function wordLevel(model: Record<string, unknown>): WordModel {
  const ids = vocabularyOf(model.vocab)
  const unk = idOfUnknown(model, ids)
  const encode = (word: string): number[] => {
    const id = ids.get(word) ?? unk
    if (id === undefined) throw new Error('the vocabulary has no unknown token')
    return [id]
  }
  return { ids, encode }
}
