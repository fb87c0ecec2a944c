// Paired timing: every side of a case runs once per round, so that a slowdown of the machine affects all of them.
import { setTimeout as sleep } from 'node:timers/promises'

export const median = values => [...values].sort((a, b) => a - b)[values.length >> 1]

/**
 * 0..n-1 in a different order each time, so that no side always follows the same one (whose threads may still spin).
 */
function shuffled(n) {
  const order = Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    ;[order[i], order[j]] = [order[j], order[i]]
  }
  return order
}

/**
 * @param {{ name: string, per: number, every?: number, run: () => Promise<unknown> }[]} sides `per`: inputs per run; a
 * run that
 *   resolves to a number has measured its milliseconds itself (a peer in another process); `every`: a slow side runs
 * only in
 *   every n-th round
 * @returns one row per side: median, minimum and maximum milliseconds per input, and its speed relative to the first
 * side
 *   (above 1: the first is faster), as the median of the ratios of the rounds
 */
export async function interleave(sides, rounds) {
  const times = sides.map(() => [])
  for (const side of sides) await side.run() // warm-up
  for (let round = 0; round < rounds; round++) {
    for (const i of shuffled(sides.length)) {
      const side = sides[i]
      if (round % (side.every ?? 1) !== 0) continue
      await sleep(50) // a peer's threads may spin for a while after its run
      const begin = performance.now()
      const own = await side.run()
      times[i][round] = (typeof own === 'number' ? own : performance.now() - begin) / side.per
    }
  }
  return sides.map((side, i) => {
    const rounds = Object.keys(times[i]) // those in which it ran
    const ms = rounds.map(round => times[i][round])
    return {
      name: side.name,
      ms: median(ms),
      min: Math.min(...ms),
      max: Math.max(...ms),
      ratio: median(rounds.map(round => times[i][round] / times[0][round])),
    }
  })
}
