/** Looks up names in the registry, exactly or for suggestions. */
import { editDistance } from '../nearest-name.js'
import type { HubId } from './hub-id.js'
import { type ModelEntry, models } from './registry-data.js'

/** The entry with that name, ignoring case; also found by the hub id of it or of one of its copies. */
export function findModel(name: string): Readonly<ModelEntry> | undefined {
  const word = name.toLowerCase()
  return models.find(model => model.name === word || repositoryOf(model, word) !== undefined)
}

/** The repository that `name`, by which the model was found, means: its own, or the copy of that hub id. */
export function hubIdOf(model: Readonly<ModelEntry>, name: string): HubId {
  return { repo: repositoryOf(model, name) ?? model.id, revision: model.revision ?? 'main' }
}

function repositoryOf({ id, copies = [] }: Readonly<ModelEntry>, name: string): string | undefined {
  return [id, ...copies].find(repository => repository.toLowerCase() === name.toLowerCase())
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
  const scored = models.map(({ name, id, copies = [] }) => ({
    name,
    score: Math.max(
      ...[name, id, id.replace(/^.*\//, ''), ...copies].map(candidate => likeness(word, parts, candidate)),
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
