/** A server in this process with the embedded model, and the library beside it. */
import { readFileSync } from 'node:fs'
import path from 'node:path'

import { Clip } from '../../lib/index.js'
import { Server, type ServerOptions } from '../../lib/server/index.js'

export const root = path.join(__dirname, '..', '..')
export const sampleFile = (name: string): string => path.join(root, 'models', 'samples', name)
export const sample = (name: string): Buffer => readFileSync(sampleFile(name))
export const base64 = (name: string): string => sample(name).toString('base64')
export const dataUri = (name: string): string =>
  `data:image/${name.endsWith('png') ? 'png' : 'webp'};base64,${base64(name)}`

const open = new Set<{ close(): Promise<void> } | Clip>()

/** Starts a server that ends with the test file. */
export async function start(options: ServerOptions = {}): Promise<Server> {
  const server = await Server.start({ port: 0, models: { 'emoji-clip': { threads: 1 } }, ...options })
  open.add(server)
  return server
}

export async function library(): Promise<Clip> {
  const clip = await Clip.load(undefined, { threads: 1 })
  open.add(clip)
  return clip
}

afterAll(async () => {
  await Promise.all([...open].map(one => ('close' in one ? one.close() : one.dispose())))
  open.clear()
})

export interface Answer {
  status: number
  headers: Headers
  body: any
}

export async function post(server: Server, route: string, body: unknown, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${server.url}${route}`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...init,
    headers: { 'content-type': 'application/json', ...init.headers as Record<string, string> },
  })
  return read(response)
}

export async function get(server: Server, route: string, init: RequestInit = {}): Promise<Answer> {
  return read(await fetch(`${server.url}${route}`, init))
}

export async function form(
  server: Server,
  route: string,
  parts: readonly (readonly [name: string, value: string | Blob])[],
  init: RequestInit = {},
): Promise<Answer> {
  const data = new FormData()
  for (const [name, value] of parts) {
    if (typeof value === 'string') data.append(name, value)
    else data.append(name, value, 'picture')
  }
  return read(await fetch(`${server.url}${route}`, { method: 'POST', body: data, ...init }))
}

export async function read(response: Response): Promise<Answer> {
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') === true
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
}

export const failure = (status: number, code: string, words = '') => ({
  status,
  body: { error: { message: expect.stringContaining(words) as string, type: expect.any(String) as string, code } },
})

export const vectorsOf = ({ body }: Answer): number[][] =>
  body.data.map(({ embedding }: { embedding: number[] }) => embedding)

export function unbase64(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64')
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4))
}

export async function until(holds: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  for (const end = Date.now() + ms; !(await holds());) {
    if (Date.now() > end) throw new Error('waited in vain')
    await new Promise(resolve => void setTimeout(resolve, 5))
  }
}
