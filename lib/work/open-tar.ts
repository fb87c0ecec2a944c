/** A tar file wherever it is: at a path, at a URL, in S3. */
import { open } from 'node:fs/promises'

import { readFully, unreadable } from '../files.js'
import type { RetryPolicy } from '../models/hub-settings.js'
import { isS3, isUrl, pathOfKey } from './address.js'
import type { Remote } from './remote.js'
import type { TarBytes } from './tar.js'

/** A new beginning would read it from its first byte on. */
const retries: RetryPolicy = { attempts: 6, pauseMs: 500, maxPauseMs: 10_000, maxServerPauseMs: 60_000 }

export interface OpenTar extends TarBytes {
  close(): Promise<void>
}

/** @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND; where a server is not allowed, or a package is missing: see {@link Remote.file} */
export async function openTar(address: string, remote: Remote, signal: AbortSignal | undefined): Promise<OpenTar> {
  if (isUrl(address) || isS3(address)) {
    const file = remote.file(address, retries)
    return {
      get size() {
        return file.size
      },
      read: (at, bytes) => file.read(at, bytes, signal),
      close: () => Promise.resolve(file.close()),
    }
  }
  const handle = await open(pathOfKey(address), 'r').catch((error: Error) => {
    throw unreadable(`'${address}'`, error)
  })
  const { size } = await handle.stat()
  return {
    size,
    async read(at, bytes) {
      const buffer = Buffer.alloc(bytes)
      return buffer.subarray(0, await readFully(handle, buffer, at))
    },
    close: () => handle.close(),
  }
}
