/** The special tokens that a tokenizer.json puts around a text, and its padding. */

import { checkedId, invalidPart } from '../files/parts.js'

/** Ids before and after every text. */
export interface Frame {
  before: number[]
  after: number[]
}

interface TemplatePart {
  Sequence?: { id: string }
  SpecialToken?: { id: string }
}

interface PostProcessor {
  type?: string
  processors?: PostProcessor[]
  single?: TemplatePart[]
  special_tokens?: Record<string, { ids?: number[] }>
  /** [token, id] of BertProcessing and RobertaProcessing. */
  cls?: unknown
  sep?: unknown
}

const unframed: Frame = { before: [], after: [] }

/** Undefined if `postProcessor` adds nothing (absent, ByteLevel). Throws if it is unknown. */
export function frameOf(postProcessor: unknown): Frame {
  const { type, processors = [], single, special_tokens: special = {}, cls, sep } =
    (postProcessor ?? {}) as PostProcessor
  if (type === undefined || type === 'ByteLevel') return unframed
  if (type === 'Sequence') {
    return processors.map(frameOf).reduce(
      (inner, { before, after }) => ({ before: [...before, ...inner.before], after: [...inner.after, ...after] }),
      unframed,
    )
  }
  if (type === 'BertProcessing' || type === 'RobertaProcessing') return { before: idOfPair(cls), after: idOfPair(sep) }
  if (type !== 'TemplateProcessing' || !Array.isArray(single))
    throw invalidPart('post_processor.type', 'one that is known', type)
  const text = single.findIndex(part => part.Sequence !== undefined)
  if (text < 0) throw invalidPart('post_processor.single', 'the place of the text', single)
  const ids = (parts: TemplatePart[]): number[] =>
    parts.flatMap(part => {
      if (!part.SpecialToken) return []
      const found = special[part.SpecialToken.id]?.ids
      if (!Array.isArray(found))
        throw invalidPart('post_processor.special_tokens', `the ids of ${part.SpecialToken.id}`, found)
      return found.map(id => checkedId(id, 'post_processor.special_tokens'))
    })
  return { before: ids(single.slice(0, text)), after: ids(single.slice(text)) }
}

function idOfPair(pair: unknown): number[] {
  if (!Array.isArray(pair)) throw invalidPart('post_processor', 'a token and its id', pair)
  return [checkedId(pair[1], 'post_processor')]
}

/** The `padding` of a tokenizer.json. */
export interface Padding {
  token?: string
  side?: 'left' | 'right'
}

export function paddingOf(padding: unknown): Padding {
  const { pad_token: token, direction } = (padding ?? {}) as { pad_token?: unknown; direction?: unknown }
  return {
    ...(typeof token === 'string' ? { token } : {}),
    ...(direction === 'Left' ? { side: 'left' as const } : direction === 'Right' ? { side: 'right' as const } : {}),
  }
}
