/** Answers to incomplete requests: while the body is still arriving, or before there is a request. */
import { type IncomingMessage, type OutgoingHttpHeaders, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'

import type { FastifyReply, FastifyRequest } from 'fastify'

import type { Context } from '../context.js'
import { bodyOf, type Failure } from './failures.js'

/** Longest time for discarding the rest of a request, in total and since its last byte. */
const longestMs = 10_000
const idleMs = 2000

/** Marks an answer that was sent before the request had arrived. */
const answered = new WeakSet<Socket>()

/** Whether a part of the request has not arrived, and still may. */
export function isStillComing({ raw }: FastifyRequest): boolean {
  const { complete, destroyed, headers, socket } = raw
  return !complete && !destroyed && socket.writable &&
    (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0)
}

/**
 * Replaces `reply.send(body)` for a request whose body is still arriving: too large, not allowed, no room. If the
 * connection were closed at once, the kernel would answer the rest with a reset, and many clients would report that
 * instead of the answer. So the answer is sent, the rest is read and discarded for a while, and then the connection is
 * closed.
 */
export function answerEarly(request: FastifyRequest, reply: FastifyReply, status: number, body: object): void {
  reply.hijack()
  const { socket } = request.raw
  answered.add(socket)
  const { raw } = reply
  const text = JSON.stringify(body)
  raw.writeHead(status, {
    ...reply.getHeaders() as OutgoingHttpHeaders,
    'x-content-type-options': 'nosniff',
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  })
  raw.write(text)
  void drained(request.raw, request.scope.signal).then(isDrained => {
    raw.end()
    // a kept-alive connection takes the next request
    if (isDrained) answered.delete(socket)
    else socket.destroySoon()
  })
}

function drained(body: IncomingMessage, signal: AbortSignal | undefined): Promise<boolean> {
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(whole)
      clearTimeout(idle)
      body.off('data', onData).off('end', done).off('close', done).off('error', done)
      body.on('error', () => undefined)
      signal?.removeEventListener('abort', done)
      resolve(body.complete)
    }
    const whole = setTimeout(done, longestMs)
    let idle = setTimeout(done, idleMs)
    const onData = (): void => {
      clearTimeout(idle)
      idle = setTimeout(done, idleMs)
    }
    body.on('data', onData).on('end', done).on('close', done).on('error', done)
    signal?.addEventListener('abort', done)
    if (body.readableEnded || body.destroyed || signal?.aborted) done()
    else body.resume()
  })
}

/**
 * For Node's 'clientError': malformed HTTP, oversized headers, a request that does not arrive. No part of an answer has
 * been written.
 */
export function onConnectionError(
  { metrics, settings }: Context,
): (error: Error & { code?: string }, socket: Socket) => void {
  return (error, socket) => {
    if (error.code === 'ECONNRESET' || socket.destroyed) return
    if (answered.has(socket)) return socket.destroySoon()
    const failure = connectionFailure(error, settings.timeoutMs)
    metrics.failed(failure.code)
    const body = JSON.stringify(bodyOf(failure))
    const head = [
      `HTTP/1.1 ${failure.status} ${STATUS_CODES[failure.status]}`,
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
      '',
      '',
    ].join('\r\n')
    if (socket.writable) socket.write(head + body)
    socket.destroySoon()
  }
}

function connectionFailure({ code }: { code?: string }, timeoutMs: number): Failure {
  const common = { code: 'ERR_CLIP_REQUEST_INVALID', fault: 'client' as const }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return { ...common, status: 408, message: `the request did not come in within timeoutMs (${timeoutMs})` }
  if (code === 'HPE_HEADER_OVERFLOW') return { ...common, status: 431, message: 'the headers are too large' }
  return { ...common, status: 400, message: 'this is not an HTTP request' }
}
