// LlamaIndexTS: a model of texts and pictures as `MultiModalEmbedding`.
//
//   npm install ggclip @llamaindex/core && node llamaindex.mjs *.jpg
import { readFile } from 'node:fs/promises'

import { getTopKEmbeddings, MultiModalEmbedding } from '@llamaindex/core/embeddings'
import { Clip } from 'ggclip'

export class ClipEmbedding extends MultiModalEmbedding {
  #clip

  /** @param {Clip} clip */
  constructor(clip) {
    super()
    this.#clip = clip
    this.embedInfo = { dimensions: clip.info.dim }
    // the base class has it as a property, too
    this.getTextEmbeddings = async texts => (await clip.encodeText(texts)).map(vector => Array.from(vector))
  }

  async getTextEmbedding(text) {
    return Array.from(await this.#clip.encodeText(text))
  }

  /** A path, a file: or data: URL, or a blob. */
  async getImageEmbedding(image) {
    return Array.from(await this.#clip.encodeImage(await readable(image)))
  }

  async getImageEmbeddings(images) {
    return (await this.#clip.encodeImage(await Promise.all(images.map(readable)))).map(vector => Array.from(vector))
  }
}

async function readable(image) {
  if (image instanceof Blob) return Buffer.from(await image.arrayBuffer())
  const url = String(image)
  if (url.startsWith('data:')) return Buffer.from(await (await fetch(url)).arrayBuffer())
  return url.startsWith('file:') ? readFile(new URL(url)) : url
}

if (process.argv[1] === import.meta.filename) {
  const clip = await Clip.load()
  const embedding = new ClipEmbedding(clip)
  const pictures = process.argv.slice(2)
  const vectors = await embedding.getImageEmbeddings(pictures)
  // as LlamaIndex's engines ask: with the content of a message
  const query = await embedding.getQueryEmbedding({ type: 'text', text: 'a slice of pizza' })
  const [similarities, [best]] = getTopKEmbeddings(query, vectors, 1, pictures)
  const [text] = await embedding.getTextEmbeddingsBatch(['a slice of pizza'])
  const same = text.every((value, i) => value === query[i])
  console.log(JSON.stringify({ best, similarity: similarities[0], dim: query.length, same }))
  await clip.dispose()
}
