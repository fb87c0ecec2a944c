/** Reads of open files. */
import type { FileHandle } from 'node:fs/promises'

/**
 * Fills `into` from a position on: one read of the system may return less. Returns how many bytes there were, fewer only
 * at the end of the file.
 */
export async function readFully(file: FileHandle, into: Uint8Array, position: number): Promise<number> {
  for (let done = 0; done < into.length;) {
    const { bytesRead } = await file.read(into, done, into.length - done, position + done)
    if (bytesRead === 0) return done
    done += bytesRead
  }
  return into.length
}
