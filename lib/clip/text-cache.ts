/** Longer ones hardly come again, and would fill memory. */
export const longestKept = 2048

/** The embeddings of the texts used last: labels and queries come again and again. */
export class TextCache {
  readonly #limit: number
  readonly #entries = new Map<string, Float32Array>() // least recently used first

  /** @param limit most entries; 0 keeps none */
  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#entries.size
  }

  get(text: string): Float32Array | undefined {
    const vector = this.#entries.get(text)
    if (vector === undefined) return undefined
    this.#entries.delete(text)
    this.#entries.set(text, vector)
    return vector
  }

  set(text: string, vector: Float32Array): void {
    if (text.length > longestKept) return
    this.#entries.delete(text)
    this.#entries.set(text, vector)
    if (this.#entries.size > this.#limit) this.#entries.delete(this.#entries.keys().next().value as string)
  }

  clear(): void {
    this.#entries.clear()
  }
}
