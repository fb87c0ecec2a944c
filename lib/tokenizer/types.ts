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
 * How a text is cleaned before it is split into tokens.
 *
 * - `whitespace_lower`: Hugging Face's CLIPTokenizer: NFC, runs of whitespace become one space, lower case.
 * - `open_clip`: open_clip's `clean='lower'`: ftfy's repairs, HTML entities twice, whitespace, lower case.
 * - `canonicalize`: open_clip's `clean='canonicalize'` (SigLIP, CLIPA): as above and punctuation removed.
 * - `none`: the text as it is.
 * - `repair`, `repair_lower`, `repair_canonicalize`: open_clip's `clean='whitespace'`, `'lower'` and `'canonicalize'`
 *   before a tokenizer of another family, whatever that one does itself: like `open_clip`, case kept or not, or like
 *   `canonicalize`.
 * - `lower`: lower case only (SigLIP2).
 *
 * A tokenizer.json of a family other than CLIP (SentencePiece, WordPiece, ...) has a normaliser of its own, which
 * always runs after this: see docs/tokenizer.md.
 */
export type TextCleaning = (typeof textCleanings)[number]

/** The special tokens as tokenizer_config.json and special_tokens_map.json give them. */
export interface SpecialTokens {
  bos?: string
  eos?: string
  pad?: string
  unk?: string
}

/** A token that is matched literally in a text, with conditions on its surroundings (names as in a tokenizer.json). */
export interface AddedToken {
  id: number
  content: string
  special: boolean
  /** Matched in the normalised text instead of the text itself, and normalised like it. */
  normalized: boolean
  /** Not within a word. */
  singleWord: boolean
  /** Includes the white space before it. */
  lstrip: boolean
  /** Includes the white space after it. */
  rstrip: boolean
}

/** The parsed files beside a vocabulary. */
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
  /** The side of padding; default: as the file's `padding` says, else `leftByDefault`, else right. */
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

/** A token list in id order, as in a GGUF file; missing merges are recovered from the order of the ids. */
export interface TokenListSource {
  tokens: readonly string[]
  merges?: readonly string[]
  specials?: SpecialTokens
}

export type TokenizerSource = TokenizerJsonSource | VocabularySource | TokenListSource

/** How texts become rows of ids. */
export interface TokenizerSettings {
  /** Ids per row, start and end included: 77 for CLIP, 64 for SigLIP. */
  contextLength: number
  /** Id of the start token. Default: the source's `specials.bos`, else the usual names. */
  bosId?: number
  /** Id of the end token. Default: the source's `specials.eos`, else the usual names. */
  eosId?: number
  /** Id for padding. Default: the source's `specials.pad`, else the end token. open_clip pads with 0. */
  padId?: number
  /** Default: 'whitespace_lower'. */
  cleaning?: TextCleaning
  /**
   * Whether a row starts with the start token. Default: true. SigLIP: false. Ignored (like `addEos`) if a
   * tokenizer.json of a family other than CLIP frames texts in its post-processor.
   */
  addBos?: boolean
  /** Whether a row ends with the end token, which truncation then keeps. Default: true. */
  addEos?: boolean
  /** The source's name in messages. */
  file?: string
}

/** Turns text into ids without start, end, truncation and padding: one per family. */
export interface TextEncoder {
  /** Size of the vocabulary: one more than the highest id. */
  readonly tokenCount: number
  /** All ids of `text`, or at least the first `limit` of them. */
  encode(text: string, limit: number): number[]
  /** The text of `ids`, without special tokens. */
  decode(ids: readonly number[]): string
  idOf(token: string): number | undefined
}
