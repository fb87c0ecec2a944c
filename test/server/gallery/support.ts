/** A server with folders of pictures, and the same index by the library. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { SearchIndex } from '../../../lib/index.js'
import type { Server, ServerOptions } from '../../../lib/server/index.js'
import { get, library, post, root, start, until } from '../support'

export const samples = path.join(root, 'models', 'samples')
export const pictures = readdirSync(samples).filter(name => !name.endsWith('.json')).sort()

const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-gallery-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
let count = 0

/** A new empty folder. */
export function newFolder(name = 'folder'): string {
  const folder = path.join(scratch, String(count++), name)
  mkdirSync(folder, { recursive: true })
  return folder
}

/** Pictures of the samples in a new folder. */
export function folderOf(names: readonly string[], name?: string): string {
  const folder = newFolder(name)
  for (const file of names) cpSync(path.join(samples, file), path.join(folder, file))
  return folder
}

/** A server whose index is up to date. */
export async function served(options: ServerOptions): Promise<Server> {
  const server = await start(options)
  await ready(server)
  return server
}

export async function ready(server: Server): Promise<void> {
  await until(async () => (await get(server, '/gallery')).body.state === 'ready', 60_000)
}

/** The index that a server has, opened by the library. */
export async function beside(folder: string): Promise<SearchIndex> {
  return SearchIndex.open(folder, { clip: await library(), create: false })
}

export interface Found {
  id: string
  name: string
  similarity: number
  thumbnail: string
  preview: string
}

/** All pages of a search. */
export async function all(server: Server, body: object, between: (page: number) => Promise<unknown> = async () => 0) {
  const results: Found[] = []
  let cursor: string | undefined
  for (let page = 0;; page++) {
    const answer = await post(server, '/gallery/search', { ...body, cursor })
    expect([answer.status, answer.body.error]).toEqual([200, undefined])
    results.push(...answer.body.results)
    if (answer.body.next === null) return { results, total: answer.body.total as number }
    cursor = answer.body.next
    await between(page)
  }
}
