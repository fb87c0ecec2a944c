/** A checkpoint folder's tokenizer in the form a GGUF file carries: whole JSON where there is one, tokens and merges. */
import { ClipError, errorCodeOf } from '../errors.js'
import { readTokenizerSource } from './read-source.js'
import type { SpecialTokens, TokenizerJsonSource, VocabularySource } from './types.js'

export interface FileTokenizer {
  /** Text of tokenizer.json, or ''. */
  json: string
  /** Token strings in id order; empty for tokenizers without a plain vocabulary. */
  tokens: string[]
  /** 'left right', best first. */
  merges: string[]
  /** Id of the token that fills rows up, when the folder names one; else -1. */
  padId: number
}

interface TokenizerJson {
  model?: { vocab?: Record<string, number> | [string, number][]; merges?: (string | [string, string])[] }
  added_tokens?: { id: number; content: string }[]
  padding?: { direction?: string } | null
}

/** An empty one when the folder has no tokenizer, as folders of image encoders alone do. */
export async function fileTokenizer(directory: string): Promise<FileTokenizer> {
  try {
    const { source } = await readTokenizerSource(directory)
    return 'json' in source ? fromJson(source, directory) : fromVocabulary(source, directory)
  } catch (error) {
    if (errorCodeOf(error) === 'ERR_CLIP_TOKENIZER_MISSING') return { json: '', tokens: [], merges: [], padId: -1 }
    throw error
  }
}

function fromJson(source: TokenizerJsonSource, directory: string): FileTokenizer {
  const parsed = parse(source.json, `${directory}/tokenizer.json`) as TokenizerJson
  const json = withPadding(source, parsed)
  const vocab = parsed.model?.vocab ?? {}
  const merges = (parsed.model?.merges ?? []).map(merge => (Array.isArray(merge) ? merge.join(' ') : merge))
  // Unigram: [token, score] pairs
  if (Array.isArray(vocab)) {
    const tokens = vocab.map(([token]) => token)
    return { json, tokens, merges, padId: padIdOf(source, tokens) }
  }
  const ids: [string, number][] = Object.entries(vocab)
  for (const { id, content } of parsed.added_tokens ?? []) ids.push([content, id])
  const tokens = inIdOrder(ids)
  return { json, tokens, merges, padId: padIdOf(source, tokens) }
}

/** The file's text, with the side that tokenizer_config.json fills from in the place the format has for it. */
function withPadding({ json, specials, paddingSide, leftByDefault }: TokenizerJsonSource, parsed: TokenizerJson): string {
  const side = paddingSide ?? (leftByDefault && !parsed.padding?.direction ? 'left' : undefined)
  if (side === undefined) return json
  const direction = side === 'left' ? 'Left' : 'Right'
  const padding = { strategy: 'BatchLongest', pad_to_multiple_of: null, pad_id: 0, pad_type_id: 0, pad_token: specials?.pad ?? '' }
  return JSON.stringify({ ...parsed, padding: { ...padding, ...parsed.padding, direction } })
}

function fromVocabulary(source: VocabularySource, directory: string): FileTokenizer {
  const { vocab, merges } = source
  const ids = typeof vocab === 'string' ? (parse(vocab, `${directory}/vocab.json`) as Record<string, number>) : vocab
  const lines = typeof merges === 'string' ? merges.split('\n') : merges
  const tokens = inIdOrder(Object.entries(ids))
  return {
    json: '',
    tokens,
    padId: padIdOf(source, tokens),
    merges: lines.map(line => line.trim()).filter(line => line !== '' && !line.startsWith('#version')),
  }
}

function padIdOf({ specials }: { specials?: SpecialTokens }, tokens: readonly string[]): number {
  return specials?.pad === undefined ? -1 : tokens.indexOf(specials.pad)
}

function inIdOrder(entries: [string, number][]): string[] {
  const tokens: string[] = []
  for (const [token, id] of entries) tokens[id] = token
  return Array.from(tokens, token => token ?? '')
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ClipError('ERR_CLIP_TOKENIZER_INVALID', `${file}: expected JSON, ${(cause as Error).message}`, { cause })
  }
}
