// LangChain.js: texts of a model as `Embeddings`, pictures beside them in the same vector store.
//
//   npm install ggclip @langchain/core && node langchain.mjs
import { Embeddings } from '@langchain/core/embeddings'
import { Clip } from 'ggclip'

export class ClipEmbeddings extends Embeddings {
  #clip

  /** @param {Clip} clip @param {ConstructorParameters<typeof Embeddings>[0]} params of LangChain: retries, concurrency */
  constructor(clip, params = {}) {
    super(params)
    this.#clip = clip
  }

  async embedQuery(text) {
    return Array.from(await this.#clip.encodeText(text))
  }

  async embedDocuments(texts) {
    return (await this.#clip.encodeText(texts)).map(vector => Array.from(vector))
  }

  /** For `vectorStore.addVectors`: paths, URLs, bytes. */
  async embedImages(images) {
    return (await this.#clip.encodeImage(images)).map(vector => Array.from(vector))
  }
}

if (process.argv[1] === import.meta.filename) {
  const clip = await Clip.load()
  const embeddings = new ClipEmbeddings(clip)
  const pictures = process.argv.slice(2)
  const vectors = await embeddings.embedImages(pictures)
  const query = await embeddings.embedQuery('a slice of pizza')
  const similarity = vector => vector.reduce((sum, value, i) => sum + value * query[i], 0)
  const best = pictures.reduce((a, b) =>
    similarity(vectors[pictures.indexOf(b)]) > similarity(vectors[pictures.indexOf(a)]) ? b : a
  )
  const [first] = await embeddings.embedDocuments(['a slice of pizza'])
  console.log(JSON.stringify({ best, dim: query.length, same: first.every((value, i) => value === query[i]) }))
  await clip.dispose()
}
