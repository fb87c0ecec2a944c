/** Kinds may be made up by callers without end: only the latest are remembered. */
const maxKinds = 64

/** What `map` holds for a kind, made when there is nothing. */
export function byKind<T>(map: Map<string, T>, kind: string, make: () => T): T {
  const known = map.get(kind)
  if (known !== undefined) return known
  if (map.size >= maxKinds) map.delete(map.keys().next().value as string)
  const made = make()
  map.set(kind, made)
  return made
}
