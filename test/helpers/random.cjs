// Random integers that are the same for a seed (mulberry32), for tests, fuzzers and traffic that can be run again.
'use strict'

/** @returns a function that gives an integer from 0 to below its argument */
function randomFrom(seed) {
  let state = seed
  return limit => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
}

module.exports = { randomFrom }
