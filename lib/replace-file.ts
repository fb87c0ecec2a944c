/** Writes files that are either complete or absent. */
import { randomBytes } from 'node:crypto'
import { rename, rm } from 'node:fs/promises'

/** Lets `make` write a temporary file beside `target` and renames it to `target`; removes it on failure. */
export async function replaceFile(target: string, make: (unfinished: string) => Promise<void>): Promise<void> {
  const unfinished = `${target}.${randomBytes(4).toString('hex')}.tmp`
  try {
    await make(unfinished)
    await rename(unfinished, target)
  } catch (error) {
    await rm(unfinished, { force: true })
    throw error
  }
}
