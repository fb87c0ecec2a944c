/** `ggclip import`: a folder of embeddings into an index or a store, without embedding again. */
import { Option } from 'commander'

import { type FieldKind, importToIndex, importToStore, openVectorStore } from '../../../library.js'
import { UsageError } from '../../failure.js'
import { addExamples, addJsonOption, addModelOptions, checkLasting, collect, storeForms,
  withModel } from '../../options.js'
import type { Verb } from '../../run.js'
import { indexHelp, type IndexFlags, withIndex } from '../../search-index.js'
import type { Shell } from '../../shell.js'
import { bar } from '../../table.js'

interface Flags extends IndexFlags {
  store?: string
  table?: string
  key?: string
  field?: string[]
  tower?: 'image' | 'text'
  base?: string
  json?: boolean
}

export const importVerb: Verb = (program, shell) => {
  const command = program.command('import')
    .summary('take vectors that clip-retrieval or "ggclip export" wrote')
    .description(
      `Reads img_emb/*.npy (float16 or float32) and metadata/*.parquet into a search index, or with --store into a store
of vectors, with --tower text those of text_emb. Nothing is embedded again, except up to eight pictures to check that
the vectors are of the model.

Into an index: the pictures have to be there, below the folders given or those that the index has; "ggclip index" then
finds them unchanged. Into a store: every row, by its path or URL. It may be stopped and run again. Needs the package
hyparquet.`,
    )
    .argument('<embeddings>', 'folder with img_emb and metadata')
    .argument('[folder...]', 'folders of the pictures, for an index')
    .option('--index <folder>', indexHelp)
    .option('--base <folder>', 'folder that relative paths in the tables are in (default: this one)')
    .option('--store <address>', `${storeForms}, instead of an index`)
    .option('--table <name>', 'table of the store (default: ggclip_pictures)')
    .option('--key <column>', 'column of the keys of a store, such as url (default: image_path)')
    .addOption(
      new Option('--tower <which>', 'vectors for a store: of pictures, or of captions (text_emb)').choices(['image',
        'text']),
    )
    .option('--field <name:kind>', 'field of a new store, such as caption:string (repeatable)', collect)
    .action((embeddings: string, folders: string[], flags: Flags) => run(shell, embeddings, folders, flags))
  addModelOptions(addJsonOption(command), { images: false })
  addExamples(command, [
    ['pictures that clip-retrieval embedded', 'ggclip import embeddings ~/Pictures --model clip-vit-b-32'],
    ['into PostgreSQL, by URL', 'ggclip import embeddings --store postgres://ggclip@db.example/pictures --key url'],
  ])
}

async function run(shell: Shell, embeddings: string, folders: string[], flags: Flags): Promise<void> {
  if (flags.store === undefined && (flags.table ?? flags.key ?? flags.field ?? flags.tower) !== undefined)
    throw new UsageError('--table, --key, --field and --tower are for --store')
  if (flags.store !== undefined && (flags.index !== undefined || folders.length > 0))
    throw new UsageError('give folders of pictures or --index, or --store, not both')
  checkLasting(flags.store, 'command')
  const options = {
    base: flags.base,
    signal: shell.signal,
    onProgress: (done: number, total: number) =>
      shell.progress(`${bar(done / Math.max(total, 1), 20).padEnd(20)} ${done} of ${total} rows`),
  }
  if (flags.store !== undefined) return intoStore(shell, embeddings, flags.store, flags, options)
  await withIndex(shell, flags, folders, 'image', async (index, clip) => {
    const result = await importToIndex(embeddings, index.info().folder, { clip, roots: folders, ...options })
    await report(shell, flags, result, `; the index has ${index.info().pictures} pictures`)
  })
}

async function intoStore(
  shell: Shell,
  embeddings: string,
  address: string,
  flags: Flags,
  options: Omit<Parameters<typeof importToStore>[2], 'clip'>,
): Promise<void> {
  const fields = flags.field && fieldsOf(flags.field)
  const { key, tower = 'image' } = flags
  // the model is checked by a picture, whichever vectors come
  await withModel(shell, flags, tower === 'text' ? 'both' : 'image', async clip => {
    const store = await openVectorStore(address, { dim: clip.info.dim, table: flags.table, fields })
    try {
      const result = await importToStore(embeddings, store, { clip, key, tower, ...options })
      await report(shell, flags, result, '')
    } finally {
      await store.close()
    }
  })
}

/** The store checks names and kinds. */
function fieldsOf(texts: readonly string[]): Record<string, FieldKind> {
  const fields = new Map<string, FieldKind>()
  for (const text of texts) {
    const [, name, kind] = /^([^:]+):([^:]+)$/.exec(text) ?? []
    if (kind === undefined)
      throw new UsageError(`expected name:kind for --field, such as caption:string, not '${text}'`)
    if (fields.has(name!)) throw new UsageError(`expected one kind for the field '${name}', not two with --field`)
    fields.set(name!, kind as FieldKind)
  }
  return Object.fromEntries(fields)
}

const words: Readonly<Record<string, string>> = {
  known: 'known',
  missing: 'not there or unreadable',
  outside: 'outside the folders',
  changed: 'changed since',
  unusable: 'unusable',
}

async function report(
  shell: Shell,
  { json }: Flags,
  result: { rows: number; imported: number },
  rest: string,
): Promise<void> {
  shell.clearStatus()
  if (json) return shell.write(`${JSON.stringify(result)}\n`)
  const { rows, imported, ...others } = result
  const parts = Object.entries(others as Record<string, number>).filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${words[kind]}`)
  shell.note(`${[`${imported} of ${rows} rows imported`, ...parts].join(', ')}${rest}`)
}
