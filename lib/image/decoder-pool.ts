/**
 * Decoding that can be stopped. No library stops within a filter of an SVG or an AVIF frame, and no thread can be
 * killed from outside, but a process can. A few processes are started on demand, killed if an image takes too long, too
 * much memory, or is cancelled, and ended after a time without work. None keeps the host alive or outlives it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { clearTimeout, setTimeout } from 'node:timers'

import { abortReason, onAbort, throwIfAborted } from '../async/abort.js'
import { withTimeLimit } from '../async/deadline.js'
import { ClipError, type ClipErrorCode } from '../errors.js'
import type { NativePixels } from '../native/contract.js'
import type { DecodeContext } from './decode-context.js'
import type { DecodeRequest, DecodeResponse } from './decoder-process.js'
import { type Frame, FrameReader, writeFrame } from './frames.js'
import { Gate } from '../async/gate.js'
import type { PictureFormat } from './picture-format.js'

/** Enough for the cores beside the host, few enough for memory: 60 MB each. */
const mostProcesses = 4
const idleMs = 15_000
/** A process that is not ready by then never will be. Long, since the machine may be busy. */
const startMs = 30_000

/** No process can be started: the caller must do without. */
export class NoDecoder extends Error {}

class DecoderProcess {
  readonly #child: ChildProcess
  readonly #input: Writable
  readonly #output: Readable
  #waiting: { resolve(frame: Frame<DecodeResponse>): void; reject(error: unknown): void } | undefined
  #mostBytes = 0
  #idle: NodeJS.Timeout | undefined
  gone = false

  constructor(file: string) {
    this.#child = spawn(process.execPath, [file], {
      stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
      env: environment(),
      windowsHide: true,
    })
    // where the system or Deno's permissions forbid it, there is an error to come and nothing else
    const { stdin, stdio } = this.#child as Partial<ChildProcess>
    if (!stdin || !stdio?.[3]) {
      this.#child.on('error', () => undefined)
      throw new NoDecoder('no decoder process can be started')
    }
    this.#input = stdin
    this.#output = stdio[3] as Readable
    const reader = new FrameReader<DecodeResponse>(frame => this.#settle(frame), () => this.#mostBytes)
    this.#output.on('data', (piece: Buffer) => {
      try {
        reader.push(piece)
      } catch (error) {
        this.#end(error)
      }
    })
    this.#child.on('error', error => this.#end(new NoDecoder('no decoder process can be started', { cause: error })))
    // 'close', not 'exit': an answer may still be in the pipe
    this.#child.on(
      'close',
      (code, signal) => this.#end(new Error(`the decoder process ended (${signal ?? `status ${code}`})`)),
    )
    this.#input.on('error', () => undefined) // its end is handled above
    this.#output.on('error', () => undefined)
  }

  /** @throws {NoDecoder} */
  async ready(): Promise<void> {
    const timer = setTimeout(() => this.#end(new Error('it does not answer')), startMs)
    try {
      await this.#next(0)
    } catch (error) {
      throw error instanceof NoDecoder ? error : new NoDecoder('no decoder process can be started', { cause: error })
    } finally {
      clearTimeout(timer)
    }
  }

  ask(request: DecodeRequest, bytes: Buffer, signal: AbortSignal): Promise<Frame<DecodeResponse>> {
    const stopListening = onAbort(signal, () => this.#end(abortReason(signal)))
    const answered = this.#next(request.context.maxPixels * 4).finally(stopListening)
    writeFrame(this.#input, request, bytes)
    return answered
  }

  /** Ends the process after a while, unless it is used again. */
  rest(): void {
    this.#idle = setTimeout(() => this.end(), idleMs).unref()
  }

  end(): void {
    this.#end(new Error('ended'))
  }

  /** The process keeps the host alive only while an answer is awaited. */
  #next(mostBytes: number): Promise<Frame<DecodeResponse>> {
    clearTimeout(this.#idle)
    this.#mostBytes = mostBytes
    this.#hold(true)
    return new Promise<Frame<DecodeResponse>>((resolve, reject) => {
      this.#waiting = { resolve, reject }
    }).finally(() => this.#hold(false))
  }

  #hold(held: boolean): void {
    for (const handle of [this.#child, this.#input, this.#output] as (Partial<Pick<ChildProcess, 'ref' | 'unref'>>)[]) {
      if (held) handle.ref?.()
      else handle.unref?.()
    }
  }

  #settle(frame: Frame<DecodeResponse>): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve(frame)
  }

  #end(reason: unknown): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (!this.gone) {
      this.gone = true
      clearTimeout(this.#idle)
      this.#child.kill('SIGKILL')
      this.#input.destroy()
      this.#output.destroy()
    }
    waiting?.reject(reason)
  }
}

export class DecoderPool {
  readonly #gate = new Gate(Math.min(availableParallelism(), mostProcesses))
  readonly #idle: DecoderProcess[] = []

  /**
   * Decodes in a process of its own.
   *
   * @throws {NoDecoder} if processes cannot be started; {ClipError} ERR_CLIP_IMAGE_LIMIT and errors of decoding;
   *   the signal's reason, at once
   */
  run(
    bytes: Buffer,
    format: PictureFormat,
    context: DecodeContext,
    limits: { maxDecodeMs: number; signal?: AbortSignal },
  ): Promise<NativePixels> {
    const { signal, maxDecodeMs } = limits
    return this.#gate.run(async () => {
      const decoder = await this.#take()
      let reusable = true
      try {
        throwIfAborted(signal)
        reusable = false
        const late = (): ClipError => tooLong(context.label, maxDecodeMs)
        const { head, body } = await withTimeLimit(maxDecodeMs, signal, late, stop => (
          decoder.ask({ format, context }, bytes, stop)
        ))
        reusable = head.last !== true && head.outOfMemory === undefined
        return pixelsOf(head, body, context)
      } catch (error) {
        throw decoder.gone && !(error instanceof ClipError) && !signal?.aborted ? crashed(context.label, error) : error
      } finally {
        if (!reusable) decoder.end()
        else if (!decoder.gone) {
          decoder.rest()
          this.#idle.push(decoder)
        }
      }
    }, signal)
  }

  async #take(): Promise<DecoderProcess> {
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) if (!idle.gone) return idle
    const file = processFile()
    if (file === undefined) throw new NoDecoder('no decoder process may be started')
    let started: DecoderProcess
    try {
      started = new DecoderProcess(file)
    } catch (error) { // the permission model, or no memory to fork
      throw new NoDecoder('no decoder process can be started', { cause: error })
    }
    await started.ready()
    return started
  }
}

export function tooLong(label: string, maxDecodeMs: number): ClipError {
  return new ClipError('ERR_CLIP_IMAGE_LIMIT', `${label}: decoding took longer than maxDecodeMs (${maxDecodeMs})`)
}

function pixelsOf(head: DecodeResponse, data: Buffer, { label, maxPixels }: DecodeContext): NativePixels {
  const { width = 0, height = 0, channels = 3, failure, outOfMemory } = head
  if (outOfMemory !== undefined) {
    throw new ClipError(
      'ERR_CLIP_IMAGE_LIMIT',
      `${label}: decoding took more than ${
        Math.round(outOfMemory / 2 ** 20)
      } MB of memory, far more than its pixels explain`,
    )
  }
  if (failure) {
    const cause = failure.cause === undefined ? undefined : new Error(failure.cause)
    throw new ClipError((failure.code ?? 'ERR_CLIP_IMAGE_DECODE') as ClipErrorCode, failure.message, { cause })
  }
  // the image may have taken over the decoder: check its answers
  if (
    !(width > 0 && height > 0 && width * height <= maxPixels && [1, 3, 4].includes(channels) &&
      data.length === width * height * channels)
  ) {
    throw new ClipError('ERR_CLIP_IMAGE_DECODE', `${label} cannot be decoded: the decoder's answer is invalid`)
  }
  return { data, width, height, channels }
}

function crashed(label: string, cause: unknown): ClipError {
  return new ClipError('ERR_CLIP_IMAGE_DECODE', `${label} cannot be decoded: ${(cause as Error).message}`, { cause })
}

/** The compiled process, also when running from the sources (tests). Undefined: not allowed, or not built. */
function processFile(): string | undefined {
  if (process.env.GGCLIP_DECODERS === '0') return undefined
  const { permission } = process as { permission?: { has(scope: string): boolean } }
  if (permission && !permission.has('child')) return undefined
  // in a single executable application, execPath is the application itself
  if (
    (process as { getBuiltinModule?: (name: string) => { isSea?(): boolean } | undefined }).getBuiltinModule?.(
      'node:sea',
    )?.isSea?.()
  ) return undefined
  const folder = __filename.endsWith('.ts') ? path.join(__dirname, '..', '..', 'dist', 'image') : __dirname
  const file = path.join(folder, 'decoder-process.js')
  return existsSync(file) ? file : undefined
}

/**
 * Electron's executable runs as Node, and one that Bun compiled as Bun, only on request. Where the program starts itself all the
 * same, it is kept from starting decoders in turn. Decoders do not inherit the host's debugger.
 */
function environment(): NodeJS.ProcessEnv {
  const options = (process.env.NODE_OPTIONS ?? '').split(' ').filter(option =>
    !/^--(?:inspect|debug|watch|test|cpu-prof|heap-prof)/.test(option)
  ).join(' ')
  return {
    ...process.env,
    NODE_OPTIONS: options,
    ELECTRON_RUN_AS_NODE: '1',
    BUN_BE_BUN: '1',
    GGCLIP_DECODERS: '0',
    UV_THREADPOOL_SIZE: '1',
  }
}
