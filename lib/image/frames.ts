/**
 * Messages between the host and a decoder process: the length of a JSON head, the head, and the bytes whose number it
 * gives.
 */
import type { Writable } from 'node:stream'

export interface Frame<Head> {
  head: Head
  body: Buffer
}

const maxHeadBytes = 64 * 1024

export function writeFrame(stream: Writable, head: object, body: Uint8Array = new Uint8Array(0)): void {
  stream.write(frameHead(head, body.length))
  if (body.length > 0) stream.write(body)
}

/** A frame without its bytes. */
export function frameHead(head: object, bytes: number): Buffer {
  const text = Buffer.from(JSON.stringify({ ...head, bytes }))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(text.length)
  return Buffer.concat([length, text])
}

/** Reassembles frames from the pieces in which they arrive. */
export class FrameReader<Head extends object> {
  #start: Buffer = Buffer.alloc(0)
  #frame: Frame<Head> | undefined
  #filled = 0

  /** @param mostBytes of a body; a larger one is an error, before memory is allocated */
  constructor(private readonly onFrame: (frame: Frame<Head>) => void, private readonly mostBytes: () => number) {}

  /** @throws {Error} if the data is not a frame */
  push(piece: Buffer): void {
    let rest = piece
    while (rest.length > 0) rest = this.#frame ? this.#fill(this.#frame, rest) : this.#begin(rest)
  }

  /** Returns the rest of the piece. */
  #begin(piece: Buffer): Buffer {
    this.#start = this.#start.length === 0 ? piece : Buffer.concat([this.#start, piece])
    const start = this.#start
    if (start.length < 4) return Buffer.alloc(0)
    const end = 4 + start.readUInt32LE(0)
    if (end > 4 + maxHeadBytes) throw new Error('no frame')
    if (start.length < end) return Buffer.alloc(0)
    const head = JSON.parse(start.toString('utf8', 4, end)) as Head & { bytes: number }
    if (!(head.bytes >= 0 && head.bytes <= this.mostBytes())) throw new Error(`a frame of ${head.bytes} bytes`)
    this.#start = Buffer.alloc(0)
    // separate memory: pixels are released without waiting for the garbage collector
    this.#frame = { head, body: Buffer.allocUnsafeSlow(head.bytes) }
    this.#filled = 0
    const rest = start.subarray(end)
    if (head.bytes === 0) this.#end()
    return rest
  }

  #fill({ body }: Frame<Head>, piece: Buffer): Buffer {
    const copied = piece.copy(body, this.#filled)
    this.#filled += copied
    if (this.#filled === body.length) this.#end()
    return piece.subarray(copied)
  }

  #end(): void {
    const frame = this.#frame!
    this.#frame = undefined
    this.onFrame(frame)
  }
}
