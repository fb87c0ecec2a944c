/**
 * A hub on 127.0.0.1, with a second server for large files as the real one has: the same addresses, headers, redirects
 * and refusals. Nothing else is contacted; a test sees every request in `requests`.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'

export interface SeenRequest {
  server: 'hub' | 'cdn'
  method: string
  url: string
  headers: IncomingMessage['headers']
}

/** What a test makes of one answer; undefined: the true one. */
export interface Trouble {
  status?: number
  headers?: Record<string, string>
  /** Bytes of the body after which the connection is cut. */
  cutAfter?: number
  /** Bytes after which the body ends as if that were all of it. */
  endAfter?: number
  /** Bytes after which nothing more comes. */
  stallAfter?: number
  /** So many bytes at a time, with so many milliseconds between. */
  pace?: [bytes: number, ms: number]
  /** Other content in place of the file's. */
  content?: Buffer
  /** Answers a range with the whole file. */
  ignoreRange?: boolean
}

interface Repository {
  commit: string
  files: Map<string, Buffer>
  token?: string
  gated?: boolean
  /** The list of files has names only, as that of some mirrors. */
  bare?: boolean
  /** Answers that lead to the other server do not tell what is there. */
  silent?: boolean
}

/** Files of at least this size lie on the other server. */
const largeBytes = 10_000

export class FakeHub {
  readonly requests: SeenRequest[] = []
  /** Asked about each request, in its order. */
  trouble: (request: SeenRequest) => Trouble | undefined = () => undefined
  readonly #repositories = new Map<string, Repository>()
  readonly #hub = createServer((request, response) => this.#answer('hub', request, response))
  readonly #cdn = createServer((request, response) => this.#answer('cdn', request, response))

  static async start(): Promise<FakeHub> {
    const fake = new FakeHub()
    await Promise.all([listen(fake.#hub), listen(fake.#cdn)])
    return fake
  }

  get endpoint(): string {
    return address(this.#hub)
  }

  get cdn(): string {
    return address(this.#cdn)
  }

  async stop(): Promise<void> {
    await Promise.all([this.#hub, this.#cdn].map(server =>
      new Promise<void>(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    ))
  }

  add(id: string, files: Record<string, Buffer | string>, options: Partial<Omit<Repository, 'files'>> = {}): string {
    const all = new Map(Object.entries(files).map(([name, content]): [string, Buffer] => [name, Buffer.from(content)]))
    const commit = options.commit ??
      createHash('sha1').update([...all].map(([name, content]) => name + sha256(content)).join()).digest('hex')
    this.#repositories.set(id, { ...options, commit, files: all })
    return commit
  }

  /** A folder's files as a repository. */
  addFolder(
    id: string,
    folder: string,
    options: Partial<Omit<Repository, 'files'>> & { names?: (name: string) => boolean } = {},
  ): string {
    const { names = () => true, ...rest } = options
    const files = readdirSync(folder).filter(names).map((
      name,
    ): [string, Buffer] => [name, readFileSync(path.join(folder, name))])
    return this.add(id, Object.fromEntries(files), rest)
  }

  /** Requests since the last call, as 'cdn GET' or 'hub GET config.json'. */
  takeLog(): string[] {
    return this.requests.splice(0).map(({ server, method, url }) =>
      `${server} ${method} ${url.replace(/\?.*/, '').replace(/^.*\/resolve\/[^/]+\//, '')}`
    )
  }

  #answer(server: 'hub' | 'cdn', request: IncomingMessage, response: ServerResponse): void {
    const seen: SeenRequest = { server, method: request.method!, url: request.url!, headers: request.headers }
    this.requests.push(seen)
    const trouble = this.trouble(seen) ?? {}
    if (trouble.status !== undefined) {
      response.writeHead(trouble.status, trouble.headers).end('trouble')
    } else if (server === 'cdn') {
      this.#large(seen, trouble, response)
    } else {
      this.#route(seen, trouble, response)
    }
  }

  #route(seen: SeenRequest, trouble: Trouble, response: ServerResponse): void {
    const url = decodeURIComponent(seen.url.replace(/\?.*/, ''))
    const [, apiId, apiRevision] = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/(.+)$/.exec(url) ?? []
    const [, treeId, treeRevision] = /^\/api\/models\/([^/]+\/[^/]+)\/tree\/([^/]+)$/.exec(url) ?? []
    const [, fileId, fileRevision, file] = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(url) ?? []
    const id = apiId ?? treeId ?? fileId
    const repository = id === undefined ? undefined : this.#repositories.get(id)
    if (!repository)
      return void refuse(response, seen.headers.authorization ? 404 : 401, 'RepoNotFound', 'Repository not found')
    const allowed = repository.token === undefined || seen.headers.authorization === `Bearer ${repository.token}`
    // the list of a gated model is public, its files are not
    if (!allowed && !(repository.gated && apiId)) {
      return void (repository.gated
        ? refuse(response, 403, 'GatedRepo', `Access to model ${id} is restricted`)
        : refuse(response, 401, 'RepoNotFound', 'Repository not found'))
    }
    const revision = apiRevision ?? treeRevision ?? fileRevision
    if (revision !== 'main' && revision !== repository.commit)
      return void refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`)
    if (apiId !== undefined) return void this.#list(apiId, repository, seen.url.includes('blobs=true'), response)
    if (treeId !== undefined) return void this.#tree(repository, response)
    const content = repository.files.get(file!)
    if (!content) return void refuse(response, 404, 'EntryNotFound', 'Entry not found')
    const common = { 'x-repo-commit': repository.commit, 'accept-ranges': 'bytes' }
    if (content.length < largeBytes)
      return send(seen, response, content, { ...common, etag: `"${gitHash(content)}"` }, trouble)
    const linked = repository.silent
      ? undefined
      : { 'x-linked-size': String(content.length), 'x-linked-etag': `"${sha256(content)}"` }
    const location = `${this.cdn}/${sha256(content)}?repo=${encodeURIComponent(fileId!)}&file=${
      encodeURIComponent(file!)
    }&signature=1`
    response.writeHead(302, { ...common, ...linked, location, ...trouble.headers }).end(
      `Found. Redirecting to ${location}`,
    )
  }

  #list(id: string, { commit, files, bare }: Repository, blobs: boolean, response: ServerResponse): void {
    const siblings = [...files].map(([rfilename, content]) => ({
      rfilename,
      ...(blobs && !bare ? { size: content.length, blobId: gitHash(content) } : {}),
      ...(blobs && !bare && content.length >= largeBytes
        ? { lfs: { sha256: sha256(content), size: content.length, pointerSize: 134 } }
        : {}),
    }))
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(
      JSON.stringify({ _id: '1', id, modelId: id, sha: commit, private: false, siblings }),
    )
  }

  /** The list that the hub's Python client asks for: with it that client can be run against this server. */
  #tree({ files }: Repository, response: ServerResponse): void {
    const entries = [...files].map(([name, content]) => ({
      type: 'file',
      path: name,
      size: content.length,
      oid: gitHash(content),
      ...(content.length >= largeBytes
        ? { lfs: { oid: sha256(content), size: content.length, pointerSize: 134 } }
        : {}),
    }))
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(entries))
  }

  #large(seen: SeenRequest, trouble: Trouble, response: ServerResponse): void {
    const hash = seen.url.slice(1, 65)
    const content = [...this.#repositories.values()].flatMap(({ files }) => [...files.values()]).find(one =>
      sha256(one) === hash
    )
    // signed addresses admit no second kind of authorisation
    const headers = { etag: `"cdn-${hash.slice(0, 12)}"`, 'accept-ranges': 'bytes' }
    if (!content || !seen.url.includes('signature=1') || seen.headers.authorization)
      return void response.writeHead(403).end('AccessDenied')
    send(seen, response, content, headers, trouble)
  }
}

function send(
  seen: SeenRequest,
  response: ServerResponse,
  truth: Buffer,
  headers: Record<string, string>,
  trouble: Trouble,
): void {
  const content = trouble.content ?? truth
  const [, from] = /^bytes=(\d+)-$/.exec(seen.headers.range ?? '') ?? []
  const condition = seen.headers['if-range']
  const ranged = from !== undefined && !trouble.ignoreRange && (condition === undefined || condition === headers.etag)
  const start = ranged ? Number(from) : 0
  if (ranged && start >= content.length)
    return void response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end()
  const range: Record<string, string> = ranged
    ? { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }
    : {}
  // without a length the body is chunked, so that it can end early in good order
  const length: Record<string, string> = trouble.endAfter === undefined
    ? { 'content-length': String(content.length - start) }
    : {}
  response.writeHead(ranged ? 206 : 200, { ...headers, ...range, ...length, ...trouble.headers })
  if (seen.method === 'HEAD') return void response.end()
  const limit = trouble.cutAfter ?? trouble.endAfter ?? trouble.stallAfter
  const body = content.subarray(start, limit === undefined ? undefined : start + limit)
  if (trouble.cutAfter !== undefined) return void response.write(body, () => setTimeout(() => response.destroy(), 30))
  if (trouble.stallAfter !== undefined) return void response.write(body)
  if (trouble.pace) return void trickle(response, body, trouble.pace)
  response.end(body)
}

async function trickle(response: ServerResponse, body: Buffer, [bytes, ms]: [number, number]): Promise<void> {
  for (let at = 0; at < body.length && !response.destroyed; at += bytes) {
    response.write(body.subarray(at, at + bytes))
    await new Promise(resolve => setTimeout(resolve, ms))
  }
  response.end()
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, { 'x-error-code': code, 'x-error-message': message, 'content-type': 'application/json' })
    .end(JSON.stringify({ error: message }))
}

export function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

/** The id that git gives to a file of this content. */
export function gitHash(content: Buffer): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')
}

function listen(server: Server): Promise<void> {
  return new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
}

function address(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
