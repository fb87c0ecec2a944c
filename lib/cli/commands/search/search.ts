/** `ggclip search`: pictures of an index by words, by pictures, or by both. */
import { InvalidArgumentError, Option } from 'commander'

import { type NearPlace, parseQuery, type QueryPart, type SearchFilter, type SearchHit } from '../../../library.js'
import { writeSheet } from '../../contact-sheet.js'
import { UsageError } from '../../failure.js'
import { checkArguments } from '../../inputs.js'
import { addExamples, addJsonOption, addModelOptions, type ModelFlags, sizeInBytes,
  wholeNumber } from '../../options.js'
import type { Verb } from '../../run.js'
import { cameraTime, indexHelp, type IndexFlags, updateIndex, withIndex, withoutBytes,
  zeroEnded } from '../../search-index.js'
import type { Shell } from '../../shell.js'
import { tabbed } from '../../stdout.js'
import { bar, counted, printable, table } from '../../table.js'
import { drawn, type TerminalProtocol, terminalProtocols } from '../../terminal-pictures.js'

interface Flags extends IndexFlags, ModelFlags {
  topK: number
  minSimilarity?: number | 'auto'
  path?: string
  after?: Date
  before?: Date
  minSize?: number
  maxSize?: number
  takenAfter?: Date
  takenBefore?: Date
  camera?: string
  near?: NearPlace
  exact?: boolean
  html?: string
  pictures?: TerminalProtocol
  null?: boolean
  json?: boolean
}

const pictureName = /\.(?:jpe?g|png|webp|avif|gif|tiff?|bmp|heic|heif)$/i

export const search: Verb = (program, shell) => {
  const command = program.command('search')
    .summary('find pictures by words or by pictures')
    .description(`Prints the pictures of an index that are nearest to a query, most similar first.

A query is words, the path of a picture, or several of them joined by " + " and " - " (with spaces around the sign);
0.5*word weighs a part, and words in double quotes are only words. With folders, these are indexed first.

A pipe gets one line per picture: path and cosine similarity, separated by a tab; -0 prints only the paths, each followed
by a zero byte. JSON is [{ "path", "similarity", "size", "modified", "copies" }], of photos also "taken", "camera" and "place".`)
    .argument('<query>', 'what to look for')
    .argument('[folder...]', 'folders to index first')
    .option('--index <folder>', indexHelp)
    .option('-k, --top-k <n>', 'how many pictures', wholeNumber, 20)
    .option(
      '--min-similarity <value>',
      "leave out pictures below this cosine similarity; 'auto' estimates it from the index",
      threshold,
    )
    .option('--path <glob>', "only files whose path matches, such as '**/2024/**'")
    .option('--after <date>', 'only files changed at or after this date, such as 2024-05-31', date)
    .option('--before <date>', 'only files changed before this date', date)
    .option('--min-size <size>', 'only files of at least so many bytes, such as 100KB', sizeInBytes)
    .option('--max-size <size>', 'only files of at most so many bytes', sizeInBytes)
    .option('--taken-after <date>', "only photos taken at or after this date, by the camera's clock", cameraDate)
    .option('--taken-before <date>', 'only photos taken before this date', cameraDate)
    .option('--camera <name>', "only photos by a camera whose name contains this, such as 'canon'")
    .option(
      '--near <place>',
      'only photos taken near latitude,longitude[,km] (default: 10 km), such as 48.86,2.35',
      place,
    )
    .option('--exact', 'compare all vectors, also if the index has a graph')
    .addOption(
      new Option('--pictures <protocol>', 'draw the pictures, in a terminal that can (default: none)').choices(
        terminalProtocols,
      ),
    )
    .option('--html <file>', 'also write a page with the pictures')
    .option('-0, --null', 'print paths for xargs -0')
    .action((query: string, folders: string[], flags: Flags) => run(shell, query, folders, flags))
  addModelOptions(addJsonOption(command), { images: false })
  addExamples(command, [
    ['index a folder and search it', "ggclip search 'a dog on a beach' ~/Pictures"],
    ['like this picture, but at night', "ggclip search 'house.jpg + at night' --index ~/Pictures/.ggclip"],
    ['without people', "ggclip search 'sunset - people' --top-k 5 --json"],
    ['copy what was found', "ggclip search 'a receipt' -0 --min-similarity auto | xargs -0 cp -t receipts"],
  ])
}

async function run(shell: Shell, words: string, folders: string[], flags: Flags): Promise<void> {
  checkArguments([words])
  const query = parseQuery(words)
  for (const { text } of query) {
    if (text !== undefined && pictureName.test(text) && !words.includes(`"${text}"`))
      shell.note(`there is no file ${printable(text)}: these are words of the query`)
  }
  if (flags.null && flags.json) throw new UsageError('give --json or -0, not both')
  const { signal } = shell
  await withIndex(shell, flags, folders, 'both', async index => {
    if (folders.length > 0) await updateIndex(shell, index, folders)
    const { topK, minSimilarity, path, after, before, minSize, maxSize, takenAfter, takenBefore, camera, near, exact } =
      flags
    const sizes = { minBytes: minSize, maxBytes: maxSize }
    const filters: SearchFilter = { path, after, before, ...sizes, takenAfter, takenBefore, camera, near }
    const filter = Object.values(filters).every(value => value === undefined) ? undefined : filters
    const hits = await index.search(query, { k: topK, minSimilarity, filter, exact, signal })
    if (flags.html !== undefined) {
      await writeSheet(flags.html, words, [{ files: hits.map(hit => ({ ...hit, note: hit.similarity.toFixed(3) })) }])
    }
    if (flags.json) await shell.write(`${JSON.stringify(hits.map(withoutBytes))}\n`)
    else if (flags.null) await shell.write(zeroEnded(hits))
    else if (flags.pictures !== undefined && shell.isTerminal && hits.length > 0) {
      const lines = render(shell, query, hits).split('\n')
      for (const [i, hit] of hits.entries())
        await shell.write(`${lines[i]}\n${await drawn(hit, flags.pictures)}`)
    } else await shell.write(render(shell, query, hits))
  })
}

function render(shell: Shell, query: readonly QueryPart[], hits: readonly SearchHit[]): string {
  if (!shell.isTerminal) return hits.map(({ path, similarity }) => tabbed([path, similarity.toFixed(6)])).join('')
  if (hits.length === 0) return `nothing found for ${query.length === 1 ? 'this query' : 'these parts'}\n`
  const { paint } = shell
  const most = hits[0]!.similarity
  const rows = hits.map(({ path, similarity, copies }) => [
    similarity.toFixed(3),
    paint.cyan(bar(most > 0 ? Math.max(0, similarity / most) : 0, 12).padEnd(12)),
    `${printable(path)}${copies.length > 0 ? paint.dim(` and ${counted(copies.length, 'copy', 'copies')}`) : ''}`,
  ])
  return `${table(rows, 'rll').join('\n')}\n`
}

function threshold(value: string): number | 'auto' {
  if (value === 'auto') return value
  if (!/^-?\d*\.?\d+$/.test(value)) throw new InvalidArgumentError("Expected a number from -1 to 1, or 'auto'.")
  return Number(value)
}

function date(value: string): Date {
  return checkedDate(value, new Date(value))
}

function cameraDate(value: string): Date {
  return checkedDate(value, cameraTime(value))
}

function checkedDate(value: string, parsed: Date): Date {
  if (!/^\d{4}(-\d\d){0,2}([T ]|$)/.test(value) || Number.isNaN(parsed.getTime()))
    throw new InvalidArgumentError('Expected a date such as 2024-05-31 or 2024-05-31T18:00.')
  return parsed
}

function place(value: string): NearPlace {
  const parts = value.split(',').map(part => /^\s*-?\d+(\.\d+)?\s*$/.test(part) ? Number(part) : NaN)
  const [latitude = NaN, longitude = NaN, km] = parts
  if (parts.length > 3 || parts.some(Number.isNaN) || Math.abs(latitude) > 90 || !(Math.abs(longitude) <= 180))
    throw new InvalidArgumentError('Expected degrees of latitude and longitude such as 48.86,2.35 or 48.86,2.35,50.')
  return { latitude, longitude, km }
}
