/**
 * OpenAI's CLIP vocabulary, which nearly all models of the CLIP family share, for those that come without tokenizer
 * files: OpenAI's own `.pt`, ComfyUI's `clip_l.safetensors`, a lone file of OpenCLIP's.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'

import type { TextCleaning, TokenListSource } from '../types.js'
import { wordEnd } from '../words/bpe.js'
import { byteChars } from '../words/bytes.js'

/** Of OpenAI's simple_tokenizer.py: 256 bytes, each within and at the end of a word, the merges, start and end. */
const publicSize = 49408
const clipCleanings: readonly TextCleaning[] = ['whitespace_lower', 'open_clip']

/** Whether a text tower of this size, whose texts are cleaned like this, has the public vocabulary. */
export function hasPublicVocabulary({ vocabSize, cleaning }: { vocabSize: number; cleaning: TextCleaning }): boolean {
  return vocabSize === publicSize && clipCleanings.includes(cleaning)
}

export function publicClipSource(): TokenListSource {
  const packed = readFileSync(join(__dirname, '..', '..', '..', 'models', 'clip-merges.txt.br'))
  const [, ...merges] = brotliDecompressSync(packed).toString('utf8').trimEnd().split('\n') // after '#version'
  const specials = { bos: '<|startoftext|>', eos: '<|endoftext|>', unk: '<|endoftext|>', pad: '<|endoftext|>' }
  const bytes = [...byteChars].sort((a, b) => rank(a) - rank(b))
  const tokens = [
    ...bytes,
    ...bytes.map(char => char + wordEnd),
    ...merges.map(line => line.replace(' ', '')),
    specials.bos,
    specials.eos,
  ]
  return { tokens, merges, specials }
}

/** The order of bytes in the vocabulary: printable ones first, then those that have stand-ins. */
function rank(char: string): number {
  return char.codePointAt(0)!
}
