/** The native conversion with its tokenizer, progress and cancellation, shared by convert and quantize. */
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import path from 'node:path'

import { withAbort } from '../async/abort.js'
import type { ModelLocation } from '../models/model-path.js'
import type { NativeConvertOptions, NativeConvertTask, NativeFolders } from '../native/contract.js'
import { loadAddon } from '../native/load.js'
import { ownRealm } from '../native/own-realm.js'
import { fileTokenizer } from '../tokenizer/files/for-file.js'

/** Progress of a conversion. */
export interface ConvertProgress {
  /** `download`: a model of the hub; `measure`: the importance of weights on the samples; `write`: the file. */
  stage: 'download' | 'measure' | 'write'
  /** Samples seen, or bytes downloaded or written. */
  done: number
  /** Samples or bytes in total. */
  total: number
  /** The current file, sample or tensor. */
  item: string
}

/** Result of {@link convert} and {@link quantize}. */
export interface ConvertResult {
  /** Size of the file. */
  bytes: number
  /** Number of tensors by type. */
  tensors: Record<string, number>
}

export interface WriteSettings extends Omit<NativeConvertOptions, 'tokenizer' | keyof NativeFolders> {
  onProgress: ((progress: ConvertProgress) => void) | undefined
  signal: AbortSignal | undefined
}

const reportEveryMs = 50

/** @param input from `locateModel` */
export async function writeModel(
  input: ModelLocation,
  output: string,
  settings: WriteSettings,
): Promise<ConvertResult> {
  const { onProgress, signal, ...native } = settings
  const { tokenizerFolder, processorFolder } = input
  const folder = tokenizerFolder || folderOf(input.path)
  const tokenizer = folder === undefined ? null : await fileTokenizer(folder, signal)
  let task: NativeConvertTask | undefined
  const failures: unknown[] = []
  const report = (): void => {
    const now = task!.progress()
    try {
      onProgress!({ stage: 'write', done: now.bytesDone, total: now.bytes, item: now.tensor })
    } catch (error) {
      failures.push(error)
      task!.abort()
    }
  }
  const timer = onProgress && setInterval(() => task && report(), reportEveryMs)
  try {
    const result = ownRealm(
      await withAbort(
        signal,
        () => (task = loadAddon().convert(input.path, output, {
          ...native,
          tokenizer,
          tokenizerFolder,
          processorFolder,
        })),
      ),
    )
    if (onProgress) report()
    if (failures.length > 0) throw failures[0]
    return result
  } catch (error) {
    throw failures.length > 0 ? failures[0] : error
  } finally {
    clearInterval(timer)
  }
}

/** The folder of the tokenizer's files: beside the weights; undefined for GGUF files, which contain their own. */
function folderOf(input: string): string | undefined {
  const stat = statSync(input)
  if (stat.isDirectory()) return input
  // opening a pipe without a writer would block for ever; the native side reports the problem
  if (!stat.isFile()) return undefined
  const magic = Buffer.alloc(4)
  const file = openSync(input, 'r')
  try {
    readSync(file, magic, 0, 4, 0)
  } finally {
    closeSync(file)
  }
  return magic.toString('latin1') === 'GGUF' ? undefined : path.dirname(input)
}
