// What the app does, without Electron: one model and one index, asked by messages (messages.cjs).
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { Clip, SearchIndex } = require('ggclip')

class PictureSearch {
  #clip
  #index
  #notify
  #updates = Promise.resolve()
  #stop = new AbortController()

  /**
   * @param {{ folder: string, model?: string, notify?: (event: object) => void }} options `folder`: of the index; `notify`: is
   *   told how an update goes
   */
  static async open({ folder, model, notify = () => undefined }) {
    const search = new PictureSearch()
    search.#notify = notify
    // smaller batches: memory that a laptop has
    search.#clip = await Clip.load(model, { maxBatch: 8 })
    try {
      fs.mkdirSync(folder, { recursive: true })
      search.#index = await SearchIndex.open(path.join(folder, 'pictures'), { clip: search.#clip })
    } catch (error) {
      await search.#clip.dispose()
      throw error
    }
    return search
  }

  /** Folders, pictures and files that could not be read. */
  state() {
    const { roots, pictures, failed } = this.#index.info()
    return { folders: roots, pictures, failed }
  }

  /** Folders or files that were dropped; those that are there already are looked at again. One update at a time. */
  add(paths) {
    const run = this.#updates.catch(() => undefined).then(() => this.#update(paths))
    this.#updates = run
    return run
  }

  async #update(paths) {
    this.#stop = new AbortController()
    const { signal } = this.#stop
    const onProgress = progress => this.#notify({ event: 'progress', ...progress })
    try {
      await this.#index.update(paths, { signal, onProgress })
    } catch (error) {
      if (!signal.aborted) throw error // what was embedded until then stays
    } finally {
      this.#notify({ event: 'idle' })
    }
    return this.state()
  }

  /** Ends the update that runs; searching goes on. */
  stop() {
    this.#stop.abort()
  }

  async forget(folder) {
    await this.#index.remove(folder)
    return this.state()
  }

  /** Pictures for words; "2*sunset - people" is not read here: what somebody types is words. */
  byWords(words) {
    return this.#index.search(words, { k: 60 })
  }

  byPicture(file) {
    return this.#index.search([{ image: file }], { k: 60 })
  }

  duplicates() {
    return this.#index.duplicates()
  }

  async close() {
    this.stop()
    await this.#updates.catch(() => undefined)
    await this.#index.close()
    await this.#clip.dispose()
  }
}

module.exports = { PictureSearch }
