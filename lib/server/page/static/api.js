/** The server's public HTTP API, as far as this page uses it. */
import { busyFailure, Failure, failureOf, networkFailure } from './failure.js'

const longestWait = 10
const attempts = 4
const keyName = 'ggclip-key'
// a request of the server's default limits holds 32 MiB and 256 inputs, and base64 needs a third more than the file
const partBytes = 12 * 2 ** 20
const partPictures = 16

/** What requests share: the model in use, the key, and who hears that the server is busy. */
export const session = {
  model: undefined,
  /** Called with the seconds until the next attempt, and with 0 when it begins. */
  onBusy: () => undefined,
  get key() { return sessionStorage.getItem(keyName) ?? undefined },
  set key(value) { if (value) sessionStorage.setItem(keyName, value); else sessionStorage.removeItem(keyName) },
}

export async function listModels(signal) {
  const { data } = (await request('v1/models', { signal })).body
  return data.map(model => model.id)
}

/** One picture against the labels: `{ results: [{ label, score, similarity }], ... }`, best first. */
export async function classify(picture, { labels, templates, multiLabel }, signal) {
  const body = { image: await dataUri(picture.file), labels, templates, multi_label: multiLabel }
  const answer = await post('v1/classify', body, signal).catch(error => { throw named(error, [picture]) })
  return { ...timed(answer), results: answer.body.data[0].results }
}

/** All pictures against all texts: rows are pictures, columns texts. */
export async function similarity(pictures, texts, signal) {
  const parts = await inParts(pictures, images => post('v1/similarity', { images, texts }, signal))
  return { ...together(parts), logits: parts.flatMap(part => part.body.logits), probabilities: parts.flatMap(part => part.body.probabilities) }
}

/** The pictures by how well they fit the query: `{ results: [{ index, score }] }`, best first; the score is a cosine. */
export async function rank(query, pictures, signal) {
  const parts = await inParts(pictures, documents => post('v1/rank', { query, documents }, signal))
  const results = parts.flatMap(({ body, first }) => body.results.map(result => ({ index: first + result.index, score: result.relevance_score })))
  return { ...together(parts), results: results.sort((a, b) => b.score - a.score || a.index - b.index) }
}

/**
 * Calls `send` with the data URIs of some pictures at a time, as many as surely fit one request: what is computed for
 * a picture depends on no other. Failures name pictures, not places in a request.
 */
async function inParts(pictures, send) {
  const began = performance.now()
  const answers = []
  for (const { first, list } of parts(pictures)) {
    const answer = await send(await Promise.all(list.map(picture => dataUri(picture.file)))).catch(error => { throw named(error, list) })
    answers.push({ ...answer, first, ms: performance.now() - began })
  }
  return answers
}

function parts(pictures) {
  const found = []
  let bytes = Infinity
  pictures.forEach((picture, first) => {
    const last = found.at(-1)
    if (bytes + picture.file.size > partBytes || last.list.length === partPictures) {
      found.push({ first, list: [picture] })
      bytes = picture.file.size
    } else {
      last.list.push(picture)
      bytes += picture.file.size
    }
  })
  return found
}

/** 'images[1] cannot be decoded' says nothing to who sees pictures with names. */
function named(error, pictures) {
  if (error instanceof Failure) {
    error.message = error.message.replace(/\b(?:input|images?|documents)\[(\d+)\]/g, (place, i) => pictures[Number(i)]?.name ?? place)
  }
  return error
}

function together(parts) {
  const known = parts.every(part => part.serverMs !== undefined)
  return { ms: parts.at(-1).ms, serverMs: known ? parts.reduce((sum, part) => sum + part.serverMs, 0) : undefined }
}

export async function galleryState(signal) {
  return (await request('gallery', { signal })).body
}

export async function galleryPictures(offset, limit, signal) {
  const answer = await request(`gallery/pictures?offset=${offset}&limit=${limit}`, { signal })
  return { ...timed(answer), ...answer.body }
}

/** `query`: `{ text }`, `{ like }` (the id of a picture of the folder) or `{ file }`. */
export async function gallerySearch(query, limit, signal) {
  const { file, ...rest } = query
  const answer = await post('gallery/search', file ? { image: await dataUri(file), limit } : { ...rest, limit }, signal)
  return { ...timed(answer), ...answer.body }
}

export async function galleryRefresh(signal) {
  return (await post('gallery/refresh', {}, signal)).body
}

/** The address of a picture for an `img`. With a key it is fetched first, since an `img` cannot send one. */
export async function pictureAddress(path, signal) {
  if (!session.key) return path
  return URL.createObjectURL(await (await send(path, { signal })).blob())
}

function post(path, body, signal) {
  const named = path.startsWith('v1/') && session.model ? { model: session.model, ...body } : body
  return request(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(named), signal })
}

async function request(path, options) {
  const began = performance.now()
  const response = await send(path, options)
  try {
    return { body: await response.json(), ms: performance.now() - began, serverMs: serverTime(response) }
  } catch (error) {
    if (options.signal?.aborted) throw error
    throw new Failure('server', 'The server’s answer could not be read.', { cause: error })
  }
}

/** Sends, and sends again when the server says that it is busy and when to come back. */
async function send(path, options) {
  for (let attempt = 1; ; attempt++) {
    const response = await once(path, options)
    if (response.ok) return response
    const failure = await failureOf(response)
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

async function pause(seconds, signal) {
  session.onBusy(seconds)
  await new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, seconds * 1000)
    signal?.addEventListener('abort', stop, { once: true })
  })
  session.onBusy(0)
}

const timed = ({ ms, serverMs }) => ({ ms, serverMs })

/** The whole time that the server says it took, if it says so. */
function serverTime(response) {
  const total = /(?:^|,)\s*total;dur=([\d.]+)/.exec(response.headers.get('server-timing') ?? '')
  return total ? Number(total[1]) : undefined
}

const encoded = new WeakMap()

/** The file as a data URI; made once. */
function dataUri(file) {
  if (!encoded.has(file)) encoded.set(file, readDataUri(file))
  return encoded.get(file)
}

function readDataUri(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    // a file without a known type is a picture all the same, or the server will say that it is not
    reader.onload = () => resolve(/^data:image\//i.test(reader.result) ? reader.result : reader.result.replace(/^data:[^,]*,/, 'data:image/unknown;base64,'))
    reader.onerror = () => reject(new Failure('picture', `${file.name} can no longer be read. It may have been moved or changed.`))
    reader.readAsDataURL(file)
  })
}
