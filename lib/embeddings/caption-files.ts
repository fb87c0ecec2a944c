/**
 * Captions in files beside pictures, as webdataset and img2dataset write them, in folders and in tar files: of `cat.jpg` what
 * is in `cat.txt`, or else the `caption` of `cat.json`.
 */
import { readFile, stat } from 'node:fs/promises'

import { decodeText } from '../text-bytes.js'
import { isS3, isUrl, pathOfKey } from '../work/address.js'
import { openTar } from '../work/open-tar.js'
import type { Remote } from '../work/remote.js'
import { entryOfKey, tarEntries } from '../work/tar.js'

const maxCaptionBytes = 2 ** 16
/** The first that has a caption counts. */
const kinds = ['.txt', '.json'] as const
type Kind = typeof kinds[number]

/** Of a picture's file, by its path's bytes: a name may be no UTF-8. */
export async function captionBeside(picture: Uint8Array): Promise<string | undefined> {
  const name = Buffer.from(picture)
  const dot = name.lastIndexOf('.')
  const stem = dot > name.lastIndexOf('/') + 1 ? name.subarray(0, dot) : name
  for (const kind of kinds) {
    const caption = await captionIn(Buffer.concat([stem, Buffer.from(kind)]), kind)
    if (caption !== undefined) return caption
  }
  return undefined
}

async function captionIn(file: Buffer, kind: Kind): Promise<string | undefined> {
  try {
    const info = await stat(file)
    // a pipe would be waited for
    return info.isFile() && info.size <= maxCaptionBytes ? captionOf(await readFile(file), kind) : undefined
  } catch {
    return undefined
  }
}

function captionOf(bytes: Uint8Array, kind: Kind): string | undefined {
  try {
    const text = decodeText(bytes)
    const caption: unknown = kind === '.txt' ? text : (JSON.parse(text) as { caption?: unknown } | null)?.caption
    return typeof caption === 'string' ? caption.trim() || undefined : undefined
  } catch {
    return undefined
  }
}

/** Of pictures by their keys in a store, in the order of the keys: then a tar file is passed through once. */
export class CaptionFiles {
  readonly #remote: Remote
  readonly #signal: AbortSignal | undefined
  /** The tar file that the last picture was in. */
  #tar: { file: string; captions: ReadonlyMap<string, string> } | undefined

  constructor(remote: Remote, signal: AbortSignal | undefined) {
    this.#remote = remote
    this.#signal = signal
  }

  /** A picture at a URL has none. @throws {ClipError} its tar file cannot be read: see {@link openTar}, {@link tarEntries} */
  async of(key: string): Promise<string | undefined> {
    const entry = entryOfKey(key)
    if (!entry) return isUrl(key) || isS3(key) ? undefined : captionBeside(Buffer.from(pathOfKey(key)))
    const { file, name } = entry
    if (this.#tar?.file !== file) this.#tar = { file, captions: await this.#captionsIn(file) }
    const { captions } = this.#tar
    return captions.get(beforeDot(name, 'last')) ?? captions.get(beforeDot(name, 'first'))
  }

  /** By names without their ends. */
  async #captionsIn(file: string): Promise<ReadonlyMap<string, string>> {
    const found = { '.txt': new Map<string, string>(), '.json': new Map<string, string>() }
    const tar = await openTar(file, this.#remote, this.#signal)
    try {
      for await (const { name, offset, size } of tarEntries(file, tar)) {
        const kind = kinds.find(end => name.endsWith(end))
        if (kind === undefined || size > maxCaptionBytes) continue
        const caption = captionOf(await tar.read(offset, size), kind)
        if (caption !== undefined) found[kind].set(name.slice(0, -kind.length), caption)
      }
    } finally {
      await tar.close()
    }
    return new Map([...found['.json'], ...found['.txt']])
  }
}

/** Webdataset takes what is before the first dot of a name for its picture; others have dots in their names. */
function beforeDot(name: string, which: 'first' | 'last'): string {
  const begin = name.lastIndexOf('/') + 1
  const dot = which === 'last' ? name.lastIndexOf('.') : name.indexOf('.', begin)
  return dot > begin ? name.slice(0, dot) : name
}
