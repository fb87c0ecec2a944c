/** Requests to this server: the key, waiting for a busy server, failures in words, timing. */
import { forTab } from '../parts/kept.js'
import { busyFailure, Failure, failureOf, networkFailure } from './failure.js'
import { stagesOf } from './timing.js'

const longestWait = 10
const attempts = 4
const keyName = 'ggclip-key'

let key = forTab.read(keyName)

/** What requests share: the model in use, the key, and who hears that the server is busy. */
export const session = {
  model: undefined,
  /** Called with the seconds until the next attempt, as they pass, and with 0 when it begins. */
  onBusy: () => undefined,
  get key() {
    return key
  },
  set key(value) {
    key = value || undefined
    forTab.write(keyName, key)
  },
}

/** `{ body, ms, stages }`; stages as in timing.js. @throws {Failure} */
export async function request(path, options) {
  const began = performance.now()
  const response = await send(path, options)
  try {
    return {
      body: await response.json(),
      ms: performance.now() - began,
      stages: stagesOf(response.headers.get('server-timing')),
    }
  } catch (error) {
    if (options.signal?.aborted) throw error
    throw new Failure('server', 'The server’s answer could not be read.', { cause: error })
  }
}

export function post(path, body, signal) {
  const named = path.startsWith('v1/') && session.model ? { model: session.model, ...body } : body
  return request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(named),
    signal,
  })
}

/** Sends, and sends again when the server says that it is busy and when to come back. */
export async function send(path, options) {
  for (let attempt = 1;; attempt++) {
    const response = await once(path, options)
    if (response.ok) return response
    const failure = await failureOf(response, session.key !== undefined)
    if (failure.kind !== 'busy') throw failure
    if (attempt === attempts || failure.retryAfter > longestWait) throw busyFailure(failure)
    await pause(failure.retryAfter, options.signal)
  }
}

async function once(path, options) {
  const headers = { accept: 'application/json', ...options.headers }
  if (session.key) headers.authorization = `Bearer ${session.key}`
  try {
    return await fetch(path, { ...options, headers, credentials: 'same-origin' })
  } catch (error) {
    if (options.signal?.aborted) throw error
    throw networkFailure(error)
  }
}

/** When those that wait go on: the page counts down to the last of them. */
const ends = new Map()
let ticker

async function pause(seconds, signal) {
  const own = Symbol('wait')
  ends.set(own, performance.now() + seconds * 1000)
  ticker ??= setInterval(tellWait, 1000)
  tellWait()
  try {
    await delay(seconds * 1000, signal)
  } finally {
    ends.delete(own)
    if (ends.size === 0) {
      clearInterval(ticker)
      ticker = undefined
      if (!signal?.aborted) session.onBusy(0)
    }
  }
}

function tellWait() {
  session.onBusy(Math.max(1, Math.round((Math.max(...ends.values()) - performance.now()) / 1000)))
}

function delay(ms, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    if (signal?.aborted) stop()
    else signal?.addEventListener('abort', stop, { once: true })
  })
}
