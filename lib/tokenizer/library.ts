import { createRequire } from 'node:module'
import { readCharsmap } from './charsmap.js'
import { cleanText, lowerEach, repairText } from './clean.js'
import { encodePrefix } from './prefix.js'
import type { TextCleaning, TextEncoder } from './types.js'

// texts longer than this many characters for each wanted id are encoded from their start
const longTextFactor = 64
// the library takes all of a text at once and fails on hundreds of thousands of tokens: of a longer text that gives
// fewer tokens than wanted (a run of unknown characters is one), this much is encoded
const maxCharacters = 8192

interface LibraryNormalizer {
  normalize(text: string): string
  /** Of a Sequence. */
  normalizers?: (LibraryNormalizer | null)[]
  /** Of a Precompiled. */
  charsmap?: string | null
}

/** The parts of @huggingface/tokenizers' Tokenizer that are used here, as of the pinned 0.2.0. */
interface LibraryTokenizer {
  normalizer: LibraryNormalizer | null
  pre_tokenizer: { pre_tokenize(text: string, options: { section_index: number }): string[] } | null
  model: {
    vocab: (string | undefined)[]
    tokens_to_ids: Map<string, number>
    unk_token_id?: number
    max_input_chars_per_word?: number
    _call(words: string[]): string[]
  }
  special_tokens: string[]
  added_tokens: { content: string }[]
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] }
  decode(ids: number[], options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean }): string
}

type TokenizerClass = new (json: object, config: object) => LibraryTokenizer

/** Loaded when a file first needs it; not by `import`, as its types say that it has no CommonJS build. It has. */
function loadLibrary(): TokenizerClass {
  const library = createRequire(__filename)('@huggingface/tokenizers') as { Tokenizer: TokenizerClass }
  return library.Tokenizer
}

/** Any tokenizer.json that is no CLIP BPE (Unigram, WordPiece, other BPE), done by @huggingface/tokenizers. */
export class LibraryEncoder implements TextEncoder {
  readonly #library: LibraryTokenizer
  readonly #clean: (text: string) => string
  readonly tokenCount: number
  #longestToken: number | undefined

  /** Throws what the library throws when `json` is none that it knows. */
  constructor(json: object, cleaning: TextCleaning) {
    this.#library = new (loadLibrary())(json, {})
    useCharsmap(this.#library.normalizer)
    this.#clean = this.#cleanerFor(cleaning)
    this.tokenCount = this.#library.model.vocab.length
  }

  idOf(token: string): number | undefined {
    return this.#library.model.tokens_to_ids.get(token)
  }

  encode(text: string, limit: number): number[] {
    const cleaned = this.#clean(text)
    const encodeAll = (): number[] => this.#library.encode(cleaned, { add_special_tokens: false }).ids
    const added = this.#library.added_tokens
    if (cleaned.length <= longTextFactor * limit || added.some(({ content }) => cleaned.includes(content))) {
      return encodeAll()
    }
    const { normalizer } = this.#library
    const normalized = normalizer === null ? cleaned : normalizer.normalize(cleaned)
    const encodeCut = (end: number): number[] => this.#encodeNormalized(normalized.slice(0, end))
    const length = Math.min(normalized.length, maxCharacters)
    return encodePrefix(length, this.#window(), limit, encodeCut, () => encodeCut(length))
  }

  decode(ids: readonly number[]): string {
    if (ids.length === 0) return ''
    return this.#library.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false }).trim()
  }

  #encodeNormalized(text: string): number[] {
    const { pre_tokenizer: splitter, model } = this.#library
    const words = splitter === null ? [text] : splitter.pre_tokenize(text, { section_index: 0 })
    return model._call(words).map((token) => model.tokens_to_ids.get(token) ?? model.unk_token_id ?? 0)
  }

  /** Longest token in characters; for WordPiece longest word, which may become the unknown token as one. */
  #window(): number {
    const { vocab, max_input_chars_per_word: longestWord = 0 } = this.#library.model
    return (this.#longestToken ??= vocab.reduce((most, token) => Math.max(most, token?.length ?? 0), longestWord + 2))
  }

  #cleanerFor(cleaning: TextCleaning): (text: string) => string {
    if (cleaning === 'open_clip' || cleaning === 'repair') return repairText
    if (cleaning === 'repair_lower' || cleaning === 'repair_canonicalize') return (text) => cleanText(text, cleaning)
    if (cleaning === 'lower') return lowerEach
    if (cleaning === 'canonicalize' && !this.#canonicalizes()) return (text) => cleanText(text, 'canonicalize')
    return (text) => text
  }

  /** Whether the file's own normaliser removes case and punctuation, as that of Hugging Face's SigLIP files. */
  #canonicalizes(): boolean {
    const probe = this.#library.normalizer?.normalize('Aa,;_!B') ?? ''
    return /^\u2581?aab$/.test(probe)
  }
}

/** The library does not read a precompiled charsmap, it approximates one by NFKC and a list of characters. */
function useCharsmap(normalizer: LibraryNormalizer | null): void {
  if (normalizer === null) return
  normalizer.normalizers?.forEach(useCharsmap)
  if (normalizer.charsmap) normalizer.normalize = readCharsmap(normalizer.charsmap)
}
