/** `ggclip watch`: keeps an index up to date with its folders. */
import { addExamples, addJsonOption, addModelOptions, collect, type ModelFlags } from '../../options.js'
import type { Verb } from '../../run.js'
import { describeRun, indexHelp, type IndexFlags, progressOf, withIndex } from '../../search-index.js'
import type { Shell } from '../../shell.js'

interface Flags extends IndexFlags, ModelFlags {
  exclude?: string[]
  json?: boolean
}

export const watch: Verb = (program, shell) => {
  const command = program.command('watch')
    .summary('keep an index up to date')
    .description(`Indexes folders like "ggclip index", and again when something below them changes, until it is stopped.

Changes are looked at two seconds after the last one. A folder that the system does not watch, such as a network disk, is
looked at every ten minutes. JSON is a line for each run.`)
    .argument('[folder...]', 'folders, or single files (default: those of the index)')
    .option('--index <folder>', indexHelp)
    .option('--exclude <glob>', "leave out paths below a folder, such as '**/thumbnails/**' (repeatable)", collect)
    .action((folders: string[], flags: Flags) => run(shell, folders, flags))
  addModelOptions(addJsonOption(command), { images: false })
  addExamples(command, [['a folder', 'ggclip watch ~/Pictures']])
}

async function run(shell: Shell, folders: string[], flags: Flags): Promise<void> {
  await withIndex(shell, flags, folders, 'image', async index => {
    const runs = index.watch(folders.length > 0 ? folders : undefined, {
      exclude: flags.exclude,
      signal: shell.signal,
      onProgress: progressOf(shell),
      onUnwatched: (folder, error) => shell.note(`${folder} is looked at every ten minutes: ${error.message}`),
    })
    let first = true
    for await (const result of runs) {
      shell.clearStatus()
      const { embedded, known, removed, unreadable } = result
      if (first || embedded + known + removed + unreadable.length > 0) describeRun(shell, index, result)
      if (flags.json) await shell.write(`${JSON.stringify(result)}\n`)
      first = false
    }
  })
}
