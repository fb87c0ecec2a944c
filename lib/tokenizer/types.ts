/** Every {@link TextCleaning}. */
export const textCleanings = [
  'whitespace_lower',
  'open_clip',
  'canonicalize',
  'none',
  'repair',
  'repair_lower',
  'lower',
  'repair_canonicalize',
] as const

/**
 * What is done to a text before it is split into tokens.
 *
 * - `whitespace_lower`: Hugging Face's CLIPTokenizer: NFC, runs of whitespace become one space, lower case.
 * - `open_clip`: open_clip's `clean='lower'`: ftfy's repairs, HTML entities twice, whitespace, lower case.
 * - `canonicalize`: open_clip's `clean='canonicalize'` (SigLIP, CLIPA): as above and punctuation removed.
 * - `none`: the text as it is.
 * - `repair`, `repair_lower`, `repair_canonicalize`: open_clip's `clean='whitespace'`, `'lower'` and `'canonicalize'` before
 *   a tokenizer of another family, whatever that one does by itself: as `open_clip`, case kept or not, or `canonicalize`.
 * - `lower`: lower case only (SigLIP2).
 *
 * A tokenizer.json of another family than CLIP (SentencePiece, WordPiece, ...) has a normaliser of its own, which
 * always runs, after this: see docs/tokenizer.md.
 */
export type TextCleaning = (typeof textCleanings)[number]

/** The strings of the special tokens, as tokenizer_config.json and special_tokens_map.json name them. */
export interface SpecialTokens {
  bos?: string
  eos?: string
  pad?: string
  unk?: string
}

/** A token that is found in a text as it stands, and what it asks of its surroundings (names as in a tokenizer.json). */
export interface AddedToken {
  id: number
  content: string
  special: boolean
  /** Found in the normalised text rather than in the text itself, and normalised like it. */
  normalized: boolean
  /** Not within a word. */
  singleWord: boolean
  /** Takes the whitespace before it along. */
  lstrip: boolean
  /** Takes the whitespace after it along. */
  rstrip: boolean
}

/** What the files beside a vocabulary hold, parsed. */
export interface BesideFiles {
  /** tokenizer_config.json */
  config?: Readonly<Record<string, unknown>>
  /** special_tokens_map.json */
  map?: Readonly<Record<string, unknown>>
  /** added_tokens.json: ids by token. */
  added?: Readonly<Record<string, unknown>>
}

/** The text of a tokenizer.json. */
export interface TokenizerJsonSource {
  json: string
  specials?: SpecialTokens
  beside?: BesideFiles
  /** Where the filling of a row goes; default: as the file's `padding` says, else as `leftByDefault`, else right. */
  paddingSide?: 'left' | 'right'
  leftByDefault?: boolean
}

/** vocab.json (parsed or as text) with merges.txt (lines 'a b', best first, or as text). */
export interface VocabularySource {
  vocab: Readonly<Record<string, number>> | string
  merges: readonly string[] | string
  specials?: SpecialTokens
  beside?: BesideFiles
}

/** A token list in id order, as in a GGUF file; merges that are absent are recovered from the order of the ids. */
export interface TokenListSource {
  tokens: readonly string[]
  merges?: readonly string[]
  specials?: SpecialTokens
}

export type TokenizerSource = TokenizerJsonSource | VocabularySource | TokenListSource

/** How texts become rows of ids. */
export interface TokenizerSettings {
  /** Ids in a row, start and end included: 77 for CLIP, 64 for SigLIP. */
  contextLength: number
  /** Id of the start token. Default: the source's `specials.bos`, else the usual names. */
  bosId?: number
  /** Id of the end token. Default: the source's `specials.eos`, else the usual names. */
  eosId?: number
  /** Id that fills a row. Default: the source's `specials.pad`, else the end token. open_clip fills with 0. */
  padId?: number
  /** Default: 'whitespace_lower'. */
  cleaning?: TextCleaning
  /**
   * Whether a row starts with the start token. Default: true. SigLIP: false. Here as below: a tokenizer.json of another
   * family than CLIP's whose post-processor frames a text decides by itself.
   */
  addBos?: boolean
  /** Whether a row ends with the end token, which truncation then keeps. Default: true. */
  addEos?: boolean
  /** What messages about the source call it. */
  file?: string
}

/** Turns text into ids without start, end, truncation and padding: one per family. */
export interface TextEncoder {
  /** Ids that the vocabulary knows: one more than the highest. */
  readonly tokenCount: number
  /** All ids of `text`, or at least the first `limit` of them. */
  encode(text: string, limit: number): number[]
  /** The text of `ids`, special tokens left out. */
  decode(ids: readonly number[]): string
  idOf(token: string): number | undefined
}
