/** The files of a repository of the hub at a revision. */
import { ClipError } from '../errors.js'
import type { HubClient } from './hub-client.js'
import { hostOf } from './hub-errors.js'
import { isCommit, isSafePath } from './hub-id.js'
import type { RetryPolicy } from './hub-settings.js'

/** A file's content: the name of its blob in the cache, and its checks. */
export interface HubBlob {
  /** SHA-256 of a large file (64 hex digits), git's SHA-1 of a small one (40), or a mirror's own ETag. */
  etag: string
  bytes: number
}

export interface HubListing {
  commit: string
  /** By path; undefined if the list has only the name. */
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
    // skip names that would leave the cache's folder
    if (typeof name === 'string' && isSafePath(name)) files.set(name, blobOf(sibling!))
  }
  return { commit: sha, files }
}

function blobOf({ size, blobId, lfs }: Sibling): HubBlob | undefined {
  const etag = lfs ? lfs.sha256 ?? lfs.oid : blobId
  const bytes = lfs?.size ?? size
  return isBlobName(etag) && isSize(bytes) ? { etag, bytes } : undefined
}

/** Requests the data of one file that the list lacks. */
export async function describeFile(client: HubClient, repo: string, commit: string, path: string): Promise<HubBlob> {
  const what = `file '${path}' of model '${repo}'`
  const { status, headers, hubHeaders } = await client.head(filePath(repo, commit, path), { what, repo })
  const tag = hubHeaders.get('x-linked-etag') ?? hubHeaders.get('etag') ?? headers.get('etag') ?? ''
  const etag = tag.replace(/^W\//, '').replace(/^"(.*)"$/, '$1')
  // the length of a redirect is its own
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

/** The path of a file below the endpoint; with a commit it never changes. */
export function filePath(repo: string, commit: string, path: string): string {
  return `/${repo}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`
}

/** It becomes a file name. */
function isBlobName(etag: unknown): etag is string {
  return typeof etag === 'string' && /^[\w-][\w.-]{0,127}$/.test(etag)
}

function isSize(bytes: unknown): bytes is number {
  return Number.isSafeInteger(bytes) && (bytes as number) >= 0
}
