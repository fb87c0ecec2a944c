import { ClipError, invalidArgument, outOfRange, unknownOption } from '../errors.js'
import { checkInteger } from '../validate.js'
import type { BuiltTokenizer } from './build.js'
import type { Frame } from './stages/frame.js'
import { failing } from './files/parts.js'
import { inLanguage } from './stages/languages.js'
import { textCleanings, type TextCleaning, type TokenizerSettings, type TokenizerSource } from './types.js'

export { readTokenizerSource, type TokenizerFiles } from './files/read-source.js'
export { hasUsualNames } from './special-tokens.js'
export { textCleanings, type SpecialTokens, type TextCleaning, type TokenizerJsonSource, type TokenizerSettings,
  type TokenizerSource, type TokenListSource, type VocabularySource } from './types.js'

/** Text to token ids and back. Every member except `contextLength` parses the vocabulary when it is first used. */
export interface ClipTokenizer {
  /** Ids per row. */
  readonly contextLength: number
  /** Size of the vocabulary: one more than the highest id, so at most the rows of the token table. */
  readonly tokenCount: number
  /** Undefined if the vocabulary has no such token and none is added. */
  readonly bosId: number | undefined
  readonly eosId: number | undefined
  readonly padId: number
  /**
   * Ids of `text` with start and end token, not padded; cut to `contextLength`, keeping the end token last. Lone
   * surrogates count as U+FFFD. `language`: the code of another language than the tokenizer's own (NLLB: eng_Latn).
   */
  encode(text: string, language?: string): number[]
  /** Rows of `texts`, one after the other, each padded with `padId`: [texts.length * contextLength]. */
  encodePadded(texts: readonly string[], language?: string): Int32Array
  /** The text of `ids` up to the first end token, without special tokens. Accepts a row of `encodePadded`. */
  decode(ids: ArrayLike<number>): string
}

/**
 * A tokenizer that gives the ids of the reference implementation (docs/tokenizer.md has the details).
 *
 * `source` may be a function: it is called when the vocabulary is first needed. Neither creating a tokenizer nor
 * importing this module parses anything, so that image-only use costs nothing.
 *
 * @throws TypeError ERR_CLIP_INVALID_ARGUMENT for a wrong kind, ERR_CLIP_UNKNOWN_OPTION for an unknown setting
 * @throws RangeError ERR_CLIP_OUT_OF_RANGE for impossible lengths and ids
 * @throws ClipError ERR_CLIP_TOKENIZER_INVALID, from the first use, if the source is broken or lacks a token that the
 *   settings require; the next use tries again
 */
export function createTokenizer(
  source: TokenizerSource | (() => TokenizerSource),
  settings: TokenizerSettings,
): ClipTokenizer {
  checkSource(source)
  return new LazyTokenizer(source, checkSettings(settings))
}

type CheckedSettings = TokenizerSettings & Required<Pick<TokenizerSettings, 'cleaning' | 'addBos' | 'addEos'>>

interface ReadyTokenizer extends BuiltTokenizer {
  padId: number
}

class LazyTokenizer implements ClipTokenizer {
  readonly #settings: CheckedSettings
  #source: TokenizerSource | (() => TokenizerSource) | undefined
  #ready: ReadyTokenizer | undefined

  constructor(source: TokenizerSource | (() => TokenizerSource), settings: CheckedSettings) {
    this.#source = source
    this.#settings = settings
  }

  get contextLength(): number {
    return this.#settings.contextLength
  }

  get tokenCount(): number {
    return this.#tokenizer().encoder.tokenCount
  }

  get bosId(): number | undefined {
    return this.#tokenizer().bosId
  }

  get eosId(): number | undefined {
    return this.#tokenizer().eosId
  }

  get padId(): number {
    return this.#tokenizer().padId
  }

  encode(text: string, language?: string): number[] {
    return this.#encode(text, 'text', language)
  }

  encodePadded(texts: readonly string[], language?: string): Int32Array {
    if (!Array.isArray(texts)) throw invalidArgument('texts', 'an array of strings', texts)
    const { contextLength } = this.#settings
    const { padId, paddingSide } = this.#tokenizer()
    const rows = new Int32Array(texts.length * contextLength).fill(padId)
    for (let i = 0; i < texts.length; i++) {
      const ids = this.#encode(texts[i], `texts[${i}]`, language)
      rows.set(ids, i * contextLength + (paddingSide === 'left' ? contextLength - ids.length : 0))
    }
    return rows
  }

  decode(ids: ArrayLike<number>): string {
    if (typeof ids !== 'object' || ids === null || typeof ids.length !== 'number') {
      throw invalidArgument('ids', 'an array of ids', ids)
    }
    const { encoder, bosId, eosId } = this.#tokenizer()
    const known: number[] = []
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]
      if (typeof id !== 'number') throw invalidArgument(`ids[${i}]`, 'an id', id)
      if (!Number.isInteger(id) || id < 0 || id >= encoder.tokenCount) {
        throw outOfRange(`ids[${i}]`, `an id from 0 to ${encoder.tokenCount - 1}`, id)
      }
      if (id === eosId) break
      if (id !== bosId) known.push(id)
    }
    return failing('', () => encoder.decode(known))
  }

  #encode(text: unknown, name: string, language: string | undefined): number[] {
    if (typeof text !== 'string') throw invalidArgument(name, 'a string', text)
    const { encoder, bosId, eosId, frame: own, languages } = this.#tokenizer()
    const frame = language === undefined ? own : inLanguage(own, languages, language)
    const { contextLength, addBos, addEos } = this.#settings
    const ids = failing('', () => encoder.encode(wellFormed(text), contextLength))
    if (frame) {
      const { before, after } = frame
      ids.length = Math.min(ids.length, Math.max(0, contextLength - before.length - after.length))
      return [...before, ...ids, ...after].slice(0, contextLength)
    }
    if (addBos) ids.unshift(bosId!)
    if (addEos) ids.push(eosId!)
    if (ids.length > contextLength) {
      ids.length = contextLength
      if (addEos) ids[contextLength - 1] = eosId!
    }
    return ids
  }

  #tokenizer(): ReadyTokenizer {
    if (this.#ready === undefined) {
      const source = typeof this.#source === 'function' ? this.#source() : this.#source!
      checkSource(source)
      // the tables of text cleaning and the tokenizer library take ten milliseconds to load, which image-only use
      // avoids
      const { buildTokenizer } = require('./build.js') as typeof import('./build.js')
      this.#ready = named(
        this.#settings.file,
        () => withIds(buildTokenizer(source, this.#settings.cleaning, this.#settings), this.#settings),
      )
      this.#source = undefined // the text of a vocabulary is megabytes
    }
    return this.#ready
  }
}

/** Adds the name of the file to errors of `build` that lack it. */
function named<T>(file: string | undefined, build: () => T): T {
  try {
    return build()
  } catch (cause) {
    if (file === undefined || !(cause instanceof ClipError) || cause.message.includes(file)) throw cause
    throw new ClipError(cause.code, `${file}: ${cause.message}`, { cause })
  }
}

function withIds(built: BuiltTokenizer, settings: CheckedSettings): ReadyTokenizer {
  const missing = (what: string): ClipError =>
    new ClipError('ERR_CLIP_TOKENIZER_INVALID', `expected the id of ${what}, found none, not in the vocabulary either`)
  if (!built.frame && settings.addBos && built.bosId === undefined) throw missing('the start token')
  if (!built.frame && settings.addEos && built.eosId === undefined) throw missing('the end token')
  const padId = settings.padId ?? built.padId
  if (padId === undefined) throw missing('the token that fills a row')
  const frame = built.frame && framed(built.frame, settings)
  return { ...built, ...(frame ? { frame } : {}), padId }
}

/** Ids in the settings override the file's: CLIPA's rows end with 0 although its file says [SEP]. */
function framed({ before, after }: Frame, { bosId, eosId }: CheckedSettings): Frame {
  const swap = (
    ids: number[],
    id: number | undefined,
    at: number,
  ): number[] => (id === undefined || ids.length === 0 ? ids : ids.with(at, id))
  return { before: swap(before, bosId, 0), after: swap(after, eosId, -1) }
}

/** Python never gets such strings from UTF-8; ftfy replaces them by U+FFFD, like UTF-8 encoders. */
function wellFormed(text: string): string {
  return (text as string & { toWellFormed(): string }).toWellFormed() // Node 20; the ES2023 library lacks its type
}

function checkSource(source: unknown): void {
  if (typeof source === 'function') return
  const expected = 'an object with json, with vocab and merges, or with tokens'
  if (typeof source !== 'object' || source === null) throw invalidArgument('source', expected, source)
  const { json, vocab, merges, tokens } = source as Record<string, unknown>
  if (json !== undefined) {
    if (typeof json !== 'string') throw invalidArgument('source.json', 'the text of a tokenizer.json', json)
    return
  }
  if (tokens !== undefined) {
    if (!Array.isArray(tokens)) throw invalidArgument('source.tokens', 'an array of strings', tokens)
    if (merges !== undefined && !Array.isArray(merges)) {
      throw invalidArgument('source.merges', 'an array of strings', merges)
    }
    return
  }
  if (vocab === undefined) throw invalidArgument('source', expected, source)
  if (typeof vocab !== 'string' && (typeof vocab !== 'object' || vocab === null)) {
    throw invalidArgument('source.vocab', 'an object or the text of a vocab.json', vocab)
  }
  if (typeof merges !== 'string' && !Array.isArray(merges)) {
    throw invalidArgument('source.merges', 'an array of strings or the text of a merges.txt', merges)
  }
}

const settingNames = ['contextLength', 'bosId', 'eosId', 'padId', 'cleaning', 'addBos', 'addEos', 'file']

function checkSettings(settings: TokenizerSettings): CheckedSettings {
  if (typeof settings !== 'object' || settings === null) throw invalidArgument('settings', 'an object', settings)
  for (const key of Object.keys(settings)) {
    if (!settingNames.includes(key)) throw unknownOption('settings', key, settingNames)
  }
  const { contextLength, cleaning = 'whitespace_lower', addBos = true, addEos = true } = settings
  checkInteger('settings.contextLength', contextLength, { min: 2, max: 2 ** 20 })
  for (const name of ['bosId', 'eosId', 'padId'] as const) {
    if (settings[name] !== undefined) checkInteger(`settings.${name}`, settings[name], { min: 0, max: 2 ** 22 - 1 })
  }
  if (!textCleanings.includes(cleaning)) {
    const expected = `one of ${textCleanings.join(', ')}`
    throw typeof cleaning === 'string'
      ? outOfRange('settings.cleaning', expected, cleaning)
      : invalidArgument('settings.cleaning', expected, cleaning)
  }
  for (const [name, value] of [['addBos', addBos], ['addEos', addEos]] as const) {
    if (typeof value !== 'boolean') throw invalidArgument(`settings.${name}`, 'true or false', value)
  }
  if (settings.file !== undefined && typeof settings.file !== 'string')
    throw invalidArgument('settings.file', 'a path', settings.file)
  return { ...settings, cleaning: cleaning satisfies TextCleaning, addBos, addEos }
}
