/** A BERT vocabulary file as the tokenizer.json equivalent to transformers' BertTokenizer. */
import { ClipError } from '../../errors.js'

const specialNames = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']

/**
 * @param vocab text of vocab.txt: one token per line, the line number is its id
 * @param config of tokenizer_config.json: do_lower_case (true), strip_accents (as lower case), tokenize_chinese_chars (true)
 */
export function wordPieceJson(vocab: string, config: Record<string, unknown>, file: string): string {
  const lines = vocab.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  const ids = new Map<string, number>()
  lines.forEach((token, id) => ids.set(token, id)) // a repeated token: the last wins, as in Python's dict
  const special = specialNames.flatMap(content => (ids.has(content) ? [{ id: ids.get(content)!, content }] : []))
  const idOf = (token: string): number => {
    const id = ids.get(token)
    if (id === undefined)
      throw new ClipError('ERR_CLIP_TOKENIZER_INVALID', `${file}: expected a token ${token}, found none`)
    return id
  }
  const [cls, sep] = [idOf('[CLS]'), idOf('[SEP]')]
  const token = (id: string, value: number) => ({ id, ids: [value], tokens: [id] })
  return JSON.stringify({
    added_tokens: special.map(entry => ({
      ...entry,
      special: true,
      normalized: false,
      single_word: false,
      lstrip: false,
      rstrip: false,
    })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: config.tokenize_chinese_chars !== false,
      strip_accents: typeof config.strip_accents === 'boolean' ? config.strip_accents : null,
      lowercase: config.do_lower_case !== false,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '[CLS]', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }, {
        SpecialToken: { id: '[SEP]', type_id: 0 },
      }],
      pair: [],
      special_tokens: { '[CLS]': token('[CLS]', cls), '[SEP]': token('[SEP]', sep) },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(ids),
    },
  })
}
