/** A tokenizer.json, executed as it describes itself: normaliser, added tokens, pre-tokeniser, model, decoder. */
import { AddedTokens } from './stages/added-tokens.js'
import { cleanText, lowerEach, repairText } from './text/clean.js'
import { type Decode, makeDecoder } from './stages/decoder.js'
import { makeNormalizer, type Normalize } from './stages/normalizer.js'
import { makePreTokenizer, type Piece, type PreTokenize } from './stages/pre-tokenizer.js'
import type { AddedToken, TextCleaning, TextEncoder } from './types.js'
import type { WordModel } from './words/word-model.js'

export class FileEncoder implements TextEncoder {
  readonly tokenCount: number
  readonly #clean: Normalize
  readonly #normalize: Normalize
  readonly #asksForStart: boolean
  readonly #added: AddedTokens
  readonly #split: PreTokenize
  readonly #model: WordModel
  readonly #decode: Decode
  readonly #extra: ReadonlyMap<string, AddedToken>
  #tokens: (string | undefined)[] | undefined

  /** Throws an Error that names the unknown part. */
  constructor(json: Record<string, unknown>, model: WordModel, added: readonly AddedToken[], cleaning: TextCleaning) {
    const own = makeNormalizer(json.normalizer)
    // transformers' Siglip2Tokenizer lowers case in the normaliser, after added tokens are extracted
    const normalize: Normalize = cleaning === 'lower' ? text => own(lowerEach(text)) : own
    this.#normalize = normalize
    this.#asksForStart = JSON.stringify(json.pre_tokenizer ?? null).includes('"prepend_scheme":"first"')
    this.#model = model
    this.#split = makePreTokenizer(json.pre_tokenizer)
    this.#decode = makeDecoder(json.decoder)
    this.#added = new AddedTokens(added, normalize)
    this.#extra = new Map(added.map(token => [token.content, token]))
    this.#clean = cleanerBefore(normalize, cleaning)
    let highest = -1
    for (const id of model.ids.values()) highest = Math.max(highest, id)
    for (const { id } of added) highest = Math.max(highest, id)
    this.tokenCount = highest + 1
  }

  idOf(token: string): number | undefined {
    return this.#extra.get(token)?.id ?? this.#model.ids.get(token)
  }

  encode(text: string, limit: number): number[] {
    const ids: number[] = []
    const cleaned = this.#clean(text)
    let first: Piece['first'] = this.#asksForStart && losesStart(cleaned, this.#normalize) ? 'cut' : true
    for (const section of this.#added.split(cleaned)) {
      if (typeof section === 'number') ids.push(section)
      else this.#encodeSection(section, first, limit, ids)
      first = false
      if (ids.length >= limit) break
    }
    return ids
  }

  decode(ids: readonly number[]): string {
    const tokens = (this.#tokens ??= this.#tokensById())
    const known = ids.map(id => tokens[id]).filter(token =>
      token !== undefined && this.#extra.get(token)?.special !== true
    )
    return known.length === 0 ? '' : this.#decode(known as string[]).join('').trim()
  }

  #encodeSection(text: string, first: Piece['first'], limit: number, ids: number[]): void {
    for (const { text: word } of this.#split([{ text, first }])) {
      for (const id of this.#model.encode(word, limit)) ids.push(id)
      if (ids.length >= limit) break
    }
  }

  #tokensById(): (string | undefined)[] {
    const tokens = new Array<string | undefined>(this.tokenCount).fill(undefined)
    for (const [token, id] of this.#model.ids) tokens[id] = token
    for (const { content, id } of this.#extra.values()) tokens[id] = content
    return tokens
  }
}

/** Whether the normaliser removes the text's first character. */
function losesStart(text: string, normalize: Normalize): boolean {
  const first = text.codePointAt(0)
  return first !== undefined && normalize(text) === normalize(text.slice(first > 0xffff ? 2 : 1))
}

/** Cleaning before the file's own normaliser. */
function cleanerBefore(normalize: Normalize, cleaning: TextCleaning): Normalize {
  if (cleaning === 'open_clip' || cleaning === 'repair') return repairText
  if (cleaning === 'repair_lower' || cleaning === 'repair_canonicalize') return text => cleanText(text, cleaning)
  // Hugging Face's SigLIP files themselves remove case and punctuation
  if (cleaning === 'canonicalize' && !/^\u2581?aab$/.test(normalize('Aa,;_!B')))
    return text => cleanText(text, 'canonicalize')
  return text => text
}
