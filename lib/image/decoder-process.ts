/**
 * A decoder process: images arrive on standard input, pixels leave through a pipe, one image at a time. The host starts
 * it (decoder-pool.ts) and kills it if an image takes too long; it kills itself if the host is gone or an image takes
 * too much memory. Never by process.exit(), which waits for the decoding threads.
 */
import { writeFileSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'

import { errorCodeOf } from '../errors.js'
import { decodeBytes, prepareDecoder } from './decode.js'
import type { DecodeContext } from './decode-context.js'
import { type Frame, frameHead, FrameReader, writeFrame } from './frames.js'
import type { PictureFormat } from './picture-format.js'

export interface DecodeRequest {
  format: PictureFormat
  context: Omit<DecodeContext, 'onSize'>
}

/** An answer without pixels is a failure, except the first one: ready. `last`: replace the process. */
export interface DecodeResponse {
  ready?: true
  width?: number
  height?: number
  channels?: 1 | 3 | 4
  failure?: { code: string | undefined; message: string; cause: string | undefined }
  /** Resident bytes that exceeded the image's limit. */
  outOfMemory?: number
  last?: boolean
}

const outFd = 3
const out = new Socket({ fd: outFd, readable: false, writable: true })
const watchEveryMs = 10
/** Memory allowed per image: measured at 64 million pixels, AVIF of 8 bits 16 bytes per pixel, of 10 bits 30. */
const memory = { base: 384 * 2 ** 20, eachPixel: 32 }
/** Memory that a process may keep between images. */
const idleBytes = 256 * 2 ** 20

function die(): never {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('unreachable')
}

async function answer({ head: { format, context }, body }: Frame<DecodeRequest>): Promise<void> {
  let mostBytes = memory.base + body.length
  const onSize = (pixels: number): void => {
    mostBytes = memory.base + body.length + memory.eachPixel * pixels
  }
  const watch = setInterval(() => {
    if (process.memoryUsage.rss() < mostBytes) return
    try {
      writeSync(outFd, frameHead({ outOfMemory: mostBytes } satisfies DecodeResponse, 0))
    } catch { /* the host sees the end */ }
    die()
  }, watchEveryMs)
  try {
    const { data, ...size } = await decodeBytes(body, format, { ...context, onSize })
    clearInterval(watch)
    writeFrame(
      out,
      { ...size, last: process.memoryUsage.rss() > idleBytes + 2 * data.length } satisfies DecodeResponse,
      data,
    )
  } catch (error) {
    clearInterval(watch)
    const { message, cause } = error as Error
    const failure = { code: errorCodeOf(error), message, cause: cause instanceof Error ? cause.message : undefined }
    writeFrame(out, { failure, last: process.memoryUsage.rss() > idleBytes } satisfies DecodeResponse)
  }
}

/** When memory runs out, the system kills this process and not the host. */
function volunteer(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000')
  } catch { /* not Linux */ }
}

volunteer()
out.on('error', die)
const reader = new FrameReader<DecodeRequest>(frame => void answer(frame), () => Infinity)
process.stdin.on('data', (piece: Buffer) => reader.push(piece)).on('end', die).on('error', die)
// Ctrl-C reaches every process of the terminal: the host decides what it means
process.on('SIGINT', () => undefined)
prepareDecoder()
writeFrame(out, { ready: true } satisfies DecodeResponse)
