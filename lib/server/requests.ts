/**
 * The running requests: each has a signal that aborts when its client disconnects, its time is up, or the server
 * closes.
 */
import type { ServerResponse } from 'node:http'

import { ClipError } from '../errors.js'

/** The client has disconnected: nobody to answer. */
export class ClientGone extends Error {
  readonly code = 'CLIENT_GONE'
}

const graceMs = 1000
/** A request counts as an input for this long while it is being read; slower uploads keep nobody out. */
const burstMs = 250

export class Requests {
  #closing = false
  readonly #active = new Set<AbortController>()
  readonly #arriving = new Map<AbortSignal, { client: string; at: number }>()
  #onEmpty: (() => void) | undefined

  get count(): number {
    return this.#active.size
  }

  get closing(): boolean {
    return this.#closing
  }

  /** Tracks the request from now until `response` is closed. */
  begin(response: ServerResponse, client: string, timeoutMs: number): AbortSignal {
    const controller = new AbortController()
    const { signal } = controller
    this.#arriving.set(signal, { client, at: performance.now() })
    const timer = setTimeout(() => controller.abort(late(timeoutMs)), timeoutMs)
    this.#active.add(controller)
    const end = (): void => {
      clearTimeout(timer)
      this.#arriving.delete(signal)
      if (!this.#active.delete(controller)) return
      // an answer that was sent completely leaves nothing to stop
      if (!response.writableFinished) controller.abort(new ClientGone('the client closed the connection'))
      if (this.#active.size === 0) this.#onEmpty?.()
    }
    response.once('close', end)
    response.once('finish', end)
    return signal
  }

  /** Its inputs are known: from now on they count instead of the request. */
  arrived(signal: AbortSignal): void {
    this.#arriving.delete(signal)
  }

  /** Requests that have just arrived, with only their client known: `own` are those of `client`. */
  arriving(client: string): { all: number; own: number } {
    const since = performance.now() - burstMs
    let [all, own] = [0, 0]
    for (const request of this.#arriving.values()) {
      if (request.at < since) continue
      all += 1
      if (request.client === client) own += 1
    }
    return { all, own }
  }

  /** Refuses new requests from now on. */
  close(): void {
    this.#closing = true
  }

  /** Resolves when no request is running; those still running after `ms` are stopped. */
  async drain(ms: number): Promise<void> {
    this.close()
    if (this.#active.size === 0) return
    await new Promise<void>(resolve => {
      const done = (): void => {
        clearTimeout(timer)
        resolve()
      }
      this.#onEmpty = done
      let timer = setTimeout(() => {
        for (const controller of this.#active) controller.abort(closingError())
        // time for their answers; clients that still send a body never read one
        timer = setTimeout(done, graceMs)
      }, ms)
    })
  }
}

export function closingError(): ClipError {
  return new ClipError('ERR_CLIP_SERVER_CLOSING', 'the server is closing')
}

function late(ms: number): ClipError {
  return new ClipError('ERR_CLIP_DEADLINE_EXCEEDED', `the request took longer than timeoutMs (${ms})`)
}
