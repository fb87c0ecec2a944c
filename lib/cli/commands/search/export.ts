/** `ggclip export`: an index as a folder that other programs read. */
import { exportIndex } from '../../../library.js'
import { addExamples, addJsonOption, wholeNumber } from '../../options.js'
import type { Verb } from '../../run.js'
import { locate } from '../../search-index.js'
import type { Shell } from '../../shell.js'

interface Flags {
  index?: string
  rowsPerPart?: number
  json?: boolean
}

export const exportVerb: Verb = (program, shell) => {
  const command = program.command('export')
    .summary('write an index as .npy and parquet, as clip-retrieval does')
    .description(
      `Writes the vectors of an index to img_emb/img_emb_0.npy (float16, a row for each file) and what is known of the
files to metadata/metadata_0.parquet, in parts: what clip-retrieval, autofaiss and embedding-reader read.

The folder gets its name when it is complete. No model is loaded. Needs the packages hyparquet and hyparquet-writer.`,
    )
    .argument('<folder>', 'folder to write, which is not there yet, or is empty')
    .option('--index <folder>', 'folder of the index (default: .ggclip here or above)')
    .option('--rows-per-part <n>', 'most rows of a part (default: 1000000)', wholeNumber)
    .action((folder: string, flags: Flags) => run(shell, folder, flags))
  addJsonOption(command)
  addExamples(command, [
    ['the index of a folder', 'cd ~/Pictures && ggclip export ~/pictures-embeddings'],
    ['in small parts', 'ggclip export embeddings --index ~/Pictures/.ggclip --rows-per-part 100000'],
  ])
}

async function run(shell: Shell, folder: string, { index, rowsPerPart, json }: Flags): Promise<void> {
  const result = await exportIndex(locate(index, []), folder, {
    rowsPerPart,
    signal: shell.signal,
    onProgress: rows => shell.progress(`${rows} rows`),
  })
  shell.clearStatus()
  if (json) await shell.write(`${JSON.stringify(result)}\n`)
  else shell.note(`${result.rows} rows in ${result.parts === 1 ? '1 part' : `${result.parts} parts`}: ${folder}`)
}
