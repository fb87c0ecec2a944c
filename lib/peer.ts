/** Packages that only some users need, loaded at their first use. */
import { ClipError, type ClipErrorCode } from './errors.js'

/** @throws {ClipError} `code`: it is not installed, or is there and cannot be loaded */
export function loadPeer<T>(name: string, code: ClipErrorCode, purpose: string, install = name): T {
  try {
    return require(name) as T
  } catch (error) {
    const { code: kind, message } = error as NodeJS.ErrnoException
    const missing = kind === 'MODULE_NOT_FOUND' && message.includes(`'${name}'`)
    throw new ClipError(
      code,
      `${purpose} needs a package that ggclip does not bring: npm install ${install}${
        missing ? '' : ` (it is there, but failed: ${message})`
      }`,
      { cause: error },
    )
  }
}
