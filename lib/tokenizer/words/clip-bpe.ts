import type { AddedTokens } from '../stages/added-tokens.js'
import { fromByteChars, toByteChars } from './bytes.js'
import { mergePieces, type RankOf, WordCache, wordEnd } from './bpe.js'
import { cleanerFor, splitForCleaning } from '../text/clean.js'
import { encodePrefix } from '../stages/prefix.js'
import type { TextCleaning, TextEncoder } from '../types.js'
import { classOf, space } from '../text/unicode.js'

/** The parts of a vocabulary that CLIP's encoder needs. */
export interface ClipVocabulary {
  tokenCount: number
  idOf(token: string): number | undefined
  /** Tokens by id; may have holes. Created at the first decoding. */
  tokens(): readonly (string | undefined)[]
  rankOf: RankOf
  /** Replaces bytes that the vocabulary lacks; undefined if it lacks none. */
  unknownId?: number
  bosId?: number
  eosId?: number
  added: AddedTokens
}

// parts of a text that are cleaned and tokenised at once; longer words are encoded from their start
const partSize = 4096
const longWord = 2048
// longest word that a pattern matches: V8's regular expressions overflow their stack on millions of characters. The ids
// of the beginning of so long a word fill any context, so the rest does not matter
const longestRun = 2 ** 16

// openai/CLIP's pattern on lower-case text. open_clip's ignores case: long s folds to s, and U+0345, which folds to a
// letter, is neither letter nor sign
const transformersPattern = '<\\|startoftext\\|>|<\\|endoftext\\|>|' +
  `'s|'t|'re|'ve|'m|'ll|'d|[${classOf('letters')}]{1,${longestRun}}|[${classOf('numbers')}]|[^${space}${
    classOf('letters')
  }${classOf('numbers')}]{1,${longestRun}}`
const openClipPattern = "<[sſ]tart_of_text>|<end_of_text>|'[sſ]|'t|'re|'ve|'m|'ll|'d|" +
  `\\p{L}{1,${longestRun}}|\\p{N}|[^\\p{White_Space}\\p{L}\\p{N}\\u0345]{1,${longestRun}}`

/** CLIP's byte-level BPE: words by a pattern, bytes as printable characters, `</w>` on the last piece of a word. */
export class ClipBpeEncoder implements TextEncoder {
  readonly #vocabulary: ClipVocabulary
  readonly #cleaning: TextCleaning
  readonly #openClip: boolean
  readonly #words: RegExp
  readonly #specialWords: ReadonlyMap<string, number>
  readonly #cache = new WordCache()
  #longestToken: number | undefined

  constructor(vocabulary: ClipVocabulary, cleaning: TextCleaning) {
    this.#vocabulary = vocabulary
    this.#cleaning = cleaning
    // open_clip's tokenizer recognises only these two spellings in a text; transformers' recognises the added tokens
    this.#openClip = cleaning === 'open_clip' || cleaning === 'canonicalize'
    this.#words = new RegExp(this.#openClip ? openClipPattern : transformersPattern, 'gu')
    this.#specialWords = this.#openClip ? this.#openClipSpecials() : new Map()
  }

  get tokenCount(): number {
    return this.#vocabulary.tokenCount
  }

  idOf(token: string): number | undefined {
    return this.#vocabulary.idOf(token)
  }

  encode(text: string, limit: number): number[] {
    const ids: number[] = []
    const clean = cleanerFor(this.#cleaning)
    const { added } = this.#vocabulary
    // open_clip's HFTokenizer cleans a text before transformers' tokenizer sees it
    const before = this.#cleaning.startsWith('repair') ? clean : undefined
    const size = !this.#openClip && added.crossesSpaces ? text.length : partSize
    for (const part of splitForCleaning(text, this.#cleaning, size)) {
      if (this.#openClip) this.#encodeWords(clean(part), limit, ids)
      else this.#encodeSections(before ? added.split(before(part)) : added.split(part, clean), limit, ids)
      if (ids.length >= limit) break
    }
    return ids
  }

  #encodeSections(sections: Iterable<number | string>, limit: number, ids: number[]): void {
    for (const section of sections) {
      if (typeof section === 'number') ids.push(section)
      else this.#encodeWords(section, limit, ids)
      if (ids.length >= limit) break
    }
  }

  decode(ids: readonly number[]): string {
    const { bosId, eosId } = this.#vocabulary
    const tokens = this.#vocabulary.tokens()
    const words = ids.filter(id => id !== bosId && id !== eosId).map(id => tokens[id] ?? '').join('')
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
      // ByteLevel splits again, ignoring special tokens: '<|', 'startoftext', '|>'
      ids = word.match(/\p{L}+|\p{N}|[^\p{L}\p{N}]+/gu)!.flatMap(piece => this.#merge(toByteChars(piece)))
    } else if (word.length <= longWord) {
      ids = this.#merge(toByteChars(word))
    } else {
      return this.#encodeLongWord(word, limit)
    }
    this.#cache.set(word, ids)
    return ids
  }

  #encodeLongWord(word: string, limit: number): number[] {
    // there are at least as many bytes as characters, so cutting by characters leaves enough of them
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
    return !this.#openClip && (word === '<|startoftext|>' || word === '<|endoftext|>')
  }

  #openClipSpecials(): Map<string, number> {
    const { bosId, eosId } = this.#vocabulary
    const found = new Map<string, number>()
    if (bosId !== undefined) found.set('<start_of_text>', bosId)
    if (eosId !== undefined) found.set('<end_of_text>', eosId)
    return found
  }

  #longest(): number {
    const longest = (): number =>
      this.#vocabulary.tokens().reduce((most, token) => Math.max(most, token?.length ?? 0), 1)
    return (this.#longestToken ??= longest())
  }
}
