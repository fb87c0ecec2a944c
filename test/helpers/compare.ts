/** How far vectors are from their reference. */

type Numbers = ArrayLike<number>

/** Largest difference, as a part of the reference's largest magnitude. NaN and different lengths count as infinite. */
export function maxRelativeDifference(actual: Numbers, expected: Numbers): number {
  if (actual.length !== expected.length || expected.length === 0) return Infinity
  let largest = 0
  let magnitude = 0
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!)
    if (Number.isNaN(difference)) return Infinity
    largest = Math.max(largest, difference)
    magnitude = Math.max(magnitude, Math.abs(expected[i]!))
  }
  return largest / magnitude
}

/** Cosine of the angle, in float64; NaN when a vector is zero or has NaN. */
export function cosine(a: Numbers, b: Numbers): number {
  if (a.length !== b.length) return NaN
  let ab = 0
  let aa = 0
  let bb = 0
  for (let i = 0; i < a.length; i++) {
    ab += a[i]! * b[i]!
    aa += a[i]! * a[i]!
    bb += b[i]! * b[i]!
  }
  return ab / Math.sqrt(aa * bb)
}

export interface Closeness {
  /** Largest {@link maxRelativeDifference} of the rows. */
  difference: number
  /** Smallest cosine of the rows. */
  cosine: number
}

export interface Limits {
  /** At most. Not set: only the cosine is judged. */
  difference?: number
  /** At least. */
  cosine: number
}

/** The worst of the rows. */
export function closeness(actual: readonly Numbers[], expected: readonly Numbers[]): Closeness {
  if (actual.length !== expected.length || expected.length === 0) return { difference: Infinity, cosine: NaN }
  const differences = expected.map((row, i) => maxRelativeDifference(actual[i]!, row))
  const cosines = expected.map((row, i) => cosine(actual[i]!, row))
  return { difference: Math.max(...differences), cosine: Math.min(...cosines) }
}

/** Fails with the measured numbers when a row is farther from its reference than `limits`; GGCLIP_REPORT=1 prints them. */
export function expectClose(
  what: string,
  actual: readonly Numbers[],
  expected: readonly Numbers[],
  limits: Limits,
): Closeness {
  const measured = closeness(actual, expected)
  const [relative, angle] = [measured.difference, 1 - measured.cosine].map(value => value.toExponential(2))
  const line = `${what}: max relative difference ${relative}, 1 - cosine ${angle}`
  if (process.env.GGCLIP_REPORT) process.stderr.write(`REPORT ${line}\n`)
  const { difference = Infinity } = limits
  // NaN fails both comparisons
  if (!(measured.cosine >= limits.cosine) || !(measured.difference <= difference)) {
    throw new Error(`${line}; limits ${difference}, ${(1 - limits.cosine).toExponential(2)}`)
  }
  return measured
}
