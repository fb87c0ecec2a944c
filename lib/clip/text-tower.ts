/** Texts to embeddings: the cache, tokens, slices of long lists. */
import { withDeadline } from '../async/deadline.js'
import { mapInOrder } from '../async/pipeline.js'
import { eachInSteps, turns } from '../async/turns.js'
import { outOfRange } from '../errors.js'
import { LruMap } from '../lru-map.js'
import type { Scheduler } from '../scheduler/scheduler.js'
import type { ClipTokenizer } from '../tokenizer/tokenizer.js'
import type { CallOptions, TextOptions } from '../types.js'
import { towerIds } from './model-tokenizer.js'
import { type EncodeItem, textKind } from './session-runner.js'
import { batchListener } from './trace.js'

/** Embeddings to cache: labels and queries repeat. */
const mostKept = 1024
/** Characters. Longer texts hardly repeat, and would fill memory. */
const longestKept = 2048
/**
 * Texts that are tokenised and queued at once, or a batch if that is more. Two such slices of a call wait at a time, so
 * that a long list does not block other calls.
 */
const leastSlice = 64
/** Characters of texts that are tokenised at once: about a millisecond. */
const shortList = 4096

export class TextTower {
  readonly tokenizer: ClipTokenizer
  readonly #seesPadding: boolean
  readonly #scheduler: Scheduler<EncodeItem, Float32Array>
  readonly #slice: number
  readonly #cache = new LruMap<string, Float32Array>(mostKept)

  constructor(
    tokenizer: ClipTokenizer,
    seesPadding: boolean,
    scheduler: Scheduler<EncodeItem, Float32Array>,
    maxBatch: number,
  ) {
    this.tokenizer = tokenizer
    this.#seesPadding = seesPadding
    this.#scheduler = scheduler
    this.#slice = Math.max(leastSlice, maxBatch)
  }

  /** Number of cached texts. */
  get cached(): number {
    return this.#cache.size
  }

  clear(): void {
    this.#cache.clear()
  }

  idsOf(text: string, language?: string): Int32Array {
    return towerIds(this.tokenizer, text, this.#seesPadding, language)
  }

  /** Un-normalised embeddings, from the cache if possible. The vectors are shared: callers copy. */
  async embed(texts: readonly string[], { language, ...call }: TextOptions): Promise<Float32Array[]> {
    // no code of a language has a NUL
    const cacheKey = (text: string): string => `${language ?? ''}\0${text}`
    const known = new Map<string | number, Float32Array>()
    const missing = new Map<string | number, number>() // to the first index of each
    texts.forEach((text, i) => {
      const key = keyOf(text, i)
      if (known.has(key) || missing.has(key)) return
      const vector = this.#cache.get(cacheKey(text))
      if (vector === undefined) missing.set(key, i)
      else known.set(key, vector)
    })
    const compute = async (slice: readonly number[], settings: CallOptions): Promise<void> => {
      const vectors = await this.#compute(texts, slice, language, { ...settings, onTrace: call.onTrace })
      slice.forEach((index, i) => {
        const text = texts[index]!
        known.set(keyOf(text, index), vectors[i]!)
        if (text.length <= longestKept) this.#cache.set(cacheKey(text), vectors[i]!)
      })
    }
    const slices = cut([...missing.values()], this.#slice)
    if (slices.length === 1) {
      await compute(slices[0]!, call)
    } else if (slices.length > 1) {
      await withDeadline(call, async limited => {
        const eachSlice = mapInOrder(
          slices,
          { limit: 2, signal: limited.signal },
          (slice, _, signal) => compute(slice, { ...limited, signal }),
        )
        for await (const _ of eachSlice);
      })
    }
    return texts.map((text, i) => known.get(keyOf(text, i))!)
  }

  async #compute(
    texts: readonly string[],
    slice: readonly number[],
    language: string | undefined,
    { onTrace, ...settings }: CallOptions,
  ): Promise<Float32Array[]> {
    const list = slice.map(i => texts[i]!)
    const idsOf = (text: string): Int32Array => this.idsOf(text, language)
    // done in steps, so that long lists do not block the event loop
    const ids = lengthOf(list) <= shortList
      ? list.map(idsOf)
      : await turns.run(eachInSteps(list, idsOf), settings.signal)
    const items = ids.map((row, i) => ({ ids: row, name: texts.length === 1 ? 'text' : `texts[${slice[i]}]` }))
    items.forEach(({ ids: row, name }, i) => {
      if (row.length > 0) return
      throw outOfRange(name, 'a text with a token: this model adds none at its start or end', list[i])
    })
    return this.#scheduler.submitMany(textKind, items, { ...settings, onBatch: batchListener(onTrace) })
  }
}

/**
 * Equal texts are computed once. Long texts are not compared: that takes longer than computing them, and the hash of a
 * very long string is its length.
 */
function keyOf(text: string, index: number): string | number {
  return text.length > longestKept ? index : text
}

function cut<T>(values: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(values.length / size) }, (_, i) => values.slice(i * size, (i + 1) * size))
}

function lengthOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0)
}
