/** `ggclip index`: folders of pictures that can then be searched. */
import { Option } from 'commander'

import { SearchIndex } from '../../../library.js'
import { addExamples, addJsonOption, addModelOptions, collect, type ModelFlags } from '../../options.js'
import type { Verb } from '../../run.js'
import { indexHelp, type IndexFlags, locate, updateIndex, withIndex } from '../../search-index.js'
import type { Shell } from '../../shell.js'
import { tabbed } from '../../stdout.js'
import { counted, printable, table } from '../../table.js'

interface Flags extends IndexFlags, ModelFlags {
  exclude?: string[]
  remove?: string[]
  retry?: boolean
  approximate?: boolean
  check?: boolean
  info?: boolean
  failures?: boolean
  json?: boolean
}

export const index: Verb = (program, shell) => {
  const command = program.command('index')
    .summary('make folders of pictures searchable')
    .description(`Embeds all pictures below folders into an index, which "ggclip search" and "ggclip dedupe" use.

Only new and changed files are embedded when it runs again; renamed, moved and copied ones are recognised by their
bytes. It may be stopped at any point and goes on there. Without folders, those of an existing index are looked at again.
Names that begin with a dot are left out. Pictures that cannot be read are listed, and tried again when they change.`)
    .argument('[folder...]', 'folders, or single files')
    .option('--index <folder>', indexHelp)
    .option('--exclude <glob>', "leave out paths below a folder, such as '**/thumbnails/**' (repeatable)", collect)
    .option('--remove <folder>', 'forget a folder that was indexed (repeatable)', collect)
    .addOption(
      new Option('--rows <type>', 'type of the vectors that are scanned (default: as they are, f16 if new)').choices([
        'f16',
        'int8',
      ]),
    )
    .option('--retry', 'try files again that could not be read')
    .option('--approximate', 'also make a graph, for fast searches of a large index (needs the package usearch)')
    .option('--no-approximate', 'make no graph, and remove an earlier one')
    .option('--check', 'compare all vectors with the database, and mend those that differ')
    .option('--info', 'print what the index holds, and do nothing')
    .option('--failures', 'print the files that could not be read, and do nothing')
    .action((folders: string[], flags: Flags) => run(shell, folders, flags))
  addModelOptions(addJsonOption(command), { images: false })
  addExamples(command, [
    ['a folder', 'ggclip index ~/Pictures'],
    ['again, later: only what changed', 'cd ~/Pictures && ggclip index'],
    ['several folders with a larger model', 'ggclip index photos scans --index all --model siglip-base-p16-224'],
  ])
}

async function run(shell: Shell, folders: string[], flags: Flags): Promise<void> {
  if (flags.info || flags.failures) return print(shell, locate(flags.index, folders), flags)
  // a graph is tried with texts as well
  const towers = flags.approximate ? 'both' : 'image'
  await withIndex(shell, flags, folders, towers, async index => {
    for (const folder of flags.remove ?? []) {
      await index.remove(folder)
      shell.note(`${printable(folder)} is forgotten; the index has ${counted(index.info().pictures, 'picture')}`)
    }
    if (flags.check) {
      const different = await index.check()
      shell.note(
        different === 0 ? 'all vectors are as in the database' : `${different} vectors differed, and were mended`,
      )
      return
    }
    if (flags.remove && folders.length === 0) return
    const result = await updateIndex(shell, index, folders, {
      exclude: flags.exclude,
      retry: flags.retry,
      approximate: flags.approximate,
    })
    if (flags.json) await shell.write(`${JSON.stringify(result)}\n`)
  })
}

async function print(shell: Shell, location: string, { failures, json }: Flags): Promise<void> {
  if (failures) {
    const list = await SearchIndex.failuresOf(location)
    await shell.write(
      json ? `${JSON.stringify(list)}\n` : list.map(({ path, message }) => tabbed([path, message])).join(''),
    )
    return
  }
  const info = await SearchIndex.inspect(location)
  if (json) return shell.write(`${JSON.stringify(info)}\n`)
  const { approximate, ...rest } = info
  const graph = approximate && `graph of ${approximate.pictures}, recall@10 ${approximate.recall.toFixed(3)}`
  const rows = Object.entries({ ...rest, ...(graph && { approximate: graph }) }).map((
    [key, value],
  ) => [key, printable(Array.isArray(value) ? value.join(', ') : String(value))])
  await shell.write(shell.isTerminal ? `${table(rows, 'll').join('\n')}\n` : rows.map(tabbed).join(''))
}
