import { open, readdir } from 'node:fs/promises'
import { constants } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { throwIfAborted } from '../../async/abort.js'
import { ClipError, invalidArgument } from '../../errors.js'
import { checkJsonSize, checkLines } from './file-budget.js'
import { type PieceKind, sentencePieceJson } from './sentencepiece.js'
import { failing } from './parts.js'
import { wordPieceJson } from '../words/word-piece.js'
import { specialNames } from '../special-tokens.js'
import type { TokenizerJsonSource, VocabularySource } from '../types.js'

// the largest in use are below 40 MB (256,000 tokens with their merges)
const maxFileBytes = 256 * 2 ** 20

const pieceModels = ['spiece.model', 'sentencepiece.bpe.model', 'sentencepiece.model']
const otherFormats = ['tokenizer.model']
// transformers' GemmaTokenizer and Siglip2Tokenizer pad on the left unless their configuration says otherwise
const leftPadded = /^(Gemma|Siglip2)Tokenizer/

/** Result of {@link readTokenizerSource}. */
export interface TokenizerFiles {
  source: TokenizerJsonSource | VocabularySource
  /** Names of the files read. */
  files: string[]
  /** `model_max_length` of tokenizer_config.json; absent if it means no limit. */
  contextLength?: number
}

/**
 * Reads the tokenizer of a checkpoint folder: tokenizer.json, else vocab.json with merges.txt, and the files beside
 * them: tokenizer_config.json, special_tokens_map.json, added_tokens.json. The vocabulary is parsed only when the
 * tokenizer first needs it.
 *
 * @throws TypeError ERR_CLIP_INVALID_ARGUMENT if `directory` is not a string
 * @throws ClipError ERR_CLIP_FILE_NOT_FOUND if there is no such folder or merges.txt is missing beside vocab.json,
 *   ERR_CLIP_TOKENIZER_MISSING if it has no usable tokenizer, ERR_CLIP_TOKENIZER_INVALID if a configuration is
 *   broken, ERR_CLIP_FILE_LIMIT if a file is larger than 256 MiB
 */
export async function readTokenizerSource(directory: string, signal?: AbortSignal): Promise<TokenizerFiles> {
  if (typeof directory !== 'string') throw invalidArgument('directory', 'a path', directory)
  const names = await filesOf(directory)
  const files: string[] = []
  const read = async (name: string): Promise<string> => {
    files.push(name)
    return readText(join(directory, name), signal)
  }
  const readJson = async (name: string): Promise<Record<string, unknown>> => {
    if (!names.has(name)) return {}
    return parseObject(await read(name), join(directory, name))
  }
  let source: TokenizerFiles['source']
  const config = await readJson('tokenizer_config.json')
  // transformers' SiglipTokenizer always reads the model file
  const siglip = config.tokenizer_class === 'SiglipTokenizer' && names.has('spiece.model')
  if (names.has('tokenizer.json') && !siglip) {
    source = { json: await read('tokenizer.json') }
  } else if (names.has('vocab.json') && !siglip) {
    if (!names.has('merges.txt')) {
      throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', `${directory}: expected merges.txt beside vocab.json, found none`)
    }
    source = { vocab: await read('vocab.json'), merges: await read('merges.txt') }
  } else if (names.has('vocab.txt') && !siglip) {
    source = { json: wordPieceJson(await read('vocab.txt'), config, join(directory, 'vocab.txt')) }
  } else if (pieceModels.some(name => names.has(name))) {
    const name = pieceModels.find(candidate => names.has(candidate))!
    files.push(name)
    const { tokenizer_class: type } = config
    source = {
      json: sentencePieceJson(
        await readBytes(join(directory, name), signal),
        pieceKind(type, name),
        join(directory, name),
      ),
    }
  } else if (names.has('tokenizer.model') && await isTips(directory, config, names, signal)) {
    files.push('tokenizer.model')
    const file = join(directory, 'tokenizer.model')
    source = { json: sentencePieceJson(await readBytes(file, signal), 'tips', file) }
  } else {
    const others = otherFormats.filter(name => names.has(name))
    const found = others.length > 0 ? `only ${others.join(', ')}, which is not read` : 'neither'
    throw new ClipError(
      'ERR_CLIP_TOKENIZER_MISSING',
      `${directory}: expected tokenizer.json, vocab.json with merges.txt, vocab.txt or a SentencePiece model, found ${found}`,
    )
  }
  const map = await readJson('special_tokens_map.json')
  const added = await readJson('added_tokens.json')
  source.beside = { config, map, added }
  source.specials = failing(directory, () => specialNames({ config, map, added }))
  if ('json' in source) {
    const { padding_side: side, tokenizer_class: name } = config
    if (side === 'left' || side === 'right') source.paddingSide = side
    source.leftByDefault = typeof name === 'string' && leftPadded.test(name)
  }
  const length = config.model_max_length
  const contextLength = Number.isInteger(length) && (length as number) >= 2 && (length as number) <= 1e6
    ? (length as number)
    : undefined
  return { source, files, contextLength }
}

/** Google's own files of TIPS have no tokenizer_config.json, and a tokenizer.model is another tokenizer's elsewhere. */
async function isTips(
  directory: string,
  { tokenizer_class: type }: Record<string, unknown>,
  names: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (typeof type === 'string') return type === 'Tipsv2Tokenizer'
  if (!names.has('config.json')) return false
  const file = join(directory, 'config.json')
  const { model_type: model } = parseObject(await readText(file, signal), file)
  return model === 'tipsv2' || model === 'tipsv2_text_model'
}

function pieceKind(tokenizerClass: unknown, file: string): PieceKind {
  if (typeof tokenizerClass !== 'string') return file === 'sentencepiece.bpe.model' ? 'xlm-roberta' : 'plain'
  return tokenizerClass.startsWith('XLMRoberta')
    ? 'xlm-roberta'
    : tokenizerClass.startsWith('Siglip')
    ? 'siglip'
    : 'plain'
}

async function filesOf(directory: string): Promise<Set<string>> {
  try {
    return new Set(await readdir(directory))
  } catch (cause) {
    const message = `${directory}: expected a folder, ${(cause as Error).message}`
    throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', message, { cause })
  }
}

async function readText(path: string, signal: AbortSignal | undefined): Promise<string> {
  return (await readBytes(path, signal)).toString('utf8')
}

/** Reads the whole file as of one moment: half a vocabulary would be a vocabulary with other ids. */
async function readBytes(path: string, signal: AbortSignal | undefined): Promise<Buffer> {
  let bytes: Buffer
  try {
    bytes = await readUnchanged(path, signal)
  } catch (cause) {
    throwIfAborted(signal)
    if (cause instanceof ClipError) throw cause
    throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', `${path}: cannot be read, ${(cause as Error).message}`, { cause })
  }
  const other = standIn(bytes)
  if (other !== undefined) throw new ClipError('ERR_CLIP_TOKENIZER_INVALID', `${path}: found ${other}`)
  if (path.endsWith('.json')) checkJsonSize(bytes, path)
  if (path.endsWith('.txt')) checkLines(bytes, path)
  return bytes
}

async function readUnchanged(path: string, signal: AbortSignal | undefined): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK) // do not wait for a writer of a FIFO
  try {
    const before = await file.stat({ bigint: true })
    if (!before.isFile()) throw new Error('not a regular file')
    if (before.size > maxFileBytes) {
      throw new ClipError(
        'ERR_CLIP_FILE_LIMIT',
        `${path}: expected at most ${maxFileBytes} bytes, found ${before.size}`,
      )
    }
    // the clock of modification times ticks some hundred times a second: a file written in this tick could be written
    // again in it
    if (Date.now() - Number(before.mtimeMs) < 20) await setTimeout(20)
    const bytes = await file.readFile({ signal })
    const after = await file.stat({ bigint: true })
    if (after.size !== before.size || after.mtimeNs !== before.mtimeNs || BigInt(bytes.length) !== before.size) {
      throw new ClipError(
        'ERR_CLIP_FILE_CHANGED',
        `${path}: expected a file that stays as it is while it is read, found that it was written to`,
      )
    }
    return bytes
  } finally {
    await file.close()
  }
}

/** What replaces a file after an incomplete download. */
function standIn(bytes: Buffer): string | undefined {
  const start = bytes.toString('utf8', 0, 256).trimStart().toLowerCase()
  if (start.startsWith('version https://git-lfs'))
    return 'a Git LFS pointer in place of the file: fetch it with `git lfs pull`, or download it'
  if (/^<(?:!doctype|html|head|body|\?xml|error>)/.test(start))
    return 'a web page in place of the file: an error or login page that a download saved under its name?'
  return undefined
}

function parseObject(text: string, path: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new ClipError('ERR_CLIP_TOKENIZER_INVALID', `${path} is not JSON: ${(cause as Error).message}`, { cause })
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  const found = JSON.stringify(value).slice(0, 60)
  throw new ClipError('ERR_CLIP_TOKENIZER_INVALID', `${path}: expected an object, found ${found}`)
}
