/** Packages that only some users need, loaded at their first use. */
import { ClipError, type ClipErrorCode } from './errors.js'

/** @throws {ClipError} `code`: it is not installed, or is there and cannot be loaded */
export function loadPeer<T>(name: string, code: ClipErrorCode, purpose: string, install = name): T {
  try {
    return require(name) as T
  } catch (error) {
    throw peerError(error, name, code, purpose, install)
  }
}

/** {@link loadPeer} of an ES module. */
export async function importPeer<T>(name: string, code: ClipErrorCode, purpose: string, install = name): Promise<T> {
  try {
    return await import(name) as T
  } catch (error) {
    throw peerError(error, name, code, purpose, install)
  }
}

function peerError(error: unknown, name: string, code: ClipErrorCode, purpose: string, install: string): ClipError {
  const { code: kind, message } = error as NodeJS.ErrnoException
  const missing = (kind === 'MODULE_NOT_FOUND' || kind === 'ERR_MODULE_NOT_FOUND') && message.includes(`'${name}'`)
  return new ClipError(
    code,
    `${purpose} needs a package that ggclip does not bring: npm install ${install}${
      missing ? '' : ` (it is there, but failed: ${message})`
    }`,
    { cause: error },
  )
}
