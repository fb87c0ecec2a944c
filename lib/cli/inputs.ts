/** Inputs from arguments, files and stdin: several processed at a time, results in order. */
import { createReadStream } from 'node:fs'

import { mapInOrder } from '../async/pipeline.js'
import { ClipError, type ImageInput } from '../library.js'
import { NotText, textLines } from '../text-bytes.js'
import { isInputFailure, UsageError } from './failure.js'
import { exactPaths } from './raw-arguments.js'
import type { Shell } from './shell.js'

/** Two of the engine's default batches: one computed, one being decoded. */
const inFlight = 64

type Outcome<T, R> = { item: T; value: R } | { item: T; error: unknown }

/**
 * Runs `work` on each image and passes the results to `print` in the order given. `-` is the image on stdin. An image
 * that cannot be read or decoded is reported, and the others continue.
 */
export async function eachImage<R>(
  shell: Shell,
  paths: readonly string[],
  work: (image: ImageInput) => Promise<R>,
  print: (path: string, result: R) => Promise<void>,
): Promise<void> {
  // checked before the work starts: a repeated '-' fails at once
  const stdin = paths.filter(path => path === '-').map(() => shell.stdin('an image'))[0]
  let done = 0
  const inputs = exactPaths(paths).map((input, i) => ({ path: paths[i]!, input }))
  for await (
    const outcome of inOrder(
      shell,
      inputs,
      async ({ path, input }) => work(path === '-' ? await readAll(stdin!) : input),
    )
  ) {
    if ('error' in outcome) {
      if (shell.signal.aborted || !isInputFailure(outcome.error)) throw outcome.error
      shell.report(withName(outcome.error as Error, outcome.item.path))
    } else {
      await print(outcome.item.path, outcome.value)
    }
    if (++done < paths.length) shell.status(`${done} of ${paths.length} images`)
  }
}

/** Runs `work` on each text and passes the results to `print` in order. */
export async function eachText<R>(
  shell: Shell,
  texts: Iterable<string> | AsyncIterable<string>,
  work: (text: string) => Promise<R>,
  print: (text: string, result: R) => Promise<void>,
): Promise<void> {
  let done = 0
  for await (const outcome of inOrder(shell, texts, work)) {
    if ('error' in outcome) throw outcome.error
    await print(outcome.item, outcome.value)
    if (++done % 100 === 0) shell.status(`${done} texts`)
  }
}

/** The texts of the arguments, or for a single `-` the lines of stdin. */
export function textsOf(shell: Shell, texts: readonly string[]): Iterable<string> | AsyncIterable<string> {
  return texts.length === 1 && texts[0] === '-' ? lines('texts on stdin', shell.stdin('texts')) : checkArguments(texts)
}

/** Node replaces invalid UTF-8 in arguments by U+FFFD: their bytes are lost. */
export function checkArguments(texts: readonly string[]): readonly string[] {
  for (const text of texts) {
    if (text.includes('\ufffd'))
      throw new UsageError(`the text '${text}' is not UTF-8: give it on standard input or in a file, as UTF-8`)
  }
  return texts
}

/** A file's lines, trimmed, without blank ones; `-`: stdin's. */
export async function readLabels(shell: Shell, path: string): Promise<string[]> {
  const source = path === '-' ? lines('labels on stdin', shell.stdin('labels')) : fileLines('labels file', path)
  const labels: string[] = []
  for await (const line of source) if (line.trim() !== '') labels.push(line.trim())
  return labels
}

/** `what`: the kind of file, for messages. */
export async function* fileLines(what: string, path: string): AsyncGenerator<string> {
  const name = `${what} '${path}'`
  try {
    yield* lines(name, createReadStream(path) as AsyncIterable<Buffer>)
  } catch (error) {
    if (error instanceof ClipError) throw error
    throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', `${name} cannot be read: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** Lines as they arrive. @throws {ClipError} ERR_CLIP_FILE_FORMAT: bytes that are not text */
async function* lines(name: string, stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let count = 0
  try {
    for await (const line of textLines(stream)) {
      count += 1
      yield line
    }
  } catch (error) {
    if (!(error instanceof NotText)) throw error
    throw new ClipError(
      'ERR_CLIP_FILE_FORMAT',
      `${name}: expected UTF-8 text, one a line; after line ${count} ${error.message}`,
      { cause: error },
    )
  }
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function inOrder<T, R>(
  shell: Shell,
  items: Iterable<T> | AsyncIterable<T>,
  work: (item: T) => Promise<R>,
): AsyncIterable<Outcome<T, R>> {
  return mapInOrder(
    items,
    { limit: inFlight, signal: shell.signal },
    item => work(item).then(value => ({ item, value }), (error: unknown) => ({ item, error })),
  )
}

/** The library has no name for bytes from stdin in its messages. */
function withName(error: Error, path: string): Error {
  return path === '-' ? Object.assign(error, { message: error.message.replace(/^image/, 'image on stdin') }) : error
}
