/** What is answered where there is no request yet: no HTTP, a head too large, a request that does not come in. */
import type { Socket } from 'node:net'
import { STATUS_CODES } from 'node:http'

import type { Context } from './context.js'
import { bodyOf, type Failure } from './failures.js'
import { hasAnswer } from './last-words.js'

/** For Node's 'clientError': nothing of an answer has been written. */
export function onConnectionError(
  { metrics, settings }: Context,
): (error: Error & { code?: string }, socket: Socket) => void {
  return (error, socket) => {
    if (error.code === 'ECONNRESET' || socket.destroyed) return
    if (hasAnswer(socket)) return socket.destroySoon()
    const failure = failureOf(error, settings.timeoutMs)
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

function failureOf({ code }: { code?: string }, timeoutMs: number): Failure {
  const common = { code: 'ERR_CLIP_REQUEST_INVALID', fault: 'client' as const }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return { ...common, status: 408, message: `the request did not come in within timeoutMs (${timeoutMs})` }
  if (code === 'HPE_HEADER_OVERFLOW') return { ...common, status: 431, message: 'the headers are too large' }
  return { ...common, status: 400, message: 'this is no HTTP request' }
}
