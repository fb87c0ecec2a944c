/** `ggclip cluster`: what an index is made of. */
import type { PictureCluster } from '../../../library.js'
import { writeSheet } from '../../contact-sheet.js'
import { addExamples, addJsonOption, addModelOptions, type ModelFlags, wholeNumber } from '../../options.js'
import type { Verb } from '../../run.js'
import { indexHelp, type IndexFlags, updateIndex, withIndex, withoutBytes } from '../../search-index.js'
import type { Shell } from '../../shell.js'
import { tabbed } from '../../stdout.js'
import { counted, printable } from '../../table.js'

interface Flags extends IndexFlags, ModelFlags {
  count?: number
  topK: number
  html?: string
  json?: boolean
}

export const cluster: Verb = (program, shell) => {
  const command = program.command('cluster')
    .summary('sort the pictures of an index into groups')
    .description(
      `Prints groups of pictures that are alike, the largest first, each with its most typical pictures.

A pipe gets one line per picture: number of the group, path, similarity with the group's centre. JSON is
[{ "size", "pictures" }]. With folders, these are indexed first.`,
    )
    .argument('[folder...]', 'folders to index first')
    .option('--index <folder>', indexHelp)
    .option('--count <n>', 'how many groups (default: by the number of pictures, at most 30)', wholeNumber)
    .option('-k, --top-k <n>', 'pictures of each group', wholeNumber, 10)
    .option('--html <file>', 'also write a page with the pictures')
    .action((folders: string[], flags: Flags) => run(shell, folders, flags))
  addModelOptions(addJsonOption(command), { images: false })
  addExamples(command, [['a page of what is there', 'ggclip cluster ~/Pictures --html groups.html']])
}

async function run(shell: Shell, folders: string[], { count, topK, html, json, ...flags }: Flags): Promise<void> {
  await withIndex(shell, flags, folders, 'image', async index => {
    if (folders.length > 0) await updateIndex(shell, index, folders)
    const clusters = await index.clusters({ count, k: topK, signal: shell.signal })
    if (html !== undefined) {
      await writeSheet(
        html,
        'Groups of pictures',
        clusters.map((group, i) => ({
          title: heading(group, i),
          files: group.pictures.map(file => ({ ...file, note: file.similarity.toFixed(3) })),
        })),
      )
    }
    if (json) {
      const plain = clusters.map(({ size, pictures }) => ({ size, pictures: pictures.map(withoutBytes) }))
      await shell.write(`${JSON.stringify(plain)}\n`)
    } else await shell.write(clusters.map((group, i) => render(shell, group, i)).join(''))
  })
}

function heading({ size }: PictureCluster, i: number): string {
  return `${i + 1}: ${counted(size, 'picture')}`
}

function render(shell: Shell, group: PictureCluster, i: number): string {
  if (!shell.isTerminal) {
    return group.pictures.map(file => tabbed([String(i + 1), file.path, file.similarity.toFixed(6)])).join('')
  }
  const { paint } = shell
  const lines = group.pictures.map(file => `  ${paint.dim(file.similarity.toFixed(3))} ${printable(file.path)}`)
  return `${[paint.bold(heading(group, i)), ...lines].join('\n')}\n\n`
}
