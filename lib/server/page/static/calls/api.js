/** The server's public HTTP API, as far as this page uses it. Answers have `ms` and `stages`, see timing.js. */
import { Failure } from './failure.js'
import { post, request, send, session } from './http.js'
import { summed } from './timing.js'

// a request of the server's default limits holds 32 MiB and 256 inputs, and base64 needs a third more than the file
const partBytes = 12 * 2 ** 20
const partPictures = 16

export async function listModels(signal) {
  const { data } = (await request('v1/models', { signal })).body
  return data.map(model => model.id)
}

/** One picture against the labels: `{ results: [{ label, score, similarity }], ... }`, best first. */
export async function classify(picture, { labels, templates, multiLabel }, signal) {
  const body = { image: await dataUriOf(picture), labels, templates, multi_label: multiLabel }
  const answer = await post('v1/classify', body, signal).catch(error => {
    throw named(error, [picture])
  })
  return { ...timed(answer), results: answer.body.data[0].results }
}

/** All pictures against all texts: rows are pictures, columns texts. */
export async function similarity(pictures, texts, signal) {
  const answers = await inParts(pictures, images => post('v1/similarity', { images, texts }, signal))
  return {
    ...together(answers),
    logits: answers.flatMap(({ body }) => body.logits),
    probabilities: answers.flatMap(({ body }) => body.probabilities),
  }
}

/** The pictures by how well they fit the query: `{ results: [{ index, score }] }`, best first; the score is a cosine. */
export async function rank(query, pictures, signal) {
  const answers = await inParts(pictures, documents => post('v1/rank', { query, documents }, signal))
  const results = answers.flatMap(({ body, first }) =>
    body.results.map(result => ({ index: first + result.index, score: result.relevance_score }))
  )
  return { ...together(answers), results: results.sort((a, b) => b.score - a.score || a.index - b.index) }
}

/**
 * Calls `send` with the data URIs of some pictures at a time, as many as surely fit one request: what is computed for
 * a picture depends on no other. A server with lower limits gets fewer at a time. Failures name pictures, not places
 * in a request.
 */
async function inParts(pictures, send) {
  const began = performance.now()
  const open = parts(pictures)
  const answers = []
  while (open.length > 0) {
    const { first, list } = open.shift()
    try {
      const answer = await send(await Promise.all(list.map(dataUriOf)))
      answers.push({ ...answer, first, ms: performance.now() - began })
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== 'size' || list.length === 1) throw named(error, list)
      const half = list.length >> 1
      open.unshift({ first, list: list.slice(0, half) }, { first: first + half, list: list.slice(half) })
    }
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

/** 'images[1] cannot be decoded' says nothing to who sees pictures with names; the failure knows its picture. */
function named(error, pictures) {
  if (!(error instanceof Failure)) return error
  error.message = error.message.replace(/\b(?:input|images?|documents)\[(\d+)\]/g, (place, i) => {
    error.picture ??= pictures[Number(i)]
    return pictures[Number(i)]?.name ?? place
  })
  if (pictures.length === 1 && ['picture', 'size'].includes(error.kind)) error.picture = pictures[0]
  return error
}

const together = answers => ({ ms: answers.at(-1).ms, stages: summed(answers.map(({ stages }) => stages)) })

export async function galleryState(signal) {
  return (await request('gallery', { signal })).body
}

/**
 * A page of what is found. `query`: `{ text }`, `{ like }` (the id of a picture of the folders), `{ file }`, or undefined for
 * all pictures; `within`: filter, min_similarity, limit and cursor.
 */
export async function gallerySearch({ text, like, file } = {}, within, signal) {
  const body = { query: text, like, image: file && await dataUri(file), ...within }
  const answer = await post('gallery/search', body, signal)
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

const timed = ({ ms, stages }) => ({ ms, stages })

function dataUriOf(picture) {
  return dataUri(picture.file).catch(error => {
    throw Object.assign(error, { picture })
  })
}

const encoded = new WeakMap()

/** The file as a data URI; read once. */
function dataUri(file) {
  if (!encoded.has(file)) {
    const reading = readDataUri(file)
    encoded.set(file, reading)
    reading.catch(() => encoded.delete(file)) // it may come back
  }
  return encoded.get(file)
}

function readDataUri(file) {
  if (file.size === 0) return Promise.reject(new Failure('picture', `${file.name} is empty.`))
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    // a file without a known type is a picture all the same, or the server will say that it is not
    reader.onload = () =>
      resolve(
        /^data:image\//i.test(reader.result)
          ? reader.result
          : reader.result.replace(/^data:[^,]*,/, 'data:image/unknown;base64,'),
      )
    reader.onerror = () =>
      reject(new Failure('picture', `${file.name} can no longer be read. It may have been moved or changed.`))
    reader.readAsDataURL(file)
  })
}
