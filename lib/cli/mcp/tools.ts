/** What a model may ask of an index: each tool with its schema, and what it answers. */
import { statSync } from 'node:fs'
import path from 'node:path'

import { type Clip, ClipError, parseQuery, type SearchFilter, type SearchIndex } from '../../library.js'
import { cameraTime, withoutBytes } from '../search-index.js'

/** Everyday things, for pictures that are described without labels of one's own. */
const usualLabels = ['a person', 'a group of people', 'a child', 'a dog', 'a cat', 'a bird', 'a horse', 'a fish',
  'flowers', 'a tree', 'a forest', 'mountains', 'the sea', 'a lake', 'a river', 'a beach', 'a sunset', 'the night sky',
  'snow', 'a street', 'a city', 'a building', 'a house', 'a room', 'a kitchen', 'an office', 'furniture', 'food',
  'a drink', 'fruit', 'a car', 'a bicycle', 'a train', 'an airplane', 'a boat', 'a musical instrument', 'sport',
  'a ball', 'a toy', 'clothes', 'shoes', 'a computer', 'a phone', 'a screenshot', 'a document', 'a receipt', 'a map',
  'a chart', 'a drawing', 'a painting', 'a logo', 'a book', 'a sign', 'a tool', 'a rocket']

/** Pictures and groups in one answer, at most: a model reads all of it. */
const maxResults = 100

type Arguments = Readonly<Record<string, unknown>>

export interface Tool {
  name: string
  description: string
  inputSchema: { type: 'object'; properties: Record<string, object>; required?: string[]; additionalProperties: false }
  call(args: Arguments, signal: AbortSignal): Promise<object>
}

const count = { type: 'integer', minimum: 1, maximum: maxResults }
const cosine = (what: string): object => ({ type: 'number', minimum: -1, maximum: 1, description: what })
const date = (what: string): object => ({ type: 'string', description: `${what}, such as 2024-05-31` })

export function toolsOf(clip: Clip, index: SearchIndex): Tool[] {
  return [
    {
      name: 'search_pictures',
      description:
        'Finds the pictures of the index that are nearest to a query, most similar first. A query is words that describe a picture, the path of a picture of the index, or several joined by " + " and " - ", such as "sunset - people".',
      inputSchema: schema({
        query: { type: 'string', description: 'What to look for' },
        k: { ...count, description: 'How many pictures (default: 10)' },
        minSimilarity: {
          anyOf: [cosine('Cosine similarity, at least'), { const: 'auto' }],
          description: "Leaves out worse pictures; 'auto': what has little to do with the query",
        },
        path: { type: 'string', description: 'Glob of the path, such as **/2024/**' },
        takenAfter: date('Photos taken at or after'),
        takenBefore: date('Photos taken before'),
        camera: { type: 'string', description: "Part of the camera's name" },
      }, ['query']),
      async call({ query, k = 10, minSimilarity, path: glob, takenAfter, takenBefore, camera }, signal) {
        const filter: SearchFilter = {
          path: glob as string | undefined,
          takenAfter: dateOf('takenAfter', takenAfter),
          takenBefore: dateOf('takenBefore', takenBefore),
          camera: camera as string | undefined,
        }
        const parts = parseQuery(query as string)
        for (const { image } of parts) if (image !== undefined) needIndexed(index, image)
        const hits = await index.search(parts, {
          k: atMost(k),
          minSimilarity: minSimilarity as number | 'auto' | undefined,
          filter: Object.values(filter).some(value => value !== undefined) ? filter : undefined,
          signal,
        })
        return { pictures: hits.map(withoutBytes) }
      },
    },
    {
      name: 'describe_picture',
      description:
        'Says which of some labels fit a picture of the index best, with a score from 0 to 1 for each. Without labels: everyday things.',
      inputSchema: schema({
        path: { type: 'string', description: 'Path of the picture, as search_pictures gives it' },
        labels: { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1, maxItems: 1000 },
        k: { ...count, description: 'How many labels (default: 5)' },
      }, ['path']),
      async call({ path: file, labels = usualLabels, k = 5 }, signal) {
        needIndexed(index, file)
        return {
          labels: await clip.classify(file as string, labels as string[], { topK: atMost(k), signal }),
        }
      },
    },
    {
      name: 'find_duplicates',
      description:
        'Groups of files that show the same picture, or nearly: copies, re-encoded, resized or slightly cropped ones. Each group has a file to keep. Nothing is deleted.',
      inputSchema: schema({
        minSimilarity: cosine('From which cosine similarity pictures are alike (default: 0.96)'),
        keep: { enum: ['largest', 'oldest', 'newest'], description: 'Which file to keep (default: largest)' },
        k: { ...count, description: 'How many groups (default: 20)' },
      }),
      async call({ minSimilarity, keep, k = 20 }, signal) {
        const groups = await index.duplicates({
          minSimilarity: minSimilarity as number | undefined,
          keep: keep as 'largest' | undefined,
          signal,
        })
        return {
          groups: groups.slice(0, atMost(k)).map(group => ({
            keep: withoutBytes(group.keep),
            others: group.others.map(withoutBytes),
          })),
          total: groups.length,
        }
      },
    },
    {
      name: 'index_info',
      description: 'What the index holds: its folders, and how many files and pictures.',
      inputSchema: schema({}),
      call: () => Promise.resolve(index.info()),
    },
  ]
}

function schema(properties: Record<string, object>, required: string[] = []): Tool['inputSchema'] {
  return { type: 'object', properties, required, additionalProperties: false }
}

function atMost(value: unknown): number {
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > maxResults)
    throw new RangeError(`k: expected a whole number from 1 to ${maxResults}, got ${JSON.stringify(value)}`)
  return value as number
}

function dateOf(name: string, value: unknown): Date | undefined {
  if (value === undefined) return undefined
  const time = typeof value === 'string' ? cameraTime(value) : undefined
  if (time === undefined || Number.isNaN(time.getTime()))
    throw new TypeError(`${name}: expected a date such as 2024-05-31, got ${JSON.stringify(value)}`)
  return time
}

/**
 * A model is shown files of the index only, whatever a text that it has read tells it to open, and as they were when they
 * were indexed: something else may be in their place by now.
 */
function needIndexed(index: SearchIndex, file: unknown): void {
  if (typeof file !== 'string') throw new TypeError(`path: expected a string, got ${JSON.stringify(file)}`)
  const known = index.lookUp(file)
  if (!known) throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', `'${path.basename(file)}' is no picture of the index`)
  const { size, mtimeMs } = statSync(file)
  if (size !== known.size || Math.trunc(mtimeMs) !== known.modified.getTime())
    throw new ClipError('ERR_CLIP_FILE_CHANGED', `'${path.basename(file)}' has changed since it was indexed`)
}
