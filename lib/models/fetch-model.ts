/** A model of the hub: from the cache where it is complete, else downloaded into it. */
import { readFile, statfs } from 'node:fs/promises'
import path from 'node:path'

import { throwIfAborted } from '../async/abort.js'
import { forEachAtOnce, type MapOptions } from '../async/pipeline.js'
import { ClipError, errorCodeOf } from '../errors.js'
import { downloadBlob } from './blob-download.js'
import { HubCache } from './hub-cache.js'
import { HubClient } from './hub-client.js'
import { hostOf } from './hub-errors.js'
import { type HubId, isCommit } from './hub-id.js'
import { describeFile, filePath, type HubBlob, type HubListing, listRepository } from './hub-repository.js'
import type { HubSettings } from './hub-settings.js'
import { ProgressMeter, type PullProgress } from './progress.js'
import { type FileSource, selectFiles, type Selection } from './select-files.js'

/** Simultaneous connections of one call. */
const maxConnections = 4

/** A file of a {@link PullResult}. */
export interface PulledFile {
  /** Path in the repository. */
  path: string
  /** Its size. */
  bytes: number
  /** Whether it was in the cache already. */
  cached: boolean
}

/** Result of {@link pull}: what was downloaded or found in the cache. */
export interface PullResult {
  /** `owner/name`. */
  id: string
  /** The commit of the revision. */
  revision: string
  /** Path for `Clip.load`: a folder, or a GGUF file. */
  path: string
  /** The files that the model needs. */
  files: PulledFile[]
  /** Size of all files. */
  bytes: number
  /** Bytes transferred. */
  downloadedBytes: number
  /** The hub could not be reached, and this is the last known commit of the revision. */
  stale: boolean
}

export interface FetchOptions {
  signal?: AbortSignal
  onProgress?: (progress: PullProgress) => void
}

export async function fetchModel(id: HubId, settings: HubSettings, options: FetchOptions): Promise<PullResult> {
  throwIfAborted(options.signal)
  const cache = new HubCache(settings.cacheDir, id.repo)
  const known = await cache.commitOf(id.revision)
  const cached = known === undefined ? undefined : await fromCache(id, cache, known)
  // a commit never changes: if it is complete, no request is needed
  if (cached?.tokenizer && isCommit(id.revision)) return cached.result
  if (settings.offline) {
    if (cached) return cached.result
    const others = known === undefined ? await cache.commits() : []
    const advice = `pull it while online, or set cacheDir to where it is${
      others.length > 0 ? `, or name a commit that is there: ${others.join(', ')}` : ''
    }`
    throw new ClipError(
      'ERR_CLIP_HUB_OFFLINE',
      `model '${id.repo}' at revision '${id.revision}' is not, or not completely, in ${settings.cacheDir}, and this is offline: ${advice}`,
    )
  }
  const client = new HubClient(settings, options.signal)
  // a complete cached model should not wait long for a hub that does not answer
  const policy = cached ? { ...settings.retry, attempts: 2, maxServerPauseMs: 2000 } : settings.retry
  try {
    const listing = await listRepository(client, id.repo, id.revision, policy).catch((error: unknown) => {
      if (!cached || !['ERR_CLIP_HUB_UNREACHABLE', 'ERR_CLIP_HUB_BUSY'].includes(errorCodeOf(error) ?? '')) throw error
    })
    return listing ? await new Fetch(id, cache, client, listing, options).run() : { ...cached!.result, stale: true }
  } finally {
    client.close()
  }
}

/** The cached files of a commit, if they are a complete model. */
async function fromCache(
  id: HubId,
  cache: HubCache,
  commit: string,
): Promise<{ result: PullResult; tokenizer: boolean } | undefined> {
  const sizes = await cache.files(commit)
  if (sizes.size === 0) return undefined
  const source: FileSource = {
    name: id.repo,
    paths: new Set(sizes.keys()),
    read: file => readFile(cache.snapshot(commit, file), 'utf8'),
  }
  try {
    const { files, entry, tokenizer } = await selectFiles(source, id.wanted)
    const pulled = files.map(file => ({ path: file, bytes: sizes.get(file)!, cached: true }))
    return { result: resultOf(id, cache, commit, entry, pulled, 0), tokenizer }
  } catch (error) {
    if (errorCodeOf(error) === 'ERR_CLIP_HUB_FILES') return undefined
    throw error
  }
}

class Fetch {
  readonly #id: HubId
  readonly #cache: HubCache
  readonly #client: HubClient
  readonly #listing: HubListing
  readonly #progress: ProgressMeter
  readonly #limits: MapOptions
  readonly #done = new Map<string, PulledFile>()
  #downloadedBytes = 0

  constructor(id: HubId, cache: HubCache, client: HubClient, listing: HubListing, options: FetchOptions) {
    this.#id = id
    this.#cache = cache
    this.#client = client
    this.#listing = listing
    this.#limits = { limit: maxConnections, signal: options.signal }
    this.#progress = new ProgressMeter(`hf:${id.repo}`, options.onProgress)
  }

  async run(): Promise<PullResult> {
    const { commit, files } = this.#listing
    const source: FileSource = {
      name: this.#id.repo,
      paths: new Set(files.keys()),
      read: async file => {
        await this.#pullAll([file])
        return readFile(this.#cache.snapshot(commit, file), 'utf8')
      },
    }
    const selection: Selection = await selectFiles(source, this.#id.wanted)
    // weights come last: a snapshot with weights is complete
    const isWeights = (file: string): boolean => /\.(?:safetensors|bin|pt|pth|gguf)$/.test(file)
    await this.#describe(selection.files)
    await this.#checkSpace(selection.files)
    await this.#pullAll(selection.files.filter(file => !isWeights(file)))
    await this.#pullAll(selection.files.filter(isWeights))
    await this.#cache.noteCommit(this.#id.revision, commit)
    const pulled = selection.files.map(file => this.#done.get(file)!)
    return resultOf(this.#id, this.#cache, commit, selection.entry, pulled, this.#downloadedBytes)
  }

  /** Requests sizes and ETags of files that the list lacks. */
  async #describe(files: readonly string[]): Promise<void> {
    const { commit, files: known } = this.#listing
    await forEachAtOnce(files.filter(file => !known.get(file)), this.#limits, async (file, signal) => {
      known.set(file, await describeFile(this.#client.under(signal), this.#id.repo, commit, file))
    })
    for (const file of files) this.#progress.expect(file, this.#blob(file).bytes)
  }

  async #pullAll(files: readonly string[]): Promise<void> {
    const missing = files.filter(file => !this.#done.has(file))
    await this.#describe(missing)
    await forEachAtOnce(missing, this.#limits, (file, signal) => this.#pullFile(file, signal))
  }

  async #pullFile(file: string, signal: AbortSignal): Promise<void> {
    const { commit } = this.#listing
    const { repo } = this.#id
    const expected = this.#blob(file)
    let received = 0
    const cached = await this.#cache.bytes(commit, file) === expected.bytes
    if (!cached) {
      received = await downloadBlob(this.#client.under(signal), {
        url: filePath(repo, commit, file),
        subject: { what: `file '${file}' of model '${repo}'`, repo },
        expected,
        blob: this.#cache.blob(expected.etag),
        lock: this.#cache.lock(expected.etag),
        onBytes: bytes => this.#progress.update(file, bytes),
      }, signal)
      await this.#cache.link(commit, file, expected.etag)
      const bytes = await this.#cache.bytes(commit, file)
      if (bytes !== expected.bytes) {
        throw new ClipError(
          'ERR_CLIP_HUB_CORRUPT',
          `${this.#cache.snapshot(commit, file)}: expected ${expected.bytes} bytes, found ${
            bytes ?? 'no file'
          }: does another program write there?`,
        )
      }
    }
    this.#downloadedBytes += received
    this.#done.set(file, { path: file, bytes: expected.bytes, cached: received === 0 && expected.bytes > 0 })
    this.#progress.update(file, expected.bytes)
  }

  /** Refuses a download that would fill the disk. If the file system does not report its space, writing will. */
  async #checkSpace(files: readonly string[]): Promise<void> {
    const { cacheDir } = this.#client.settings
    let needed = 0
    for (const file of files) {
      const { etag, bytes } = this.#blob(file)
      const there = await this.#cache.blobBytes(etag)
      needed += Math.max(0, bytes - there)
    }
    const free = await freeBytes(cacheDir)
    if (free === undefined || needed <= free) return
    throw new ClipError(
      'ERR_CLIP_FILE_WRITE',
      `${cacheDir} has ${free} bytes free, and '${this.#id.repo}' needs ${needed}: make room, or give another cacheDir`,
    )
  }

  #blob(file: string): HubBlob {
    const blob = this.#listing.files.get(file)
    if (blob) return blob
    throw new ClipError(
      'ERR_CLIP_HUB_RESPONSE',
      `${hostOf(this.#client.settings.endpoint)}: nothing is known of '${file}'`,
    )
  }
}

function resultOf(
  id: HubId,
  cache: HubCache,
  commit: string,
  entry: string,
  files: PulledFile[],
  downloadedBytes: number,
): PullResult {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  return {
    id: id.repo,
    revision: commit,
    path: cache.snapshot(commit, entry),
    files,
    bytes,
    downloadedBytes,
    stale: false,
  }
}

async function freeBytes(folder: string): Promise<number | undefined> {
  for (let place = folder;; place = path.dirname(place)) {
    const info = await statfs(place).catch(() => undefined)
    if (info) return info.blocks > 0 ? info.bavail * info.bsize : undefined
    if (place === path.dirname(place)) return undefined
  }
}
