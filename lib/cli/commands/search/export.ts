/** `ggclip export`: an index, or a store of vectors, as a folder that other programs read. */
import { type Clip, exportIndex, type ExportResult, exportStore, type ExportStoreOptions,
  openVectorStore } from '../../../library.js'
import { UsageError } from '../../failure.js'
import { addExamples, addJsonOption, addModelOptions, type ModelFlags, storeForms, wholeNumber,
  withModel } from '../../options.js'
import type { Verb } from '../../run.js'
import { locate, modelOf } from '../../search-index.js'
import type { Shell } from '../../shell.js'
import { counted } from '../../table.js'
import { addRemoteOptions, type RemoteFlags, remoteOptions } from '../../work-queue.js'

interface Flags extends ModelFlags, RemoteFlags {
  index?: string
  store?: string
  table?: string
  rowsPerPart?: number
  captions?: string | true
  json?: boolean
}

export const exportVerb: Verb = (program, shell) => {
  const command = program.command('export')
    .summary('write an index or a store as .npy and parquet, as clip-retrieval does')
    .description(
      `Writes the vectors of an index, or with --store of a store, to img_emb/img_emb_0.npy (float16, a row for each file)
and what is known of the files to metadata/metadata_0.parquet, in parts: what clip-retrieval, autofaiss and
embedding-reader read.

--captions writes text_emb/text_emb_0.npy, too: vectors of what is in cat.txt beside cat.jpg (or as "caption" in
cat.json), also in the tar file that cat.jpg is an entry of, or in a store's field. The folder gets its name when it is
complete. Without --captions no model is loaded. Needs the packages hyparquet and hyparquet-writer.`,
    )
    .argument('<folder>', 'folder to write, which is not there yet, or is empty')
    .option('--index <folder>', 'folder of the index (default: .ggclip here or above)')
    .option('--store <address>', `${storeForms}, instead of an index`)
    .option('--table <name>', 'table of the store (default: ggclip_pictures)')
    .option('--rows-per-part <n>', 'most rows of a part (default: 1000000)', wholeNumber)
    .option(
      '--captions [field]',
      'embed captions: files beside the pictures, or the field of a store (default: caption, if it has that)',
    )
    .action((folder: string, flags: Flags) => run(shell, folder, flags))
  addModelOptions(addRemoteOptions(addJsonOption(command)), { images: false })
  addExamples(command, [
    ['the index of a folder', 'cd ~/Pictures && ggclip export ~/pictures-embeddings'],
    ['what workers have embedded', 'ggclip export embeddings --store postgres://ggclip@db.example/pictures'],
    ['with the vectors of captions', 'ggclip export embeddings --index ~/Pictures/.ggclip --captions'],
    ['of webdataset shards', 'ggclip export embeddings --store lance:vectors --captions --s3-anonymous'],
    ['in small parts', 'ggclip export embeddings --index ~/Pictures/.ggclip --rows-per-part 100000'],
  ])
}

async function run(shell: Shell, folder: string, flags: Flags): Promise<void> {
  const { index, store, table, captions } = flags
  if (store === undefined && table !== undefined) throw new UsageError('--table is for --store')
  if (store !== undefined && index !== undefined) throw new UsageError('give --index or --store, not both')
  if (store === undefined && typeof captions === 'string')
    throw new UsageError(
      'captions of an index are in files beside the pictures: --captions has a value with --store only',
    )
  if (captions === undefined && flags.model !== undefined) throw new UsageError('--model is for --captions')
  const isRemote = Object.values(remoteOptions(flags)).some(part =>
    Object.values(part).some(value => value !== undefined)
  )
  if (isRemote && (captions !== true || store === undefined))
    throw new UsageError('options of URLs and S3 are for --captions with --store, for tar files on servers')
  const location = store ?? locate(index, [])
  if (captions === undefined) return write(shell, folder, location, flags)
  const model = store === undefined ? await modelOf(location, flags) : flags.model
  await withModel(shell, { ...flags, model }, 'both', clip => write(shell, folder, location, flags, clip))
}

async function write(shell: Shell, folder: string, location: string, flags: Flags, clip?: Clip): Promise<void> {
  const { store, table, rowsPerPart, captions, json } = flags
  const options = { rowsPerPart, signal: shell.signal, onProgress: (rows: number) => shell.progress(`${rows} rows`) }
  const field = typeof captions === 'string' ? captions : undefined
  const result = store === undefined
    ? await exportIndex(location, folder, { ...options, captions: clip && { clip } })
    : await fromStore(location, table, folder, {
      ...options,
      captions: clip && { clip, field, ...remoteOptions(flags) },
    })
  shell.clearStatus()
  if (json) await shell.write(`${JSON.stringify(result)}\n`)
  else shell.note(`${result.rows} rows in ${counted(result.parts, 'part')}: ${folder}`)
}

async function fromStore(
  address: string,
  table: string | undefined,
  folder: string,
  options: ExportStoreOptions,
): Promise<ExportResult> {
  const opened = await openVectorStore(address, { table })
  try {
    return await exportStore(opened, folder, options)
  } finally {
    await opened.close()
  }
}
