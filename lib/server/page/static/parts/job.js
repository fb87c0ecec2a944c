/** Work that follows what is typed: a little later, one at a time, the newest only. */
export class Job {
  #timer
  #abort
  #work

  /** `work(signal)` */
  constructor(work) {
    this.#work = work
  }

  /** Runs after a pause in the typing; what ran before is given up. */
  soon(ms = 400) {
    this.stop()
    this.#timer = setTimeout(() => this.now(), ms)
  }

  now() {
    this.stop()
    const abort = new AbortController()
    this.#abort = abort
    return this.#work(abort.signal)
  }

  /** Of what ran last: aborts when something else begins. */
  get signal() {
    return this.#abort?.signal
  }

  stop() {
    clearTimeout(this.#timer)
    this.#abort?.abort()
  }
}

/** Runs `work` on each item, at most `limit` at a time; so that the server can batch and still answer others. */
export async function eachOf(items, limit, work) {
  const queue = [...items]
  const lane = async () => {
    try {
      while (queue.length > 0) await work(queue.shift())
    } catch (error) {
      queue.length = 0 // what stops one would stop the others
      throw error
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, queue.length) }, lane))
}
