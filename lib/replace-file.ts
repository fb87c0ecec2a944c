/** Files that are complete under their name, or not there. */
import { randomBytes } from 'node:crypto'
import { rename, rm } from 'node:fs/promises'

/** Has `make` write a file beside `target`, which then takes its name; nothing is left when either fails. */
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
