/** `ggclip dedupe`: groups of pictures that are the same, or nearly. */
import { InvalidArgumentError, Option } from 'commander'

import type { DuplicateFile, DuplicateGroup, KeepRule } from '../../../library.js'
import { type SheetGroup, writeSheet } from '../../contact-sheet.js'
import { UsageError } from '../../failure.js'
import { addExamples, addJsonOption, addModelOptions, type ModelFlags } from '../../options.js'
import type { Verb } from '../../run.js'
import { indexHelp, type IndexFlags, updateIndex, withIndex, withoutBytes, zeroEnded } from '../../search-index.js'
import type { Shell } from '../../shell.js'
import { tabbed } from '../../stdout.js'
import { byteSize, counted, percent, printable, table } from '../../table.js'

interface Flags extends IndexFlags, ModelFlags {
  minSimilarity?: number
  keep?: KeepRule
  html?: string
  null?: boolean
  json?: boolean
}

export const dedupe: Verb = (program, shell) => {
  const command = program.command('dedupe')
    .summary('find pictures that are the same, or nearly')
    .description(
      `Prints groups of pictures that show the same: copies, re-encoded, resized or slightly cropped ones. Deletes nothing.

A pipe gets one line per file: number of the group, "keep" or "other", path, similarity with the file that is kept; -0
prints only the paths of the others, each followed by a zero byte. JSON is [{ "keep", "others" }]. With folders, these are
indexed first.`,
    )
    .argument('[folder...]', 'folders to index first')
    .option('--index <folder>', indexHelp)
    .option('--min-similarity <value>', 'cosine similarity from which pictures are alike (default: 0.96)', similarity)
    .addOption(
      new Option('--keep <rule>', 'which file of a group is kept (default: largest)').choices(['largest', 'oldest',
        'newest']),
    )
    .option('--html <file>', 'also write a page with the pictures')
    .option('-0, --null', 'print the paths of the others for xargs -0')
    .action((folders: string[], flags: Flags) => run(shell, folders, flags))
  addModelOptions(addJsonOption(command), { images: false })
  addExamples(command, [
    ['look', 'ggclip dedupe ~/Pictures'],
    ['move all but the oldest away', 'ggclip dedupe ~/Pictures --keep oldest -0 | xargs -0 mv -t duplicates'],
  ])
}

async function run(shell: Shell, folders: string[], flags: Flags): Promise<void> {
  if (flags.null && flags.json) throw new UsageError('give --json or -0, not both')
  const { signal } = shell
  await withIndex(shell, flags, folders, 'image', async index => {
    if (folders.length > 0) await updateIndex(shell, index, folders)
    const { minSimilarity, keep } = flags
    const onProgress = (done: number, total: number): void =>
      shell.progress(`comparing: ${percent(total === 0 ? 1 : done / total)}`)
    const groups = await index.duplicates({ minSimilarity, keep, signal, onProgress })
    shell.clearStatus()
    const others = groups.flatMap(group => group.others)
    if (flags.html !== undefined) await writeSheet(flags.html, 'Pictures that are alike', groups.map(sheetOf))
    if (flags.json) await shell.write(`${JSON.stringify(groups.map(plain))}\n`)
    else if (flags.null) await shell.write(zeroEnded(others))
    else await shell.write(groups.map((group, i) => render(shell, group, i + 1)).join(''))
    const bytes = others.reduce((sum, { size }) => sum + size, 0)
    shell.note(
      `${counted(groups.length, 'group')}, ${others.length} files besides those to keep: ${byteSize(bytes)}`,
    )
  })
}

function sheetOf({ keep, others }: DuplicateGroup, i: number): SheetGroup {
  const note = (file: DuplicateFile): string =>
    file === keep ? `keep, ${byteSize(file.size)}` : `${file.similarity.toFixed(3)}, ${byteSize(file.size)}`
  return { title: `Group ${i + 1}`, files: [keep, ...others].map(file => ({ ...file, note: note(file) })) }
}

function plain({ keep, others }: DuplicateGroup): object {
  return { keep: withoutBytes(keep), others: others.map(withoutBytes) }
}

function render(shell: Shell, { keep, others }: DuplicateGroup, number: number): string {
  const files = [keep, ...others]
  if (!shell.isTerminal) {
    return files.map((file, i) =>
      tabbed([String(number), i === 0 ? 'keep' : 'other', file.path, file.similarity.toFixed(6)])
    ).join('')
  }
  const { paint } = shell
  const rows = files.map((file, i) => [
    i === 0 ? paint.green('keep') : '',
    printable(file.path),
    byteSize(file.size),
    i === 0 ? '' : file.identical ? 'identical' : file.similarity.toFixed(3),
  ])
  return `${table(rows, 'llrl').join('\n')}\n\n`
}

function similarity(value: string): number {
  if (!/^\d*\.?\d+$/.test(value) || Number(value) > 1) throw new InvalidArgumentError('Expected a number from 0 to 1.')
  return Number(value)
}
