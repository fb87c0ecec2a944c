/** What went wrong, in words for who uses the page. */

/** `kind`: 'busy', 'network', 'key', 'picture', 'size', 'input' or 'server'. */
export class Failure extends Error {
  constructor(kind, message, { cause, retryAfter } = {}) {
    super(message, { cause })
    this.kind = kind
    this.retryAfter = retryAfter
  }

  /** Whether the same request may succeed later. */
  get passing() {
    return ['busy', 'network', 'server'].includes(this.kind)
  }
}

export const networkFailure = cause =>
  new Failure('network', 'The server cannot be reached. Check that it is running and that this computer is connected.', { cause })

export const busyFailure = ({ retryAfter }) =>
  new Failure('busy', 'The server is too busy to answer now. Nothing is wrong with your input: try again in a moment.', { retryAfter })

/** From an answer that is no success. */
export async function failureOf(response) {
  const { error = {} } = await response.json().catch(() => ({}))
  const { code = '', message = '' } = error
  switch (response.status) {
    case 401: case 403: return new Failure('key', 'This server answers only those who have a key.')
    case 413: return new Failure('size', tooLarge(code, message))
    case 429: case 503: return new Failure('busy', message, { retryAfter: retrySeconds(response) })
    case 408: case 504: return new Failure('server', 'The server took too long to answer.')
    case 400: case 404: case 415: case 422:
      if (code.startsWith('ERR_CLIP_IMAGE')) return new Failure('picture', badPicture(code, message))
      return new Failure('input', said('The server did not accept this.', message))
    default: {
      const id = response.headers.get('x-request-id')
      return new Failure('server', `The server failed (status ${response.status}).${id ? ` Its log has more under ${id}.` : ''}`)
    }
  }
}

function retrySeconds(response) {
  const seconds = Number(response.headers.get('retry-after'))
  return Number.isFinite(seconds) && seconds > 0 ? seconds : 1
}

function tooLarge(code, message) {
  if (code === 'ERR_CLIP_IMAGE_TOO_LARGE') return said('This picture is larger than the server takes.', message)
  return said('This is more than the server takes at once. Use smaller or fewer pictures.', message)
}

function badPicture(code, message) {
  if (code === 'ERR_CLIP_IMAGE_EMPTY') return 'This file is empty.'
  return said('This file cannot be read as a picture. It may be damaged, or of a kind that the server does not know.', message)
}

const said = (words, message) => (message ? `${words} (${message})` : words)
