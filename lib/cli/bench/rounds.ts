/** Paired timing: all sides run once per round, so that a slowdown of the machine affects all of them. */
import type { Row } from './report.js'

export interface Side {
  name: string
  /** Inputs per run: times are divided by it. */
  inputs: number
  run(): Promise<unknown>
  cosine?: number
}

/** @throws the signal's reason between two runs */
export async function timeSides(
  sides: readonly Side[],
  rounds: number,
  signal: AbortSignal,
  progress: (text: string) => void,
): Promise<Row[]> {
  const times = sides.map((): number[] => [])
  for (let round = -1; round < rounds; round++) { // the first one warms up
    for (let turn = 0; turn < sides.length; turn++) {
      // a different order each round, so that no side always follows the same one
      const i = (turn + Math.max(0, round)) % sides.length
      signal.throwIfAborted()
      progress(`round ${Math.max(0, round) + 1} of ${rounds}: ${sides[i]!.name}`)
      const began = performance.now()
      await sides[i]!.run()
      if (round >= 0) times[i]!.push((performance.now() - began) / sides[i]!.inputs)
    }
  }
  return sides.map(({ name, cosine }, i) => ({ name, ...spread(times[i]!), ...(cosine !== undefined && { cosine }) }))
}

/** `value`: the median. */
export function spread(values: readonly number[]): { value: number; min: number; max: number } {
  const sorted = [...values].sort((a, b) => a - b)
  return { value: sorted[sorted.length >> 1]!, min: sorted[0]!, max: sorted.at(-1)! }
}
