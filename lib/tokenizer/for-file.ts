/** A checkpoint folder's tokenizer in the form a GGUF file carries: whole JSON where there is one, tokens and merges. */
import { ClipError, errorCodeOf } from '../errors.js'
import { readTokenizerSource } from './read-source.js'
import type { TokenizerJsonSource, VocabularySource } from './types.js'

export interface FileTokenizer {
  /** Text of tokenizer.json, or ''. */
  json: string
  /** Token strings in id order; empty for tokenizers without a plain vocabulary. */
  tokens: string[]
  /** 'left right', best first. */
  merges: string[]
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
    if (errorCodeOf(error) === 'ERR_CLIP_TOKENIZER_MISSING') return { json: '', tokens: [], merges: [] }
    throw error
  }
}

function fromJson(source: TokenizerJsonSource, directory: string): FileTokenizer {
  const parsed = parse(source.json, `${directory}/tokenizer.json`) as TokenizerJson
  const json = withPadding(source, parsed)
  const vocab = parsed.model?.vocab ?? {}
  const merges = (parsed.model?.merges ?? []).map(merge => (Array.isArray(merge) ? merge.join(' ') : merge))
  // Unigram: [token, score] pairs
  if (Array.isArray(vocab)) return { json, tokens: vocab.map(([token]) => token), merges }
  const ids: [string, number][] = Object.entries(vocab)
  for (const { id, content } of parsed.added_tokens ?? []) ids.push([content, id])
  return { json, tokens: inIdOrder(ids), merges }
}

/** The file's text, with what tokenizer_config.json says of padding in the place the format has for it. */
function withPadding({ json, specials, paddingSide }: TokenizerJsonSource, parsed: TokenizerJson): string {
  const token = specials?.pad
  const id = token === undefined ? undefined : idOf(parsed, token)
  if (id === undefined) return json
  const direction = paddingSide === undefined ? parsed.padding?.direction ?? 'Right' : paddingSide === 'left' ? 'Left' : 'Right'
  const padding = { strategy: 'BatchLongest', direction, pad_to_multiple_of: null, pad_id: id, pad_type_id: 0, pad_token: token }
  return JSON.stringify({ ...parsed, padding })
}

function idOf({ model, added_tokens: added = [] }: TokenizerJson, token: string): number | undefined {
  const extra = added.find(({ content }) => content === token)
  if (extra) return extra.id
  const vocab = model?.vocab ?? {}
  if (!Array.isArray(vocab)) return Object.hasOwn(vocab, token) ? vocab[token] : undefined
  const at = vocab.findIndex(([piece]) => piece === token)
  return at < 0 ? undefined : at
}

function fromVocabulary({ vocab, merges }: VocabularySource, directory: string): FileTokenizer {
  const ids = typeof vocab === 'string' ? (parse(vocab, `${directory}/vocab.json`) as Record<string, number>) : vocab
  const lines = typeof merges === 'string' ? merges.split('\n') : merges
  return {
    json: '',
    tokens: inIdOrder(Object.entries(ids)),
    merges: lines.map(line => line.trim()).filter(line => line !== '' && !line.startsWith('#version')),
  }
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
