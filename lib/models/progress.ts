/** Progress of a download: {@link HubOptions}. */
export interface PullProgress {
  /** `hf:owner/name`. */
  source: string
  /** The current file: its path in the repository. */
  file: string
  /** Bytes of that file that are complete. */
  fileLoaded: number
  /** Size of that file. */
  fileTotal: number
  /** Bytes of all files of the model that are complete. */
  loaded: number
  /** Size of all files of the model; grows once, when a list of shards has been read. */
  total: number
}

const intervalMs = 100

/** Sums up files; reports at most ten times a second, and always at the end of a file. */
export class ProgressMeter {
  readonly #source: string
  readonly #listener: ((progress: PullProgress) => void) | undefined
  readonly #files = new Map<string, { loaded: number; total: number }>()
  #toldAt = -Infinity

  constructor(source: string, listener: ((progress: PullProgress) => void) | undefined) {
    this.#source = source
    this.#listener = listener
  }

  expect(file: string, total: number): void {
    this.#files.set(file, { loaded: this.#files.get(file)?.loaded ?? 0, total })
  }

  update(file: string, loaded: number): void {
    const entry = this.#files.get(file)!
    if (entry.loaded === loaded) return
    entry.loaded = loaded
    const now = performance.now()
    if (loaded < entry.total && now - this.#toldAt < intervalMs) return
    this.#toldAt = now
    const all = [...this.#files.values()]
    this.#listener?.({
      source: this.#source,
      file,
      fileLoaded: loaded,
      fileTotal: entry.total,
      loaded: all.reduce((sum, one) => sum + one.loaded, 0),
      total: all.reduce((sum, one) => sum + one.total, 0),
    })
  }
}
