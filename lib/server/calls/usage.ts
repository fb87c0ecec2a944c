/** The usage of a request, in tokens. */
import { eachInSteps, turns } from '../../async/turns.js'
import type { Clip } from '../../library.js'

export interface Usage {
  prompt_tokens: number
  total_tokens: number
  prompt_tokens_details: { text_tokens: number; image_tokens: number }
}

/** Size of a decoded image in pixels. */
export interface PictureSize {
  width: number
  height: number
}

/** Texts: tokens with start and end, without padding, after truncation. Images: one token per patch. */
export async function usageOf(
  clip: Pick<Clip, 'info' | 'tokenize'>,
  texts: readonly string[],
  { pictures, signal }: { pictures: readonly PictureSize[]; signal?: AbortSignal },
): Promise<Usage> {
  const { vision, text } = clip.info
  const lengths = text ? await turns.run(eachInSteps(texts, one => tokenCount(clip.tokenize(one), text)), signal) : []
  const textTokens = lengths.reduce((sum, length) => sum + length, 0)
  const imageTokens = vision ? pictures.reduce((sum, picture) => sum + patchesOf(vision, picture), 0) : 0
  const total = textTokens + imageTokens
  return {
    prompt_tokens: total,
    total_tokens: total,
    prompt_tokens_details: { text_tokens: textTokens, image_tokens: imageTokens },
  }
}

/**
 * Tokens without padding, which may be on either side. If the end token also pads, only its first occurrence after the text is not padding.
 */
export function tokenCount(ids: Int32Array, { padId, eosId }: NonNullable<Clip['info']['text']>): number {
  const first = ids.findIndex(id => id !== padId)
  if (first > 0) return ids.length - first
  const last = ids.findLastIndex(id => id !== padId)
  return Math.min(ids.length, last + 1 + (padId === eosId ? 1 : 0))
}

/** As the engine does it (fit_patches of cpp/engine/preprocess.cpp): the same bisection in the same doubles. */
export function patchesOf(
  { cropSize, patchSize, resizeMode, maxPatches }: Pick<
    NonNullable<Clip['info']['vision']>,
    'cropSize' | 'patchSize' | 'resizeMode' | 'maxPatches'
  >,
  { width, height }: PictureSize,
): number {
  if (resizeMode !== 'patches') return Math.floor(cropSize / patchSize) ** 2
  const eps = 1e-5
  const edge = (scale: number, size: number): number =>
    Math.max(patchSize, Math.ceil((size * scale) / patchSize) * patchSize) / patchSize
  let [low, high] = [eps / 10, 100]
  while (high - low >= eps) {
    const scale = (low + high) / 2
    if (edge(scale, height) * edge(scale, width) <= maxPatches) low = scale
    else high = scale
  }
  return Math.min(edge(low, width), maxPatches) * Math.min(edge(low, height), maxPatches)
}
