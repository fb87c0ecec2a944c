/** Answers as JSON: short ones at once, long ones in pieces, as fast as the client reads them. */
import { Readable } from 'node:stream'

import type { FastifyReply } from 'fastify'

import { turns } from '../../async/turns.js'
import { gather, jsonPieces } from './json-pieces.js'

/** Characters: longer answers are streamed in pieces of this size. */
const pieceLength = 2 ** 16

/** `stallMs`: a client that reads nothing for this time is disconnected. */
export async function sendJson(
  reply: FastifyReply,
  answer: object,
  { signal, stallMs }: { signal: AbortSignal; stallMs: number },
): Promise<FastifyReply> {
  const pieces = jsonPieces(answer)
  const { text, done } = await turns.run(gather(pieces, pieceLength), signal)
  reply.type('application/json; charset=utf-8')
  return reply.send(done ? text : streamOf(text, pieces, stallMs))
}

function streamOf(first: string, pieces: Iterator<string, void>, stallMs: number): Readable {
  async function* texts(): AsyncGenerator<string> {
    for (let part = { text: first, done: false };; part = await turns.run(gather(pieces, pieceLength))) {
      const timer = setTimeout(
        () => stream.destroy(new Error(`the client read nothing of its answer for ${stallMs} ms`)),
        stallMs,
      )
      try {
        yield part.text
      } finally {
        clearTimeout(timer)
      }
      if (part.done) return
    }
  }
  const stream: Readable = Readable.from(texts(), { objectMode: false })
  return stream
}
