/** A checkpoint folder's tokenizer in the form of a GGUF file: whole JSON if there is one, tokens and merges. */
import { errorCodeOf } from '../../errors.js'
import { describe } from './describe.js'
import { isRecord } from './parts.js'
import { readTokenizerSource } from './read-source.js'
import type { TokenizerJsonSource, VocabularySource } from '../types.js'
import { mergeLines } from '../words/word-model.js'

interface FileTokenizer {
  /** Text of tokenizer.json, or ''. */
  json: string
  /** Token strings in id order; empty for tokenizers without a plain vocabulary. */
  tokens: string[]
  /** 'left right', best first. */
  merges: string[]
  /** Id of the padding token, if the folder names one; else -1. */
  padId: number
}

/** An empty one if the folder has no tokenizer, as folders of image encoders. */
export async function fileTokenizer(directory: string, signal?: AbortSignal): Promise<FileTokenizer> {
  try {
    const { source } = await readTokenizerSource(directory, signal)
    return forFile(source)
  } catch (error) {
    if (errorCodeOf(error) === 'ERR_CLIP_TOKENIZER_MISSING') return { json: '', tokens: [], merges: [], padId: -1 }
    throw error
  }
}

function forFile(source: TokenizerJsonSource | VocabularySource): FileTokenizer {
  const { json, added, specials, ids, clip } = describe(source)
  const tokens = inIdOrder([...ids, ...added.map(({ content, id }): [string, number] => [content, id])])
  const merges = json.model.merges === undefined ? [] : mergeLines(json.model.merges)
  const padId = specials.pad === undefined ? -1 : tokens.indexOf(specials.pad)
  // a token list describes a plain CLIP tokenizer completely, in a third of the size
  const isPlain = clip && !('json' in source) && added.every(({ content }) => plainTokens.includes(content))
  return { json: isPlain ? '' : JSON.stringify(complete(json, source)), tokens, merges, padId }
}

const plainTokens = ['<|startoftext|>', '<|endoftext|>', '<start_of_text>', '<end_of_text>']

/** The description with what the files beside it say: the side of padding. */
function complete(
  json: Record<string, unknown>,
  source: TokenizerJsonSource | VocabularySource,
): Record<string, unknown> {
  const { paddingSide, leftByDefault, specials }: Partial<TokenizerJsonSource> = source
  const { direction } = isRecord(json.padding) ? json.padding : {}
  const side = paddingSide ?? (leftByDefault && direction === undefined ? 'left' : undefined)
  const padding = {
    strategy: 'BatchLongest',
    pad_to_multiple_of: null,
    pad_id: 0,
    pad_type_id: 0,
    pad_token: specials?.pad ?? '',
  }
  return {
    ...json,
    ...(side === undefined
      ? {}
      : { padding: { ...padding, ...(json.padding as object | null), direction: side === 'left' ? 'Left' : 'Right' } }),
  }
}

function inIdOrder(entries: [string, number][]): string[] {
  const tokens: string[] = []
  for (const [token, id] of entries) tokens[id] = token
  return Array.from(tokens, token => token ?? '')
}
