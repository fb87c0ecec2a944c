// Calls as messages: { id, method, args } is answered by { id, result } or { id, error }, in whatever order they end.
'use strict'

const methods = new Set(['state', 'add', 'stop', 'forget', 'byWords', 'byPicture', 'duplicates'])

/**
 * @param {{ postMessage(message: object): void }} port
 * @param {Promise<import('./picture-search.cjs').PictureSearch>} opening a model that is still loading holds calls up
 * @returns {(message: unknown) => Promise<void>} what takes a message
 */
function answerOn(port, opening) {
  return async ({ id, method, args = [] }) => {
    try {
      if (!methods.has(method)) throw new TypeError(`no method '${method}'`)
      const search = await opening
      port.postMessage({ id, result: await search[method](...args) })
    } catch ({ code, message }) {
      port.postMessage({ id, error: { code, message } }) // an Error of another process loses its code
    }
  }
}

/** The other end. @param {(message: object) => void} send */
function callsBy(send, onEvent = () => undefined) {
  const waiting = new Map()
  let last = 0
  /** Why nothing will be answered. */
  let lost
  return {
    call: (method, ...args) =>
      new Promise((resolve, reject) => {
        if (lost !== undefined) throw new Error(lost)
        waiting.set(++last, { resolve, reject })
        send({ id: last, method, args })
      }),
    receive: message => {
      const { id, result, error } = message
      if (id === undefined) return onEvent(message)
      const call = waiting.get(id)
      waiting.delete(id)
      if (error) call?.reject(Object.assign(new Error(error.message), { code: error.code }))
      else call?.resolve(result)
    },
    /** The process is gone: nothing will be answered. */
    fail: reason => {
      lost = reason
      for (const { reject } of waiting.values()) reject(new Error(reason))
      waiting.clear()
    },
  }
}

module.exports = { answerOn, callsBy }
