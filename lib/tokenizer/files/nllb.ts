/** What transformers' NllbTokenizer makes of a tokenizer.json: it takes the vocabulary, and builds the rest itself. */
import { ClipError } from '../../errors.js'
import type { AddedToken } from '../types.js'
import { isRecord } from './parts.js'

export const nllbClass = /^NllbTokenizer(?:Fast)?$/
export const nllbNames = {
  bos: '<s>',
  eos: '</s>',
  unk: '<unk>',
  sep: '</s>',
  pad: '<pad>',
  cls: '<s>',
  mask: '<mask>',
}

/** The stages; of the file's normaliser the class keeps only SentencePiece's table. */
export function nllbStages({ normalizer }: Record<string, unknown>): Record<string, unknown> {
  const parts: unknown[] = isRecord(normalizer) && Array.isArray(normalizer.normalizers)
    ? normalizer.normalizers
    : [normalizer]
  const table = parts.find(part => isRecord(part) && part.type === 'Precompiled')
  const metaspace = { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'always', split: true }
  return {
    normalizer: table === undefined ? null : {
      type: 'Sequence',
      normalizers: [table, { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' }],
    },
    pre_tokenizer: metaspace,
    decoder: metaspace,
  }
}

/** The source language before a text and the end token after it; formerly (`legacy_behaviour`) both after it. */
export function nllbFrame(config: Readonly<Record<string, unknown>>, added: readonly AddedToken[]): object {
  const language = typeof config.src_lang === 'string' ? config.src_lang : 'eng_Latn'
  const end = typeof config.eos_token === 'string' ? config.eos_token : nllbNames.eos
  const special = (content: string): object => ({ SpecialToken: { id: content, type_id: 0 } })
  const text = { Sequence: { id: 'A', type_id: 0 } }
  const entry = (content: string): [string, object] => {
    const token = added.find(one => one.content === content)
    if (token === undefined) {
      throw new ClipError(
        'ERR_CLIP_TOKENIZER_INVALID',
        `tokenizer.json: expected the token ${JSON.stringify(content)} of NllbTokenizer, found none`,
      )
    }
    return [content, { id: content, ids: [token.id], tokens: [content] }]
  }
  return {
    type: 'TemplateProcessing',
    single: config.legacy_behaviour === true
      ? [text, special(end), special(language)]
      : [special(language), text, special(end)],
    pair: [],
    special_tokens: Object.fromEntries([language, end].map(entry)),
  }
}
