/** What a request cost, in tokens. */
import type { Clip } from '../index.js'

export interface Usage {
  prompt_tokens: number
  total_tokens: number
  prompt_tokens_details: { text_tokens: number; image_tokens: number }
}

/** Texts: tokens with start and end, without padding, after truncation. Images: one token for each patch. */
export function usageOf(clip: Pick<Clip, 'info' | 'tokenize'>, texts: readonly string[], images: number): Usage {
  const { vision, text } = clip.info
  let textTokens = 0
  if (text && texts.length > 0) {
    const ids = clip.tokenize(texts)
    for (let i = 0; i < texts.length; i++) {
      textTokens += lengthOf(ids.subarray(i * text.contextLength, (i + 1) * text.contextLength), text)
    }
  }
  const imageTokens = vision ? images * Math.floor(vision.imageSize / vision.patchSize) ** 2 : 0
  const total = textTokens + imageTokens
  return { prompt_tokens: total, total_tokens: total, prompt_tokens_details: { text_tokens: textTokens, image_tokens: imageTokens } }
}

/** The end token may serve for padding, too: its first one at the end is none. */
function lengthOf(ids: Int32Array, { padId, eosId }: NonNullable<Clip['info']['text']>): number {
  const last = ids.findLastIndex(id => id !== padId)
  return Math.min(ids.length, last + 1 + (padId === eosId ? 1 : 0))
}
