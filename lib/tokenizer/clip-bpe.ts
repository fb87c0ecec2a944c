import { fromByteChars, toByteChars } from './bytes.js'
import { mergePieces, wordEnd, type RankOf } from './bpe.js'
import { type Cleaner, cleanerFor, splitForCleaning } from './clean.js'
import { encodePrefix } from './prefix.js'
import type { TextCleaning, TextEncoder } from './types.js'

/** What CLIP's encoder needs of a vocabulary. */
export interface ClipVocabulary {
  tokenCount: number
  idOf(token: string): number | undefined
  /** Tokens by id; may have holes. Made when something is first decoded. */
  tokens(): readonly (string | undefined)[]
  rankOf: RankOf
  /** Id of a byte that the vocabulary lacks; undefined when it lacks none. */
  unknownId?: number
  bos: string
  eos: string
  /** Tokens that are taken literally from the text before it is cleaned; `normalized`: after it is cleaned. */
  literals: readonly { content: string; id: number; normalized: boolean }[]
}

// parts of a text that are cleaned and tokenised at once; longer words are encoded from their start
const partSize = 4096
const longWord = 2048
const maxCachedWord = 64
const maxCachedWords = 16_384

// openai/CLIP's pattern on lower-case text. open_clip's ignores case: long s folds to s, and U+0345, which folds to a
// letter, is neither letter nor sign
const transformersPattern = "'s|'t|'re|'ve|'m|'ll|'d|\\p{L}+|\\p{N}|[^\\p{White_Space}\\p{L}\\p{N}]+"
const openClipPattern = "<[sſ]tart_of_text>|<end_of_text>|'[sſ]|'t|'re|'ve|'m|'ll|'d|\\p{L}+|\\p{N}|" +
  '[^\\p{White_Space}\\p{L}\\p{N}\\u0345]+'

/** CLIP's byte-level BPE: words by a pattern, bytes as printable characters, `</w>` on the last piece of a word. */
export class ClipBpeEncoder implements TextEncoder {
  readonly #vocabulary: ClipVocabulary
  readonly #cleaning: TextCleaning
  readonly #words: RegExp
  readonly #rawLiterals: LiteralSplitter
  readonly #cleanLiterals: LiteralSplitter
  readonly #specialWords: ReadonlyMap<string, number>
  readonly #cache = new Map<string, readonly number[]>()
  #longestToken: number | undefined

  constructor(vocabulary: ClipVocabulary, cleaning: TextCleaning) {
    this.#vocabulary = vocabulary
    this.#cleaning = cleaning
    // open_clip's tokenizer knows these two spellings in a text and no others; transformers' knows the added tokens
    const openClip = cleaning === 'open_clip' || cleaning === 'canonicalize'
    const specials = [vocabulary.bos, vocabulary.eos].filter((token) => token !== '').map(escape)
    this.#words = new RegExp(openClip ? openClipPattern : [...specials, transformersPattern].join('|'), 'gu')
    const literals = openClip ? [] : vocabulary.literals
    this.#rawLiterals = new LiteralSplitter(literals.filter((token) => !token.normalized))
    this.#cleanLiterals = new LiteralSplitter(literals.filter((token) => token.normalized))
    this.#specialWords = openClip ? this.#openClipSpecials() : new Map()
  }

  get tokenCount(): number {
    return this.#vocabulary.tokenCount
  }

  idOf(token: string): number | undefined {
    return this.#vocabulary.idOf(token)
  }

  encode(text: string, limit: number): number[] {
    const ids: number[] = []
    const clean = this.#cleaner()
    const size = this.#rawLiterals.crossesSpaces ? text.length : partSize
    for (const part of splitForCleaning(text, this.#cleaning, size)) {
      for (const raw of this.#rawLiterals.split(part)) {
        if (typeof raw === 'number') {
          ids.push(raw)
          continue
        }
        for (const section of this.#cleanLiterals.split(clean(raw))) {
          if (typeof section === 'number') ids.push(section)
          else this.#encodeWords(section, limit, ids)
        }
      }
      if (ids.length >= limit) break
    }
    return ids
  }

  #cleaner(): Cleaner {
    const clean = cleanerFor(this.#cleaning)
    // open_clip's HFTokenizer around transformers' CLIPTokenizer: its own cleaning, then the tokenizer's
    if (!this.#cleaning.startsWith('repair')) return clean
    const lower = cleanerFor('whitespace_lower')
    return (part) => lower(clean(part))
  }

  decode(ids: readonly number[]): string {
    const tokens = this.#vocabulary.tokens()
    const specials = new Set([this.#vocabulary.bos, this.#vocabulary.eos])
    const words = ids.map((id) => tokens[id] ?? '').filter((token) => !specials.has(token)).join('')
    return words.split(wordEnd).map(fromByteChars).join(' ').trimEnd()
  }

  #encodeWords(text: string, limit: number, ids: number[]): void {
    for (const [word] of text.matchAll(this.#words)) {
      const special = this.#specialWords.get(word)
      if (special !== undefined) ids.push(special)
      else for (const id of this.#encodeWord(word, limit)) ids.push(id)
      if (ids.length >= limit) break
    }
  }

  #encodeWord(word: string, limit: number): readonly number[] {
    const cached = this.#cache.get(word)
    if (cached !== undefined) return cached
    let ids: number[]
    if (this.#isSpelledSpecial(word)) {
      // ByteLevel splits again, without knowing special tokens: '<|', 'startoftext', '|>'
      ids = word.match(/\p{L}+|\p{N}|[^\p{L}\p{N}]+/gu)!.flatMap((piece) => this.#merge(toByteChars(piece)))
    } else if (word.length <= longWord) {
      ids = this.#merge(toByteChars(word))
    } else {
      return this.#encodeLongWord(word, limit)
    }
    if (word.length <= maxCachedWord) {
      if (this.#cache.size >= maxCachedWords) this.#cache.clear()
      this.#cache.set(word, ids)
    }
    return ids
  }

  #encodeLongWord(word: string, limit: number): number[] {
    // as many bytes as characters at least, so cutting by characters leaves enough of them
    let chars: string[] = []
    const cut = (end: number): number[] => {
      if (chars.length < end) chars = toByteChars(word.slice(0, end + 1)) // +1: not half of a surrogate pair
      return this.#idsOfPieces(chars.slice(0, end))
    }
    return encodePrefix(word.length, this.#longest(), limit, cut, () => this.#merge(toByteChars(word)))
  }

  /** Ids of a whole word. */
  #merge(chars: string[]): number[] {
    chars[chars.length - 1] += wordEnd
    return this.#idsOfPieces(chars)
  }

  #idsOfPieces(chars: readonly string[]): number[] {
    const { rankOf, idOf, unknownId } = this.#vocabulary
    const ids: number[] = []
    for (const piece of mergePieces(chars, rankOf)) {
      const id = idOf(piece) ?? unknownId
      if (id !== undefined) ids.push(id)
    }
    return ids
  }

  #isSpelledSpecial(word: string): boolean {
    return word === this.#vocabulary.bos || word === this.#vocabulary.eos
  }

  #openClipSpecials(): Map<string, number> {
    const { idOf, bos, eos } = this.#vocabulary
    const found = new Map<string, number>()
    const start = idOf(bos)
    const end = idOf(eos)
    if (start !== undefined) found.set('<start_of_text>', start)
    if (end !== undefined) found.set('<end_of_text>', end)
    return found
  }

  #longest(): number {
    const longest = (): number =>
      this.#vocabulary.tokens().reduce((most, token) => Math.max(most, token?.length ?? 0), 1)
    return (this.#longestToken ??= longest())
  }
}

/** Finds tokens that stand literally in a text: the leftmost, of those the longest. */
class LiteralSplitter {
  readonly crossesSpaces: boolean
  readonly #ids: ReadonlyMap<string, number>
  readonly #pattern: RegExp | undefined

  constructor(literals: readonly { content: string; id: number }[]) {
    this.#ids = new Map(literals.map(({ content, id }) => [content, id]))
    this.crossesSpaces = literals.some(({ content }) => /\p{White_Space}/u.test(content))
    const contents = [...this.#ids.keys()].sort((a, b) => b.length - a.length)
    if (contents.length > 0) this.#pattern = new RegExp(`(${contents.map(escape).join('|')})`, 'u')
  }

  /** Text between the tokens as strings, tokens as their ids. */
  split(text: string): (string | number)[] {
    if (this.#pattern === undefined) return [text]
    return text.split(this.#pattern).map((part, index) => (index % 2 === 1 ? this.#ids.get(part)! : part))
  }
}

function escape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}
