/**
 * SentencePiece model files (spiece.model, sentencepiece.bpe.model: protocol buffers, sentencepiece_model.proto) as the
 * tokenizer.json that transformers converts them to. Unigram models, and TIPS' BPE.
 */
import { ClipError } from '../../errors.js'
import { readCharsmap } from '../stages/charsmap.js'

const [unigram, bpe] = [1, 2] // TrainerSpec.ModelType
const modelNames = ['', 'Unigram', 'BPE', 'word', 'character']
const maxPieces = 2 ** 20 // four times as many as the largest in use
const maxFields = maxPieces + 16
const [control, userDefined] = [3, 4] // ModelProto.SentencePiece.Type

interface Field {
  number: number
  /** Varint or fixed value; bytes are in `bytes`. */
  value: number
  bytes: Buffer
}

interface Piece {
  text: string
  score: number
  type: number
}

/**
 * The steps that transformers' tokenizer classes add around a model: `xlm-roberta` shifts ids like fairseq and frames a
 * text with <s> and </s>; `siglip` (SiglipTokenizer) lowers case and removes punctuation; it and the others (T5) end a
 * text with </s>. `tips` (Tipsv2Tokenizer) lowers case, merges pieces and adds nothing.
 */
export type PieceKind = 'xlm-roberta' | 'siglip' | 'plain' | 'tips'

export function sentencePieceJson(model: Buffer, kind: PieceKind, file: string): string {
  const invalid = (what: string): ClipError => new ClipError('ERR_CLIP_TOKENIZER_INVALID', `${file}: ${what}`)
  const pieces: Piece[] = []
  let [unkId, type, charsmap] = [0, unigram, '']
  let fields = 0
  try {
    for (const { number, bytes } of fieldsOf(model)) {
      if (++fields > maxFields) throw new RangeError(`found more than ${maxFields} fields`)
      if (number === 1) pieces.push(pieceOf(bytes))
      if (number === 2) {
        for (const field of fieldsOf(bytes))
          [unkId, type] = [field.number === 40 ? field.value : unkId, field.number === 3 ? field.value : type]
      }
      if (number === 3) {
        for (const field of fieldsOf(bytes))
          charsmap = field.number === 2
            ? field.bytes.toString('base64')
            : charsmap
      }
    }
  } catch (cause) {
    throw invalid(`expected a SentencePiece model, ${(cause as Error).message}`)
  }
  const expected = kind === 'tips' ? bpe : unigram
  if (type !== expected)
    throw invalid(
      `expected a ${
        modelNames[expected]
      } model, found one of type ${type} (a tokenizer.json beside it would be used instead)`,
    )
  if (pieces.length === 0 || pieces.length > maxPieces)
    throw invalid(`expected 1 to ${maxPieces} pieces, found ${pieces.length}`)
  if (unkId >= pieces.length) throw invalid(`expected the unknown piece among ${pieces.length}, found ${unkId}`)
  if (kind === 'tips') return JSON.stringify(merging(pieces, charsmap))
  return JSON.stringify(
    kind === 'xlm-roberta' ? fairseq(pieces, charsmap) : (kind === 'siglip' ? siglip : plain)(pieces, unkId, charsmap),
  )
}

function plain(pieces: Piece[], unkId: number, charsmap: string): object {
  const vocab = pieces.map(({ text, score }): [string, number] => [text, score])
  const added = pieces.flatMap((
    { text, type },
    id,
  ) => (type === control || type === userDefined || id === unkId ? [special(text, id)] : []))
  return tokenizer(vocab, unkId, charsmap, added, [], endOf(vocab))
}

/** Pieces in the order of their ids, which is that of the merges that make them; unknown characters become bytes. */
function merging(pieces: Piece[], charsmap: string): object {
  const vocab = new Map(pieces.map(({ text }, id) => [text, id]))
  const merges = pieces.flatMap(({ text }) => {
    const characters = [...text]
    const splits = characters.slice(1).map((_, i): [string, string] => [
      characters.slice(0, i + 1).join(''),
      characters.slice(i + 1).join(''),
    ])
    return splits.filter(([left, right]) => vocab.has(left) && vocab.has(right))
  })
  const added = pieces.flatMap(({ text, type }, id) => {
    const isSpecial = type === control || text === '<pad>' || text === '<unk>'
    return isSpecial || type === userDefined ? [{ ...special(text, id), special: isSpecial }] : []
  })
  return {
    added_tokens: added,
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Lowercase' },
        ...(charsmap === '' ? [] : [{ type: 'Precompiled', precompiled_charsmap: charsmap }]),
      ],
    },
    pre_tokenizer: byWords.splitter,
    post_processor: null,
    decoder: {
      type: 'Sequence',
      decoders: [metaspace('always'), { type: 'ByteFallback' }, { type: 'Fuse' }],
    },
    model: { type: 'BPE', vocab: Object.fromEntries(vocab), merges, fuse_unk: true, byte_fallback: true },
  }
}

/**
 * SiglipTokenizer extracts its two tokens with the white space around them, and puts the word-start sign before the
 * text only, not after such a token.
 */
function siglip(pieces: Piece[], unkId: number, charsmap: string): object {
  const vocab = pieces.map(({ text, score }): [string, number] => [text, score])
  const end = endOf(vocab)
  const ids = new Set([unkId, ...end.map(([, id]) => id)])
  const added = [...ids].map(id => ({ ...special(vocab[id]![0], id), lstrip: true, rstrip: true }))
  return tokenizer(vocab, unkId, charsmap, added, [], end, {
    before: canonical,
    after: trimmed(charsmap),
    splitter: metaspace('start'),
  })
}

function fairseq(pieces: Piece[], charsmap: string): object {
  const starts: [string, number][] = [['<s>', 0], ['<pad>', 0], ['</s>', 0], ['<unk>', 0]]
  const vocab = [...starts, ...pieces.slice(3).map(({ text, score }): [string, number] => [text, score]),
    ['<mask>', 0] as [string, number]]
  const added = [0, 1, 2, 3, vocab.length - 1].map(id => special(vocab[id]![0], id))
  return tokenizer(vocab, 3, charsmap, added, [['<s>', 0]], [['</s>', 2]])
}

// Python's lower() gives a capital sigma at the end of a word its final form
const cased = '\\p{Lu}\\p{Ll}\\p{Lt}'
const ignored = "[\\p{Mn}\\p{Me}\\p{Cf}\\p{Lm}\\p{Sk}'.:\\u00b7\\u2019]*"
/**
 * SiglipTokenizer.canonicalize_text, with Python's lower(), string.punctuation and \s (which includes U+001C to
 * U+001F).
 */
const canonical = [
  { type: 'Replace', pattern: { String: '\u2581' }, content: ' ' },
  { type: 'Replace', pattern: { Regex: `(?<=[${cased}]${ignored})\u03a3(?!${ignored}[${cased}])` }, content: '\u03c2' },
  { type: 'Lowercase' },
  { type: 'Replace', pattern: { Regex: '[!-/:-@\\[-`{-~]' }, content: '' },
  { type: 'Replace', pattern: { Regex: '[\\s\\x1c-\\x1f]+' }, content: ' ' },
]

/**
 * SentencePiece sees the word-start sign before the text: a character map that turns it into a space merges it with
 * white space that follows; without one that white space counts.
 */
function trimmed(charsmap: string): object[] {
  const joins = charsmap !== '' && readCharsmap(charsmap)('\u2581') === ' '
  return [
    { type: 'Strip', strip_left: joins, strip_right: true },
    { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' },
    ...(joins ? [] : [{ type: 'Replace', pattern: { Regex: '(?<!.) ' }, content: '\u2581\u2581' }]),
  ]
}

function endOf(vocab: [string, number][]): [string, number][] {
  const id = vocab.findIndex(([text]) => text === '</s>')
  return id < 0 ? [] : [['</s>', id]]
}

interface Steps {
  before: object[]
  after: object[]
  splitter: object
}

const metaspace = (scheme: string) => ({
  type: 'Metaspace',
  replacement: '\u2581',
  prepend_scheme: scheme,
  split: true,
})
const byWords: Steps = {
  before: [],
  after: [],
  splitter: { type: 'Sequence', pretokenizers: [{ type: 'WhitespaceSplit' }, metaspace('always')] },
}

function tokenizer(
  vocab: [string, number][],
  unkId: number,
  charsmap: string,
  added: object[],
  before: [string, number][],
  after: [string, number][],
  steps = byWords,
): object {
  const parts = (tokens: [string, number][]) => tokens.map(([id]) => ({ SpecialToken: { id, type_id: 0 } }))
  const tokens = Object.fromEntries(
    [...before, ...after].map(([id, value]) => [id, { id, ids: [value], tokens: [id] }]),
  )
  return {
    added_tokens: added,
    normalizer: {
      type: 'Sequence',
      normalizers: [
        ...steps.before,
        ...(charsmap === '' ? [] : [{ type: 'Precompiled', precompiled_charsmap: charsmap }]),
        ...steps.after,
      ],
    },
    pre_tokenizer: steps.splitter,
    post_processor: {
      type: 'TemplateProcessing',
      single: [...parts(before), { Sequence: { id: 'A', type_id: 0 } }, ...parts(after)],
      pair: [],
      special_tokens: tokens,
    },
    decoder: { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'always', split: true },
    model: { type: 'Unigram', unk_id: unkId, vocab, byte_fallback: false },
  }
}

function special(content: string, id: number): object {
  return { id, content, special: true, normalized: false, single_word: false, lstrip: false, rstrip: false }
}

function pieceOf(bytes: Buffer): Piece {
  const piece = { text: '', score: 0, type: 1 }
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) piece.text = field.bytes.toString('utf8')
    if (field.number === 2) piece.score = field.bytes.length === 4 ? field.bytes.readFloatLE() : 0
    if (field.number === 3) piece.type = field.value
  }
  return piece
}

/** The fields of a message; throws a RangeError if it ends early or a wire type is invalid. */
function* fieldsOf(message: Buffer): Generator<Field> {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 1;; shift *= 128) {
      const byte = message[at++]
      if (byte === undefined || shift > 2 ** 63) throw new RangeError(`it ends within a number at byte ${at}`)
      value += (byte & 127) * shift
      if (byte < 128) return value
    }
  }
  while (at < message.length) {
    const key = varint()
    const wire = key % 8
    if (![0, 1, 2, 5].includes(wire)) throw new RangeError(`found wire type ${wire} at byte ${at}`)
    const value = wire === 0 || wire === 2 ? varint() : 0
    const length = wire === 2 ? value : wire === 1 ? 8 : wire === 5 ? 4 : 0
    if (length > message.length - at) throw new RangeError(`it ends within a field at byte ${at}`)
    yield { number: Math.floor(key / 8), value, bytes: message.subarray(at, at + length) }
    at += length
  }
}
