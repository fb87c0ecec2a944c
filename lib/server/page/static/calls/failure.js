/** What went wrong, in words for who uses the page. */

/** `kind`: 'busy', 'network', 'key', 'picture', 'size', 'input', 'server' or 'page'. */
export class Failure extends Error {
  constructor(kind, message, { cause, code, retryAfter } = {}) {
    super(message, { cause })
    this.kind = kind
    this.code = code
    /** Seconds. */
    this.retryAfter = retryAfter
    /** The chosen picture that is at fault, where one is. */
    this.picture = undefined
  }

  /** Whether the same request may succeed later. */
  get passing() {
    return ['busy', 'network', 'server'].includes(this.kind)
  }
}

export const networkFailure = cause =>
  new Failure(
    'network',
    'The server cannot be reached. Check that it is running and that this computer is connected.',
    { cause },
  )

const busyWords = {
  ERR_CLIP_RATE_EXCEEDED: 'These are more requests than the server allows you in a minute.',
  ERR_CLIP_SERVER_CLOSING: 'The server is shutting down.',
  ERR_CLIP_MODEL_UNAVAILABLE: 'The server cannot load the model at present.',
  ERR_CLIP_DEADLINE_EXCEEDED: 'The server did not get to this in time.',
}

/** Waiting and asking again did not help, or would take too long. */
export const busyFailure = ({ code, retryAfter }) =>
  new Failure(
    'busy',
    `${
      busyWords[code] ?? 'The server is too busy to answer now.'
    } What you entered is kept: try again in ${retryAfter} s.`,
    { code, retryAfter },
  )

/** From an answer that is no success. `hadKey`: whether the request was sent with a key. */
export async function failureOf(response, hadKey) {
  const { error = {} } = await response.json().catch(() => ({}))
  const { code = '', message = '' } = error
  switch (response.status) {
    case 401:
    case 403:
      return new Failure(
        'key',
        hadKey ? 'The server does not accept this key.' : 'This server answers only those who have a key.',
        { code },
      )
    case 413:
      return new Failure('size', tooLarge(code, message), { code })
    case 429:
    case 503:
      return new Failure('busy', message, { code, retryAfter: retrySeconds(response) })
    case 408:
    case 504:
      return new Failure('server', 'The server took too long to answer.', { code })
    case 400:
    case 404:
    case 415:
    case 422:
      if (code.startsWith('ERR_CLIP_IMAGE')) return new Failure('picture', badPicture(code, message), { code })
      return new Failure('input', said('The server did not accept this.', message), { code })
    default: {
      const id = response.headers.get('x-request-id')
      return new Failure(
        'server',
        `The server failed (status ${response.status}).${id ? ` Its log has more under ${id}.` : ''}`,
        { code },
      )
    }
  }
}

/** The header has seconds, or the time of day. */
function retrySeconds(response) {
  const header = response.headers.get('retry-after') ?? ''
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : Math.ceil((Date.parse(header) - Date.now()) / 1000)
  return Number.isFinite(seconds) && seconds > 0 ? seconds : 1
}

function tooLarge(code, message) {
  if (code === 'ERR_CLIP_IMAGE_TOO_LARGE') return said('This picture is larger than the server takes.', message)
  return said('This is more than the server takes at once. Use smaller or fewer pictures.', message)
}

function badPicture(code, message) {
  if (code === 'ERR_CLIP_IMAGE_EMPTY') return 'This file is empty.'
  return said(
    'This file cannot be read as a picture. It may be damaged, or of a kind that the server does not know.',
    message,
  )
}

const said = (words, message) => (message ? `${words} (${message})` : words)
