/** Indexes of the samples, made by the embedded model, each in a folder of its own. */
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, SearchIndex } from '../../lib/index.js'

const samples = path.join(__dirname, '..', '..', 'models', 'samples')
/** The names of the samples. */
export const pictures = readdirSync(samples).filter(name => !name.endsWith('.json')).sort()

/** Removed after the tests. */
export const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-search-'))
/** Loaded before the tests. */
export let clip: Clip
let count = 0

beforeAll(async () => void (clip = await Clip.load(undefined, { threads: 2 })))
afterAll(async () => {
  await clip.dispose()
  rmSync(scratch, { recursive: true, force: true })
})

/** The name of a folder that is not there yet. */
export function newFolder(): string {
  return path.join(scratch, `${count++}`)
}

/** A folder of its own, with the samples in it, and an index beside them. */
export async function made(): Promise<{ folder: string; index: SearchIndex; where: string }> {
  const folder = newFolder()
  cpSync(samples, folder, { recursive: true })
  const where = path.join(folder, '.ggclip')
  return { folder, index: await SearchIndex.open(where, { clip }), where }
}

/** The names of the files that a search found. */
export const names = (hits: readonly { path: string }[]): string[] => hits.map(hit => path.basename(hit.path))
