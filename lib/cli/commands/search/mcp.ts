/** `ggclip mcp`: an index as tools of language models. */
import { packageFile } from '../../../package.js'
import { loadSdk, serveTools } from '../../mcp/server.js'
import { toolsOf } from '../../mcp/tools.js'
import { addExamples, addJsonOption, addModelOptions, type ModelFlags } from '../../options.js'
import type { Verb } from '../../run.js'
import { indexHelp, type IndexFlags, updateIndex, withIndex } from '../../search-index.js'
import type { Shell } from '../../shell.js'

interface Flags extends IndexFlags, ModelFlags {
  json?: boolean
}

export const mcp: Verb = (program, shell) => {
  const command = program.command('mcp')
    .summary('let language models search an index')
    .description(
      `Serves an index to a program that speaks the Model Context Protocol, over stdin and stdout, until that closes stdin.

Its tools search pictures, describe a picture by the nearest of some labels, and find duplicates. They change nothing, and
read no file that is not in the index. With folders, these are indexed first. All output is JSON.`,
    )
    .argument('[folder...]', 'folders to index first')
    .option('--index <folder>', indexHelp)
    .action((folders: string[], flags: Flags) => run(shell, folders, flags))
  addModelOptions(addJsonOption(command), { images: false })
  addExamples(command, [
    ['a program starts it with', 'ggclip mcp --index ~/Pictures/.ggclip'],
  ])
}

async function run(shell: Shell, folders: string[], flags: Flags): Promise<void> {
  const sdk = loadSdk()
  await withIndex(shell, flags, folders, 'both', async (index, clip) => {
    if (folders.length > 0) await updateIndex(shell, index, folders)
    await serveTools(sdk, toolsOf(clip, index), { version: packageFile().version, signal: shell.signal })
  })
}
