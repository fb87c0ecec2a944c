/** The requests in work: each has a signal that ends with its client, its time, or the server. */
import type { ServerResponse } from 'node:http'

import { ClipError } from '../errors.js'

/** The client has gone: there is nobody to answer. */
export class ClientGone extends Error {
  readonly code = 'CLIENT_GONE'
}

const graceMs = 1000
/** As long as this a request that is being read counts as an input; slow uploads beyond it keep nobody out. */
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

  /** From now on until `response` is closed. */
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
      // an answer that went out completely leaves nothing to stop
      if (!response.writableFinished) controller.abort(new ClientGone('the client closed the connection'))
      if (this.#active.size === 0) this.#onEmpty?.()
    }
    response.once('close', end)
    response.once('finish', end)
    return signal
  }

  /** Its inputs are known: they count from now on, not the request. */
  arrived(signal: AbortSignal): void {
    this.#arriving.delete(signal)
  }

  /** Requests that came just now and of which nothing but the client is known: `own` those of `client`. */
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

  /** From now on new requests are refused. */
  close(): void {
    this.#closing = true
  }

  /** Resolves when no request is in work; those that still are after `ms` are stopped. */
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
        // time for their answers; who is still sending a body then never reads one
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
