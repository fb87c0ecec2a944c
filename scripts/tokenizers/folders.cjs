// dprint-ignore-file: a table of files
/**
 * Checkpoint folders with small tokenizers of every kind, and such with added tokens, all made from seeds: files by name,
 * what the reference is, what ggclip is told of it, and which texts are known to differ (`apart`).
 */
const { readFileSync } = require('node:fs')
const { join } = require('node:path')

const { mixed, mojibake, mutated, pieces: odd, randomOf, texts } = require('./texts.cjs')

const fixtures = join(__dirname, '..', '..', 'test', 'fixtures', 'tokenizer')
const read = (...path) => readFileSync(join(fixtures, ...path), 'utf8')

const words = ['photo', 'the', 'cat', 'dog', 'und', 'quick', 'brown', 'straße', 'чат', 'кота', 'γάτα', 'catalog', 'ing', 'er', 'tion', 'full', 'width']
const letters = [...'abcdefghijklmnopqrstuvwxyz0123456789.,!?-\'"&;:()éèàöüßçñ', ...'абвгдежзиклмнопрстуфхцчшщыьэюяёії', ...'αβγδεζηθικλμνξοπρστυφχψωάς', ...'一只猫的照片两狗写真のカタナ고양이사진', ...'²½🙂']

const json = value => JSON.stringify(value)
const idsOf = tokens => Object.fromEntries(tokens.map((token, id) => [token, id]))
const config = (name, more = {}) => json({ tokenizer_class: name, ...more })
const clipNames = { bos_token: '<|startoftext|>', eos_token: '<|endoftext|>', pad_token: '<|endoftext|>', unk_token: '<|endoftext|>' }

function clipFiles() {
  return { 'vocab.json': read('vocab.json'), 'merges.txt': read('merges.txt'), 'tokenizer_config.json': config('CLIPTokenizer', clipNames) }
}

function clipJson(more = {}) {
  const pattern = "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"
  const special = (content, id) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })
  return {
    version: '1.0', truncation: null, padding: null, added_tokens: [special('<|startoftext|>', 1712), special('<|endoftext|>', 1713)],
    normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' }, { type: 'Lowercase' }] },
    pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Split', pattern: { Regex: pattern }, behavior: 'Removed', invert: true },
      { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }] },
    post_processor: { type: 'RobertaProcessing', sep: ['<|endoftext|>', 1713], cls: ['<|startoftext|>', 1712], trim_offsets: false, add_prefix_space: false },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE', dropout: null, unk_token: '<|endoftext|>', continuing_subword_prefix: '', end_of_word_suffix: '</w>', fuse_unk: false, byte_fallback: false,
      ignore_merges: false, vocab: JSON.parse(read('vocab.json')), merges: read('merges.txt').trim().split('\n').slice(1).map(line => line.split(' ')),
    },
    ...more,
  }
}

function bertVocabulary() {
  return ['[PAD]', '[unused1]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...letters, ...letters.map(letter => `##${letter}`), ...words, ...words.map(word => `##${word}`), 'A', 'É', '##É', 'É́']
}

const frame = (before, after) => ({
  type: 'TemplateProcessing',
  single: [...before.map(([id]) => ({ SpecialToken: { id, type_id: 0 } })), { Sequence: { id: 'A', type_id: 0 } }, ...after.map(([id]) => ({ SpecialToken: { id, type_id: 0 } }))],
  pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
  special_tokens: Object.fromEntries([...before, ...after].map(([id, value]) => [id, { id, ids: [value], tokens: [id] }])),
})

function bertJson(normalizer) {
  const vocab = idsOf(bertVocabulary())
  const special = content => ({ id: vocab[content], content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })
  return {
    version: '1.0', truncation: null, padding: null, added_tokens: ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'].map(special),
    normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true, ...normalizer },
    pre_tokenizer: { type: 'BertPreTokenizer' }, post_processor: frame([['[CLS]', 3]], [['[SEP]', 4]]), decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100, vocab },
  }
}

/** Unigram pieces with their scores. */
function scored(first) {
  const list = [...new Set([...words.map(word => `▁${word}`), ...words, '▁', ...letters, '▁a', '▁▁', 'th', 'he', 'ca', 'at'])]
  return [...first.map(token => [token, 0]), ...list.map((token, index) => [token, -2 - ((index * 7) % 23) / (4 << [...token].length)])]
}

function unigramJson({ normalizer, splitter, before = [], after = [], names, more = {} }) {
  const vocab = scored(names)
  const special = content => ({ id: names.indexOf(content), content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })
  return {
    version: '1.0', truncation: null, padding: null, added_tokens: names.map(special), normalizer, pre_tokenizer: splitter, post_processor: frame(before, after),
    decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true }, model: { type: 'Unigram', unk_id: names.indexOf('<unk>'), vocab, byte_fallback: false, ...more },
  }
}

const metaspace = (scheme = 'always', split = true) => ({ type: 'Metaspace', replacement: '▁', prepend_scheme: scheme, split })
const sequence = (...normalizers) => ({ type: 'Sequence', normalizers })
const regex = (Regex, content) => ({ type: 'Replace', pattern: { Regex }, content })

function gemmaJson() {
  const names = ['<pad>', '<eos>', '<bos>', '<unk>', '<mask>']
  const merges = [['▁', 'a'], ['▁', 't'], ['h', 'e'], ['▁t', 'he'], ['c', 'a'], ['ca', 't'], ['▁', 'cat'], ['o', 'f'], ['p', 'h'], ['o', 't'], ['ot', 'o'], ['ph', 'oto'], ['▁', '▁']]
  const tokens = [...names, ...Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`), ...new Set(['▁', ...letters, ...merges.map(pair => pair.join(''))])]
  const vocab = idsOf(tokens)
  const special = content => ({ id: vocab[content], content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })
  return {
    version: '1.0', truncation: null, padding: null, added_tokens: names.map(special), normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
    pre_tokenizer: { type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithPrevious', invert: false }, post_processor: frame([], [['<eos>', 1]]),
    decoder: { type: 'Sequence', decoders: [{ type: 'Replace', pattern: { String: '▁' }, content: ' ' }, { type: 'ByteFallback' }, { type: 'Fuse' }] },
    model: { type: 'BPE', dropout: null, unk_token: '<unk>', continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: true, byte_fallback: true, ignore_merges: false, vocab, merges },
  }
}

/** GPT-2's kind: bytes, no sign at a word's end. */
function byteLevelJson(splitter, more = {}) {
  const vocab = JSON.parse(read('vocab.json'))
  const tokens = Object.keys(vocab).filter(token => !token.includes('</w>') && !token.startsWith('<|') && [...token].length === 1)
  const merges = [['Ġ', 'a'], ['Ġ', 't'], ['h', 'e'], ['Ġt', 'he'], ['i', 'n'], ['p', 'h'], ['o', 't'], ['ph', 'ot'], ['Ġ', 'phot'], ['Ã', '©'], ['Ġ', 'Ġ'], ['1', '2']]
  const all = ['<s>', '<pad>', '</s>', '<unk>', ...tokens, ...merges.map(pair => pair.join(''))]
  const special = (content, id) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })
  return {
    version: '1.0', truncation: null, padding: null, added_tokens: ['<s>', '<pad>', '</s>', '<unk>'].map(special), normalizer: null, pre_tokenizer: splitter,
    post_processor: { type: 'RobertaProcessing', sep: ['</s>', 2], cls: ['<s>', 0], trim_offsets: true, add_prefix_space: false }, decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, ignore_merges: false, vocab: idsOf(all), merges },
    ...more,
  }
}

// what docs/tokenizer.md names as known differences
const newerUnicode = /[\u058c\u{10d63}\u{18e99}\u{190ed}]/u
const literalSpecials = /<\/s>|<unk>/

const llama3 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
const generic = (value, more) => ({ 'tokenizer.json': json(value), 'tokenizer_config.json': config('PreTrainedTokenizerFast', more) })
const split = (Regex, behavior, invert = false) => ({ type: 'Split', pattern: { Regex }, behavior, invert })
const then = (...pretokenizers) => ({ type: 'Sequence', pretokenizers })
const bytes = (more = {}) => ({ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true, ...more })

/** Every kind once, over the same texts. */
function kinds() {
  const t5 = ['<pad>', '</s>', '<unk>']
  const xlm = ['<s>', '<pad>', '</s>', '<unk>']
  const siglipNormalizer = sequence({ type: 'Lowercase' }, regex('[!-/:-@\\[-`{-~]', ''), regex('\\s+', ' '), { type: 'Strip', strip_left: true, strip_right: true })
  const unigram = (normalizer, splitter, more = {}) => generic(unigramJson({ names: t5, normalizer, splitter, after: [['</s>', 1]], ...more }))
  return [
    { name: 'clip', files: clipFiles() },
    { name: 'clip-json', files: { 'tokenizer.json': json(clipJson()), 'tokenizer_config.json': config('CLIPTokenizer', clipNames) } },
    { name: 'clip-json-generic', files: generic(clipJson({ normalizer: { type: 'NFKC' } })) },
    { name: 'clip-json-bare', files: generic(clipJson({ normalizer: null, pre_tokenizer: bytes(), post_processor: null })) },
    { name: 'open-clip', files: clipFiles(), reference: 'open_clip', clean: 'lower', cleaning: 'open_clip', mojibake: true, apart: newerUnicode },
    { name: 'open-clip-canonicalize', files: clipFiles(), reference: 'open_clip', clean: 'canonicalize', cleaning: 'canonicalize', apart: newerUnicode },
    { name: 'open-clip-hf', files: { 'tokenizer.json': json(bertJson()), 'tokenizer_config.json': config('BertTokenizer') }, reference: 'hf_tokenizer', clean: 'whitespace', cleaning: 'repair' },
    { name: 'bert', files: { 'tokenizer.json': json(bertJson()), 'tokenizer_config.json': config('BertTokenizer', { do_lower_case: true }) } },
    { name: 'bert-lies', files: { 'tokenizer.json': json(bertJson({ lowercase: true })), 'tokenizer_config.json': config('BertTokenizer', { do_lower_case: false, strip_accents: true }) } },
    { name: 'bert-vocab-txt', files: { 'vocab.txt': `${bertVocabulary().join('\n')}\n`, 'tokenizer_config.json': config('BertTokenizer', { do_lower_case: false, tokenize_chinese_chars: false }) } },
    { name: 'bert-generic', files: generic(bertJson({ lowercase: false, strip_accents: true, handle_chinese_chars: false })) },
    { name: 'xlm-roberta-model', files: { 'sentencepiece.bpe.model': readFileSync(join(fixtures, 'xlm-roberta', 'sentencepiece.bpe.model')), 'tokenizer_config.json': read('xlm-roberta', 'tokenizer_config.json') } },
    { name: 'xlm-roberta', files: generic(unigramJson({ names: xlm, normalizer: sequence({ type: 'NFKC' }, regex(' {2,}', ' ')), splitter: then({ type: 'WhitespaceSplit' }, metaspace()), before: [['<s>', 0]], after: [['</s>', 2]] })) },
    { name: 'siglip', files: { 'tokenizer.json': unigram(siglipNormalizer, metaspace())['tokenizer.json'], 'tokenizer_config.json': config('PreTrainedTokenizerFast', { eos_token: '</s>', pad_token: '</s>', unk_token: '<unk>' }) } },
    { name: 'siglip-spiece', files: { 'spiece.model': readFileSync(join(fixtures, 'siglip', 'spiece.model')), 'tokenizer_config.json': read('siglip', 'tokenizer_config.json') }, apart: literalSpecials },
    { name: 'siglip2', files: { 'tokenizer.json': json(gemmaJson()), 'tokenizer_config.json': config('Siglip2Tokenizer', { bos_token: '<bos>', eos_token: '<eos>', pad_token: '<pad>', unk_token: '<unk>' }) }, cleaning: 'lower' },
    { name: 'gemma', files: generic(gemmaJson()) },
    { name: 'gpt2', files: generic(byteLevelJson(bytes({ add_prefix_space: true }))) },
    { name: 'llama3', files: generic(byteLevelJson(then(split(llama3, 'Isolated'), bytes({ use_regex: false })))) },
    { name: 'digits', files: generic(byteLevelJson(then({ type: 'Digits', individual_digits: false }, { type: 'Punctuation', behavior: 'Contiguous' }, bytes()), { normalizer: { type: 'NFD' } })) },
    { name: 'unigram-marks', files: unigram(sequence({ type: 'NFKD' }, { type: 'StripAccents' }, { type: 'Lowercase' }, { type: 'Strip', strip_left: true, strip_right: false }), metaspace('first')) },
    { name: 'unigram-unsplit', files: unigram({ type: 'Nmt' }, metaspace('always', false)) },
    { name: 'unigram-whitespace', files: unigram(sequence({ type: 'NFKC' }, { type: 'Prepend', prepend: '▁' }), then({ type: 'Whitespace' }, { type: 'Punctuation', behavior: 'MergedWithPrevious' }, { type: 'Digits', individual_digits: true }, metaspace('never'))) },
    { name: 'unigram-split', files: unigram(null, then(split('\\d+|[aeiou]', 'MergedWithNext'), split('[^\\s]+', 'Removed', true), metaspace())) },
    { name: 'unigram-bytes', files: unigram(null, metaspace(), { names: [...t5, ...Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)], more: { byte_fallback: true } }) },
  ]
}

/** Folders with random added tokens: contents of every kind, flags, ids with gaps, in all of the files that may hold them. */
function withAddedTokens(count, seed = 7) {
  const random = randomOf(seed)
  const pick = list => list[random(list.length)]
  const contents = () => pick([
    () => `<${pick(['cat-toy', 'MyStyle', 'S', 'sks', 'ÉTÉ', '日本', 'x y'])}>`, () => pick(['sks', 'S*', 'plain', 'cat', 'Cat', 'ca', 'cats', 'PHOTO', 'a', '▁cat', '  ', 'der Hund', '²', 'é', 'e\u0301', 'ﬁ', '🙂', '猫', '.', '<', '</w>']),
    () => pick(odd), () => pick(words) + pick(['', 's', '!', ' ']),
  ])()
  const token = () => {
    const special = random(4) === 0
    return { content: contents(), single_word: random(4) === 0, lstrip: random(5) === 0, rstrip: random(5) === 0, normalized: random(2) === 0, special }
  }
  const bases = kinds().filter(({ name }) => ['clip', 'clip-json', 'clip-json-generic', 'bert', 'bert-generic', 'bert-vocab-txt', 'xlm-roberta', 'siglip', 'siglip2', 'gemma', 'gpt2'].includes(name))
  return Array.from({ length: count }, (_, index) => {
    const base = bases[index % bases.length]
    const files = { ...base.files }
    const tokens = [...new Map(Array.from({ length: 1 + random(6) }, token).filter(({ content }) => content !== '').map(one => [one.content, one])).values()]
    const settings = JSON.parse(files['tokenizer_config.json'])
    const first = 1714 + random(2) * random(60)
    const placed = tokens.map((one, at) => [first + at, one])
    const parsed = files['tokenizer.json'] && JSON.parse(files['tokenizer.json'])
    const where = parsed ? pick(['json', 'decoder', 'file', 'json']) : pick(['decoder', 'file'])
    if (where === 'decoder') settings.added_tokens_decoder = Object.fromEntries(placed)
    else if (where === 'file') files['added_tokens.json'] = json(Object.fromEntries(placed.map(([id, { content }]) => [content, id])))
    else {
      parsed.added_tokens.push(...placed.map(([id, one]) => ({ id, ...one })).filter(({ content }) => !parsed.added_tokens.some(other => other.content === content)))
      files['tokenizer.json'] = json(parsed)
    }
    if (random(5) === 0) settings.extra_special_tokens = [contents()].filter(content => content !== '')
    files['tokenizer_config.json'] = json(settings)
    if (random(4) === 0) files['special_tokens_map.json'] = json({ pad_token: pick(['!', '<pad>', { content: 'x', lstrip: true, rstrip: false, normalized: true, single_word: false }]) })
    const around = tokens.flatMap(({ content }) => [content, `a ${content} b`, `a${content}b`, content.toUpperCase(), content.toLowerCase(), ` ${content}  ${content}`, `${content}_x`, `\u00a0${content}\ufeff`])
    const mix = Array.from({ length: 10 }, () => Array.from({ length: 5 }, () => pick([pick(tokens).content, pick(words), pick(odd), ' '])).join(pick(['', ' ', ''])))
    return { ...base, name: `added-${index}-${base.name}`, files, texts: [...around, ...mix, ...mutated(random, 4), ...mixed(random, 4)] }
  })
}

/** All folders with their texts. */
function folders({ size = 1, seed = 1, added = 66 } = {}) {
  const shared = texts(seed, size)
  const kept = kinds().map(kind => ({ ...kind, texts: kind.mojibake ? [...shared, ...mojibake(randomOf(seed), 600 * size)] : shared }))
  return [...kept, ...withAddedTokens(added, seed + 6)].map(folder => ({ ...folder, texts: folder.texts.filter(text => !folder.apart?.test(text)) }))
}

module.exports = { folders }
