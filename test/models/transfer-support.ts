/** What the tests of broken transfers share. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import type { SeenRequest, Trouble } from '../helpers/fake-hub'
import { sha256 } from '../helpers/fake-hub'
import { Bench, checkpoint, weights } from './support'

export const bench = new Bench()

beforeEach(() => bench.hub.add('owner/model', checkpoint))

/** Trouble for requests to the second server, which has the weights: one for each, then none. */
export function onWeights(...troubles: Trouble[]): void {
  bench.hub.trouble = ({ server }: SeenRequest) => (server === 'cdn' ? troubles.shift() : undefined)
}

export function ranges(): (string | undefined)[] {
  return bench.hub.requests.filter(({ server }) => server === 'cdn').map(({ headers }) => headers.range)
}

export const blobs = (): string => path.join(bench.cacheDir, 'models--owner--model', 'blobs')

/** What an ended download leaves to the next. */
export const parked = (): string => path.join(blobs(), `${sha256(weights)}.ggclip.incomplete`)
/** What a download of another process writes to. */
export const abandoned = (name = 'another'): string =>
  path.join(blobs(), `${sha256(weights)}.ggclip-${name}.incomplete`)
/** What hub clients before 1.18 share among themselves. */
export const foreign = (): string => path.join(blobs(), `${sha256(weights)}.incomplete`)

export function leave(file: string, content: Buffer): void {
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, content)
}

/** Waits until a download has written so many bytes of the weights. */
export async function arrival(bytes: number): Promise<void> {
  const sizes = (): number[] =>
    (existsSync(blobs()) ? readdirSync(blobs()) : [])
      .filter(name => name.startsWith(`${sha256(weights)}.ggclip-`)).map(name =>
        statSync(path.join(blobs(), name)).size
      )
  while (!sizes().some(size => size >= bytes)) await new Promise(resolve => setTimeout(resolve, 10))
}

export async function expectWhole(): Promise<void> {
  const { path: folder } = await bench.fetch('owner/model')
  expect(readFileSync(path.join(folder, 'model.safetensors')).equals(weights)).toBe(true)
  expect(bench.leftovers()).toEqual([])
}
