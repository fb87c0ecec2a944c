// Paired timing: every side of a case runs once per round, in turn, so that a machine that slows down slows all of them.
import { setTimeout as sleep } from 'node:timers/promises'

const median = values => [...values].sort((a, b) => a - b)[values.length >> 1]

/**
 * @param {{ name: string, per: number, run: () => Promise<unknown> }[]} sides `per`: inputs a run handles; a run that
 *   resolves to a number has measured its milliseconds itself (a peer in another process)
 * @returns one row a side: median, minimum and maximum milliseconds per input, and its speed relative to the first side
 *   (above 1: the first is faster), as the median of the rounds' own ratios
 */
export async function interleave(sides, rounds) {
  const times = sides.map(() => [])
  for (const side of sides) await side.run() // warm-up
  for (let round = 0; round < rounds; round++) {
    for (const [i, side] of sides.entries()) {
      await sleep(30) // a peer's threads may spin for a while after its run
      const begin = performance.now()
      const own = await side.run()
      times[i].push((typeof own === 'number' ? own : performance.now() - begin) / side.per)
    }
  }
  return sides.map((side, i) => ({
    name: side.name,
    ms: median(times[i]),
    min: Math.min(...times[i]),
    max: Math.max(...times[i]),
    ratio: median(times[i].map((ms, round) => ms / times[0][round])),
  }))
}
