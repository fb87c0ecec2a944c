/** Looks up names in the registry, exactly or for suggestions. */
import { editDistance } from '../nearest-name.js'
import type { HubId } from './hub-id.js'
import { type ModelEntry, models } from './registry-data.js'

/** The entry with that name, ignoring case; also found by its hub id alone. */
export function findModel(name: string): Readonly<ModelEntry> | undefined {
  const word = name.toLowerCase()
  return models.find(model => model.name === word || model.id.toLowerCase() === word)
}

export function hubIdOf(model: Readonly<ModelEntry>): HubId {
  return { repo: model.id, revision: model.revision ?? 'main' }
}

/**
 * Names of the registry ({@link models}) that a wrong name may have meant.
 *
 * @param word a name that is not in it, such as `'vit-b32'`
 * @returns up to three names, the likeliest first: with similar parts (vit, b, 32) or letters, or containing it
 *
 * @example
 * console.log(suggestModels('vit-b32').includes('clip-vit-b-32')) // true
 */
export function suggestModels(word: string): string[] {
  if (word.length > 200) return []
  const parts = partsOf(word)
  const scored = models.map(({ name, id }) => ({
    name,
    score: Math.max(
      likeness(word, parts, name),
      likeness(word, parts, id),
      likeness(word, parts, id.replace(/^.*\//, '')),
    ),
  }))
  return scored.filter(({ score }) => score >= 0.55).sort((a, b) => b.score - a.score).slice(0, 3).map(({ name }) =>
    name
  )
}

function likeness(word: string, parts: ReadonlySet<string>, candidate: string): number {
  const others = partsOf(candidate)
  const common = [...parts].filter(part => others.has(part)).length
  const letters = editDistance(word.toLowerCase(), candidate.toLowerCase()) / Math.max(word.length, candidate.length)
  const contained = word.length >= 3 && candidate.toLowerCase().includes(word.toLowerCase()) ? 0.6 : 0
  return Math.max(2 * common / (parts.size + others.size || 1), 1 - letters, contained)
}

/** Words and numbers; two spellings of one count once. */
function partsOf(name: string): Set<string> {
  const words = name.toLowerCase().match(/[a-z]+|\d+/g) ?? []
  const same: Record<string, string> = { base: 'b', large: 'l', huge: 'h', patch: '', openai: 'clip', model: '' }
  return new Set(words.map(part => same[part] ?? part).filter(part => part !== ''))
}
