/** What files a repository of the hub has at a revision. */
import { ClipError } from '../errors.js'
import type { HubClient } from './hub-client.js'
import { hostOf } from './hub-errors.js'
import { isCommit, isSafePath } from './hub-id.js'
import type { RetryPolicy } from './hub-settings.js'

/** A file's content: what its blob in the cache is called, and how it is checked. */
export interface HubBlob {
  /** SHA-256 of a large file (64 hex digits), git's SHA-1 of a small one (40), or whatever ETag a mirror gives. */
  etag: string
  bytes: number
}

export interface HubListing {
  commit: string
  /** By path; undefined where the server's list says nothing but the name. */
  files: Map<string, HubBlob | undefined>
}

interface Sibling {
  rfilename?: unknown
  size?: unknown
  blobId?: unknown
  lfs?: { sha256?: unknown; oid?: unknown; size?: unknown } | null
}

export async function listRepository(
  client: HubClient,
  repo: string,
  revision: string,
  policy?: RetryPolicy,
): Promise<HubListing> {
  const what = `model '${repo}' at revision '${revision}'`
  const path = `/api/models/${repo}/revision/${encodeURIComponent(revision)}?blobs=true`
  const answer = await client.json(path, { what, repo }, policy) as { sha?: unknown; siblings?: unknown } | null
  const { sha, siblings } = answer ?? {}
  if (typeof sha !== 'string' || !isCommit(sha) || !Array.isArray(siblings)) {
    const host = hostOf(client.settings.endpoint)
    throw new ClipError(
      'ERR_CLIP_HUB_RESPONSE',
      `${host}: expected sha (a commit) and siblings (a list) for ${what}, found ${
        JSON.stringify({ sha }).slice(0, 80)
      }`,
    )
  }
  const files = new Map<string, HubBlob | undefined>()
  for (const sibling of siblings as (Sibling | null)[]) {
    const name = sibling?.rfilename
    // a name that would leave the cache's folder is not taken
    if (typeof name === 'string' && isSafePath(name)) files.set(name, blobOf(sibling!))
  }
  return { commit: sha, files }
}

function blobOf({ size, blobId, lfs }: Sibling): HubBlob | undefined {
  const etag = lfs ? lfs.sha256 ?? lfs.oid : blobId
  const bytes = lfs?.size ?? size
  return isBlobName(etag) && isSize(bytes) ? { etag, bytes } : undefined
}

/** Asks about one file, where the list did not tell. */
export async function describeFile(client: HubClient, repo: string, commit: string, path: string): Promise<HubBlob> {
  const what = `file '${path}' of model '${repo}'`
  const { status, headers, hubHeaders } = await client.head(filePath(repo, commit, path), { what, repo })
  const tag = hubHeaders.get('x-linked-etag') ?? hubHeaders.get('etag') ?? headers.get('etag') ?? ''
  const etag = tag.replace(/^W\//, '').replace(/^"(.*)"$/, '$1')
  // the length of an answer that leads elsewhere is its own
  const bytes = Number(
    hubHeaders.get('x-linked-size') ?? (status === 200 ? headers.get('content-length') : null) ?? NaN,
  )
  if (isBlobName(etag) && isSize(bytes)) return { etag, bytes }
  const found = `ETag '${etag.slice(0, 80)}' and size ${bytes}`
  throw new ClipError(
    'ERR_CLIP_HUB_RESPONSE',
    `${hostOf(client.settings.endpoint)}: expected an ETag and a size for ${what}, found ${found}`,
  )
}

/** The address of a file below the endpoint; a commit makes it one that never changes. */
export function filePath(repo: string, commit: string, path: string): string {
  return `/${repo}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`
}

/** It becomes a file's name. */
function isBlobName(etag: unknown): etag is string {
  return typeof etag === 'string' && /^[\w-][\w.-]{0,127}$/.test(etag)
}

function isSize(bytes: unknown): bytes is number {
  return Number.isSafeInteger(bytes) && (bytes as number) >= 0
}
