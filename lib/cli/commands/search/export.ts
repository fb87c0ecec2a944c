/** `ggclip export`: an index, or a store of vectors, as a folder that other programs read. */
import { exportIndex, type ExportOptions, type ExportResult, exportStore, openVectorStore } from '../../../library.js'
import { UsageError } from '../../failure.js'
import { addExamples, addJsonOption, wholeNumber } from '../../options.js'
import type { Verb } from '../../run.js'
import { locate } from '../../search-index.js'
import type { Shell } from '../../shell.js'
import { counted } from '../../table.js'

interface Flags {
  index?: string
  store?: string
  table?: string
  rowsPerPart?: number
  json?: boolean
}

export const exportVerb: Verb = (program, shell) => {
  const command = program.command('export')
    .summary('write an index or a store as .npy and parquet, as clip-retrieval does')
    .description(
      `Writes the vectors of an index, or with --store of a store, to img_emb/img_emb_0.npy (float16, a row for each file)
and what is known of the files to metadata/metadata_0.parquet, in parts: what clip-retrieval, autofaiss and
embedding-reader read.

The folder gets its name when it is complete. No model is loaded. Needs the packages hyparquet and hyparquet-writer.`,
    )
    .argument('<folder>', 'folder to write, which is not there yet, or is empty')
    .option('--index <folder>', 'folder of the index (default: .ggclip here or above)')
    .option(
      '--store <address>',
      'postgres://user@host/database, lance:folder or lance:s3://bucket/prefix, instead of an index',
    )
    .option('--table <name>', 'table of the store (default: ggclip_pictures)')
    .option('--rows-per-part <n>', 'most rows of a part (default: 1000000)', wholeNumber)
    .action((folder: string, flags: Flags) => run(shell, folder, flags))
  addJsonOption(command)
  addExamples(command, [
    ['the index of a folder', 'cd ~/Pictures && ggclip export ~/pictures-embeddings'],
    ['what workers have embedded', 'ggclip export embeddings --store postgres://ggclip@db.example/pictures'],
    ['in small parts', 'ggclip export embeddings --index ~/Pictures/.ggclip --rows-per-part 100000'],
  ])
}

async function run(shell: Shell, folder: string, { index, store, table, rowsPerPart, json }: Flags): Promise<void> {
  if (store === undefined && table !== undefined) throw new UsageError('--table is for --store')
  if (store !== undefined && index !== undefined) throw new UsageError('give --index or --store, not both')
  const options = { rowsPerPart, signal: shell.signal, onProgress: (rows: number) => shell.progress(`${rows} rows`) }
  const result = store === undefined
    ? await exportIndex(locate(index, []), folder, options)
    : await fromStore(store, table, folder, options)
  shell.clearStatus()
  if (json) await shell.write(`${JSON.stringify(result)}\n`)
  else shell.note(`${result.rows} rows in ${counted(result.parts, 'part')}: ${folder}`)
}

async function fromStore(
  address: string,
  table: string | undefined,
  folder: string,
  options: ExportOptions,
): Promise<ExportResult> {
  const opened = await openVectorStore(address, { table })
  try {
    return await exportStore(opened, folder, options)
  } finally {
    await opened.close()
  }
}
