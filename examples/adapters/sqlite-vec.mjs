// sqlite-vec: pictures in a table of vectors, beside your own tables. libsql and better-sqlite3 load it alike.
//
//   npm install ggclip libsql sqlite-vec && node sqlite-vec.mjs pictures.db *.jpg
import { Clip } from 'ggclip'
import Database from 'libsql'
import * as sqliteVec from 'sqlite-vec'

/** A table of pictures, by path. Vectors have unit length, so that 1 - distance is the cosine similarity. */
export class PictureTable {
  #clip
  #database

  constructor(clip, file) {
    this.#clip = clip
    this.#database = new Database(file)
    sqliteVec.load(this.#database)
    this.#database.exec(`CREATE VIRTUAL TABLE IF NOT EXISTS pictures USING vec0(
      path TEXT PRIMARY KEY, vector FLOAT[${clip.info.dim}] DISTANCE_METRIC=cosine)`)
  }

  async add(paths) {
    const vectors = await this.#clip.encodeImage(paths)
    const remove = this.#database.prepare('DELETE FROM pictures WHERE path = ?')
    const insert = this.#database.prepare('INSERT INTO pictures VALUES (?, ?)')
    this.#database.transaction(() => {
      paths.forEach((path, i) => {
        remove.run([path])
        insert.run([path, Buffer.from(vectors[i].buffer, vectors[i].byteOffset, vectors[i].byteLength)])
      })
    })()
  }

  async search(text, k = 5) {
    const { buffer, byteOffset, byteLength } = await this.#clip.encodeText(text)
    return this.#database.prepare(
      'SELECT path, 1 - distance AS similarity FROM pictures WHERE vector MATCH ? AND k = ?',
    )
      .all([Buffer.from(buffer, byteOffset, byteLength), k])
  }

  close() {
    this.#database.close()
  }
}

if (process.argv[1] === import.meta.filename) {
  const [file, ...pictures] = process.argv.slice(2)
  const clip = await Clip.load()
  const table = new PictureTable(clip, file)
  await table.add(pictures)
  console.log(JSON.stringify(await table.search('a slice of pizza', 2)))
  table.close()
  await clip.dispose()
}
