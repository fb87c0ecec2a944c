// LanceDB: an embedding function, by which a table computes the vectors of its pictures and of the texts that it is asked for.
//
//   npm install ggclip @lancedb/lancedb apache-arrow && node lancedb.mjs folder *.jpg
import { connect } from '@lancedb/lancedb'
import { EmbeddingFunction, getRegistry, LanceSchema, register } from '@lancedb/lancedb/embedding'
import { Float32, Utf8 } from 'apache-arrow'
import { Clip } from 'ggclip'

/** Its options are kept with the table: whoever opens it, with this class registered, searches with the same model. */
export class ClipFunction extends EmbeddingFunction {
  #options
  #clip

  /** @param {{ model?: string }} options as `Clip.load` takes it; default: the embedded model */
  constructor(options = {}) {
    super()
    this.#options = options
  }

  toJSON() {
    return this.#options
  }

  async init() {
    this.#clip = await Clip.load(this.#options.model)
  }

  ndims() {
    return this.#clip.info.dim
  }

  embeddingDataType() {
    return new Float32()
  }

  /** Paths of pictures. */
  computeSourceEmbeddings(paths) {
    return this.#clip.encodeImage(paths)
  }

  computeQueryEmbeddings(text) {
    return this.#clip.encodeText(text)
  }
}

register('ggclip')(ClipFunction)

if (process.argv[1] === import.meta.filename) {
  const [folder, ...pictures] = process.argv.slice(2)
  const database = await connect(folder)
  if (pictures.length > 0) {
    const clip = await getRegistry().get('ggclip').create()
    const schema = LanceSchema({ path: clip.sourceField(new Utf8()), vector: clip.vectorField() })
    const table = await database.createEmptyTable('pictures', schema, { mode: 'overwrite' })
    await table.add(pictures.map(path => ({ path })))
  }
  const table = await database.openTable('pictures')
  const found = await table.search('a slice of pizza').distanceType('cosine').limit(2).toArray()
  console.log(JSON.stringify(found.map(({ path, _distance }) => ({ path, similarity: 1 - _distance }))))
  process.exit() // LanceDB has the model: it would wait for more
}
