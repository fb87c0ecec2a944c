/** The special tokens that a tokenizer.json puts around a text, and how it fills rows. */

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

/** Undefined when `postProcessor` adds nothing by itself (absent, ByteLevel). */
export function frameOf(postProcessor: unknown): Frame | undefined {
  const { type, processors, single, special_tokens: special = {}, cls, sep } = (postProcessor ?? {}) as PostProcessor
  if (type === 'Sequence') return processors?.map(frameOf).find(frame => frame !== undefined)
  if (type === 'BertProcessing' || type === 'RobertaProcessing') return { before: idOfPair(cls), after: idOfPair(sep) }
  if (type !== 'TemplateProcessing' || !Array.isArray(single)) return undefined
  const text = single.findIndex(part => part.Sequence !== undefined)
  const ids = (parts: TemplatePart[]): number[] =>
    parts.flatMap(part => (part.SpecialToken ? special[part.SpecialToken.id]?.ids ?? [] : []))
  return { before: ids(single.slice(0, text)), after: ids(single.slice(text)) }
}

function idOfPair(pair: unknown): number[] {
  return Array.isArray(pair) && Number.isInteger(pair[1]) ? [pair[1] as number] : []
}

/** What the `padding` of a tokenizer.json says. */
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
